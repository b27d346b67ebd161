// Package gms makes a program a member of a group.
//
// A group is a set of hosts that agree on views. A view is a list of members
// with an identifier; every host installs views one after another, in one total
// order, and whoever is in a view has agreed to it. Messages are multicast
// inside a view and delivered virtually synchronously with it: two members that
// go together from one view to the next have delivered the same messages in
// between. So what every member computes from views and messages is equal at
// every member, without asking.
//
//	h, err := gms.Start(ctx, gms.Config{Name: "h1", DataDir: "/var/lib/app", InsecureLab: true})
//	if err != nil {
//		return err // every fault of the configuration at once, each with its cure
//	}
//	l, err := h.Listen("orders")
//	if err != nil {
//		return err
//	}
//	go func() {
//		for ev := range l.C() { // the current view first, then what happens, in order
//			switch ev.Kind {
//			case gms.KindView:
//				rebalance(ev.View.View.Members)
//			case gms.KindMessage:
//				apply(ev.Msg.Payload)
//			}
//		}
//	}()
//	if _, err := h.Send(ctx, "orders", views.Agreed, order); err != nil {
//		return err
//	}
//	return h.Leave(ctx)
//
// # What is promised
//
//  1. View ids rise at every host, over its restarts too, and one id is one
//     list of members everywhere.
//  2. A message is delivered in the view it was sent in, at most once, at its
//     sender as well. FIFO keeps each sender's order; Agreed is one order for all;
//     Safe is Agreed, delivered when all members hold the message.
//  3. Members that install the same two views one after the other have delivered
//     the same messages in between. Snapshot.Trans says who came along.
//  4. The bits and attributes of a member change at a place of the agreed order
//     of its view ([KindState]), so everyone sees them change between the same
//     two messages.
//  5. A listener sees views, blocks and messages in the order in which the host
//     acted. A line of the event log is written before its effect is visible to
//     anybody else.
//  6. A caller that is told something (a [Receipt], SetBits returning) was told
//     after it had happened here.
//
// What is not promised: that a view is the only one (after a partition every
// side has its own, and they merge when they meet again), that a suspected host
// is gone, or that a message whose sender's context ended was not sent.
//
// # Life
//
// [Start] returns with a view of this host alone; it meets the others within
// fractions of a second, which is one more view ([Host.WaitView]).
// [Host.Leave] goes gracefully, [Host.Close] at once. A host may also be made
// to stop: [Host.Done] is closed and [Host.Err] says why. Then start a new one:
// it is the same host in a new incarnation.
//
// DataDir holds the identity. One host at a time may use it; a copy is a clone,
// and the group refuses the later of two ([DeniedError]).
//
// # Errors
//
// [FieldError], [DamagedError], [DeniedError] and [FatalError] are types with
// what a program can act on; [ErrBusy], [ErrClosed], [ErrSlow], [ErrGap] and the
// Err values of package views are sentinels for errors.Is. An event log that
// cannot be written (a full disk) does not stop the host: see [Status.EventLog].
//
// # Concurrency and limits
//
// All methods may be called by any goroutine. Inside, one goroutine, the loop,
// owns the protocol; it acts on what the engine says in a fixed order: event log,
// disk, network, application. It never waits for a caller, a listener or the
// disk, and no flood of one kind keeps it from the others: what is posted is
// taken in turns. Beside it one goroutine receives, which handles a lone datagram
// itself while the loop is idle, and one writes to the disk,
// one runs the check command where there is one, and [Listener.C] has one of its
// own; a host at rest sleeps between datagrams.
//
// Who sends faster than the group can take waits in Send and Post, or is refused
// by [Host.TryPost]. Who reads slower than the group delivers slows the group
// down: what was delivered and not read is its backlog ([Stats.Backlog]), and
// from one window ([Config].Window) of it on the whole group sends less, from
// four on nothing until it is read. Nothing is dropped for that. Only a reader
// that takes nothing at all for 10 s of it is cut, with [ErrSlow].
//
// The bounds, each held by a test of its own:
//
//   - calls: CommandsMax wait for the loop, ChangesMax for the group, then ErrBusy;
//   - messages to be sent: OutboxMax bytes, 128 for each beside its payload, or
//     half of that and one long message; the engine has a window more;
//   - the engine takes at most 256 KiB of them, or one message, in a turn;
//   - messages delivered and not read: a listener's queue has no length of its own;
//     it ends because sending does. It holds up to four windows and what is under
//     way, each event counted with 160 bytes beside its payload. Many tiny messages
//     under way take more when delivered than they took on the wire;
//   - what a reader was given, 256 events at most, counts until it asks for more;
//     memory of a flood that was read is given back;
//   - messages that wait for a port's state: 1 MiB in memory, Config.SpoolMax in a
//     file, the rest counts as unread; 64 states are given and taken at a time,
//     each with a window of 1 MiB;
//   - ListenersMax, ObserversMax; EventsMax records, HistoryMax views and of
//     each of these ChangeEventsMax records in memory;
//   - datagrams: four batches of 16, the rest waits in the kernel; 256 disk writes,
//     then the loop waits for the disk.
//
// A bug in the protocol ends the program loudly; nothing a peer sends does.
//
// It does not decide who is primary or what a view means for a database, it
// does not seal what it sends before keys exist (so InsecureLab must be set),
// and it keeps no message once everyone has it.
package gms
