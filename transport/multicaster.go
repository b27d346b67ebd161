package transport

import "context"

// Multicaster is a transport that has a multicast group. Any goroutine may call its
// methods.
type Multicaster interface {
	// HearsItself reports whether a multicast of this transport itself came back
	// before ctx was over.
	HearsItself(ctx context.Context) (bool, error)
	// Rejoin leaves the group and joins it anew, so that the switches on the way are
	// told once more that this host listens.
	Rejoin() error
}
