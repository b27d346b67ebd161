package member

import (
	"context"
	"errors"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// Port is a program's way into light groups. Next is called by one goroutine, all
// else by any.
type Port interface {
	// Self is this port; Join of the result is 0. Over a daemon it changes with
	// every connection (KindGap).
	Self() groups.Member

	// Join enters a group and returns when its first view is among the events.
	// Errors: views.ErrGroupName, groups.ErrMember, groups.ErrFull, [ErrClosed].
	Join(ctx context.Context, group string, o Options) error

	// Leave goes out of a group and returns when all agree. Messages sent before are
	// delivered before. Error: groups.ErrNotMember.
	Leave(ctx context.Context, group string) error

	// Send multicasts to a group, of which the port need not be a member, and
	// returns when the message has been delivered at this host under its order's
	// promise. At most views.PayloadMax bytes. While too much waits to be sent it
	// waits, too.
	Send(ctx context.Context, group string, order views.Order, payload []byte) (Receipt, error)

	// Post is Send without waiting for the delivery. The payload may be used again
	// on return.
	Post(ctx context.Context, group string, order views.Order, payload []byte) error

	// TryPost is Post, but gives views.ErrFull rather than wait.
	TryPost(group string, order views.Order, payload []byte) error

	// Request sends to all members of a group in agreed order and collects their
	// answers, in the order in which they came. The port must be a member. It
	// answers itself like the others. Where the answers that its requests collect
	// would pass 64 MiB together, the request ends with views.ErrTooLong.
	Request(ctx context.Context, group string, payload []byte, need Need) ([]Reply, error)

	// Reply answers a message whose Request is not 0. Whom it is for goes before the
	// payload, which may have 46 bytes less than views.PayloadMax.
	Reply(ctx context.Context, group string, to *Message, payload []byte) error

	// Ready says that the port has stopped sending to a group, as KindBlock asked.
	Ready(group string)

	// Next waits for events and gives all there are, oldest first; they are the
	// caller's until the next call. At the end the error is ErrClosed, ErrSlow, or
	// what ended the connection.
	Next(ctx context.Context) ([]Event, error)

	// Close leaves all groups and ends Next. It is idempotent.
	Close() error
}

// Errors of ports.
var (
	// ErrClosed: the port was closed, or its host has stopped.
	ErrClosed = errors.New("the port is closed")
	// ErrSlow: it did not read its events and was cut.
	ErrSlow = errors.New("the port did not read its events and was cut")
	// ErrBlocked: it did not answer a block in time and was cut from the group.
	ErrBlocked = errors.New("the port did not answer a block in time and was cut from the group")
	// ErrNoDonor: no member is left that can give the state, and the port was cut
	// from the group.
	ErrNoDonor = errors.New("no member is left that can give the state")
	// ErrState: the state could not be taken here, as by a full disk, and the port
	// was cut from the group.
	ErrState = errors.New("the state could not be taken")
	// ErrLost: the connection was lost while waiting; what was sent may or may not
	// be delivered.
	ErrLost = errors.New("the connection to the daemon was lost; the fate of the message is unknown")
)
