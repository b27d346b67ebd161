// Package member says what a member of light groups sees and can do: the same
// whether it lives in the process of a host (gms.Host.OpenPort) or speaks to a
// daemon over its socket (package client).
//
// A [Port] is one program's way in. It may be in many light groups; what happens
// in all of them comes in one sequence, so that order is kept across groups.
//
//	p, err := host.OpenPort("shop") // or client.Dial
//	if err := p.Join(ctx, "orders", member.Options{}); err != nil { … }
//	for {
//		events, err := p.Next(ctx)
//		if err != nil { … }
//		for i := range events {
//			switch e := &events[i]; e.Kind {
//			case member.KindView:
//				rebalance(e.View.Members)
//			case member.KindMessage:
//				apply(e.Group, e.Msg.Payload)
//			}
//		}
//	}
//
// # What is promised
//
//  1. The first event of a group is a view with the port in it; then come the
//     messages that are delivered in that view, and further views, in one order:
//     two members that go together from one view of a group to the next have got
//     the same messages of its members in between, of every order. What one sends
//     that is no member, in FIFO order, is outside of this.
//  2. FIFO keeps the order in which one port sends, over all its groups; Agreed is
//     one order for all ports of the host view; Safe is Agreed, and comes when
//     every host with a member of the group holds the message. A port's FIFO
//     messages and its others may pass each other.
//  3. A port that asked for it (Options.Block) is told before a view of a group
//     changes (KindBlock), and the change waits until it answers (Ready), for
//     Options.BlockFor at most: then it is cut from the group. What it sends before
//     it answers is delivered in the old view, but for what it sends in FIFO order
//     behind a message to another group that changes at that time, and for what finds
//     no way out within 100 ms because hosts change: whoever orders is gone, or the
//     others have stopped. That goes out in the new view.
//  4. A port that does not read slows the group down, to a stop; one that does not
//     read at all for ten seconds while that lasts is cut ([ErrSlow]).
//  5. A request collects one answer of every member of the view in which it was
//     delivered, or word that the member is gone.
//  6. A port that joined with Options.State gets the application's state (KindState)
//     behind its first view and before any message; messages behind the place at
//     which the state was taken wait meanwhile, on disk where they are many, and
//     follow in their order. The order across groups does not hold for those. The
//     oldest member that has the state is asked for it (KindDonate) at that place of
//     its events; where it cannot give it, the next one is asked, at a later place.
//     Views that come before that are shown as they come. Who cannot get the state
//     from anybody is cut from the group ([ErrNoDonor]). All this holds for agreed and
//     safe messages; FIFO ones have no place among the views of a group, so one sent
//     about then may be in the state and come again, or be missed: state that counts
//     is changed by agreed messages.
//
// This package holds values and one interface, no behaviour.
package member
