// Package client is a program's way into light groups through the daemon of its
// host, over the daemon's socket (docs/CLIENT_PROTOCOL.md).
//
//	p, err := client.Dial(ctx, "/var/lib/gmsd/clients.sock", client.Options{Name: "shop"})
//	if err != nil { … }
//	defer p.Close()
//	if err := p.Join(ctx, "orders", member.Options{}); err != nil { … }
//
// A [Client] is a member.Port: what is promised stands there.
//
// # What a connection adds
//
//  1. When the connection is lost, calls that wait get member.ErrLost, and the
//     client connects again by itself, with a growing pause, until Close. The
//     next event is a KindGap; Self is another; and the groups in which it was
//     are joined anew. One that cannot be joined any more is parted with its error.
//  2. Meanwhile calls wait, as long as their context; with Options.FailWhileDown
//     they get member.ErrLost at once. TryPost gives views.ErrFull.
//  3. Posts that were taken when the connection was lost may be lost with it.
//  4. A daemon that cuts the client for its own fault (it did not read, it broke the
//     protocol) ends the port: Next gives the reason.
//  5. What waits to be read is bounded by Options.Credit, what waits to be sent
//     by what the daemon grants.
//  6. A state that comes, or goes, when the connection is lost ends with
//     member.ErrLost; with the group's rejoin its transfer begins anew, behind the
//     KindGap. What comes is held by the daemon and passed on as it is read: at
//     most 320 KiB of it are here. At a daemon that is too old for states, a join
//     that wants one is [ErrNoStates].
//  7. TryPost of a payload over 60 KiB waits while its parts go out.
//
// It does not start a daemon, and knows nothing of views of hosts.
package client
