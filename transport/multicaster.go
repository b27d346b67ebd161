package transport

import (
	"context"
	"time"
)

// Multicaster is a transport that has a multicast group. Any goroutine may call its
// methods.
type Multicaster interface {
	// HearsItself listens for so long, from when it can, and reports whether a multicast
	// of this transport itself came back, and if not, how many went out meanwhile. It ends
	// with ctx, too.
	HearsItself(ctx context.Context, most time.Duration) (heard bool, said uint64, err error)
	// Rejoin leaves the group and joins it anew, so that the switches on the way are
	// told once more that this host listens.
	Rejoin() error
}
