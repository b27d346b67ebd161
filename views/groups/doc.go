// Package groups is the table of light groups: named groups whose members are
// ports, the clients of the hosts' daemons. It lies over one host membership and
// one agreed order, as in Spread and Corosync's CPG: a group costs no membership
// protocol of its own. It is one deterministic machine without goroutine or
// clock, driven by internal/engine.
//
// # One rule
//
// A port's wish is multicast as a control and counts at its place in the agreed
// order, at every host alike. Otherwise the table changes at the install of a
// host view alone, from what all who install it together know. So hosts that
// share a table go on sharing it as long as they come along with each other.
//
// # A host view
//
// The side of a host are those who share its table. At an install the members
// on hosts that did not come along go, and groups that lost one, or had a change
// under way, have a new view at once: (view, 0). If the side is all of the view,
// that is all: nothing is said. Otherwise there is an exchange. The first host
// of each side announces its table for all of it; once all hosts of the view
// are spoken for, the union is formed at that place. A group that one side alone
// knows stays as it is, any other has a view (view, k). Join order is kept; of
// two sides the one of more hosts stands first, then the one with the lower rank.
// Operations agreed in between wait for the end, or for the next install.
//
//	others do    one transitional configuration, then the regular one (Totem).
//	we do        group views at the install that hold for one side, told apart
//	             by GroupViewID.Side, then those of the union; only for groups
//	             to which something happened.
//	because      a port that had been elsewhere in between must not come from the
//	             same group view as one that had not (P9), and a loss need not
//	             wait for an exchange.
//
// # A change of a group
//
//  1. A join or leave agreed at k1 opens a change, where members stay; Block asks
//     the blocking ports among them.
//  2. A host with members that stay, whose ports have all answered, or are out,
//     holds back what its ports send to the group in FIFO order (Quiesce). What they
//     sent before goes out ([Machine.Drained]); then the host says Ready.
//  3. At k2, where the last host's Ready is delivered, the group view is
//     installed, with all that was agreed until then, and Resume ends the hold.
//
// So FIFO messages of members are virtually synchronous with the group's views,
// too: all that a member sent before it stopped is delivered before its host's
// Ready, so before k2, everywhere; all that it sends later is delivered after k2.
// Agreed and safe messages have places and need not wait.
//
//	others do    one flush protocol a light group, or FIFO without promise (Spread).
//	we do        one round of controls, behind fences (views/vsync).
//	because      the agreed order does all the rest.
//
// A host view ends all changes: vsync has flushed, and the driver asks
// [Machine.BlockersLocal] before it lets one begin. The driver keeps the time:
// [Machine.Leave] with Cut ends the wait for a port that does not answer.
//
// # The application's state
//
// A member that did not want the state when it joined has it; one that did has it
// once it says so. Where a joiner that wants it is installed, and again where it
// says that its donor has failed, the order is cut: [Handover] names the cut and
// the donor, the oldest member that has the state, and where nobody has said that it
// has it, the oldest that came before: it may have it, or refuses. The first of a group
// makes its own, and has it. All hosts find the same from the table.
//
// # Contract
//
//  1. Call [Machine.HandleView] at every install of vsync, first of all at the
//     one of this host alone, and [Machine.HandleControl] for every delivered
//     control, in the order of delivery, those of this host included.
//  2. After each input take [Machine.Drain]: multicast the controls in agreed
//     order before any message of an application, give the events to the ports.
//     Who is agreed at an install to know of no group ([Machine.Bare]) is not
//     waited for: where that is all, there is no exchange.
//  3. A control given out comes back exactly once, in this view or a later one.
//  4. While [Machine.Settled] is false, neither send what applications send nor
//     deliver what others sent.
//  5. A port number is used once in the life of a process. After Leave or
//     PortGone a port gets no group view; Leave is answered by one Parted, also
//     if the port joins again before that.
//  6. From Quiesce to Resume send nothing to that group that a port of this host
//     wants sent in FIFO order; call [Machine.Drained] once all from before was sent.
//     A control is delivered after all that its sender sent before in FIFO order;
//     what a host sends in FIFO order is delivered after all controls that were
//     delivered there before (views/vsync).
//  7. Let a port go (Leave, PortGone) once all it sent before was sent; answer for
//     it (Ready) at once, since what it sent may be held back.
//
// # Invariants
//
//	G1 Equal group and id, equal members in equal order, at all hosts.
//	G2 Ids rise at each port.
//	G3 Ports that go from one group view to the same next one have equal Trans,
//	   and are in it (P9).
//	G4 Joined and Left are the difference of two group views in a row.
//	G5 A port is in every group view it is given.
//	G6 A Block is followed by a group view or the port's Parted.
//	G7 Settled hosts of one view have equal tables, whatever peers announced.
//	G8 A joiner that wants the state and its donor are told the same cut; the donor
//	   is the oldest member that has the state, other than those that failed it,
//	   or, where none says so, the oldest before the joiner. Nobody came before a
//	   first one.
//	G9 Ports that go from one group view to the same next one have taken the same
//	   FIFO messages of its members in between.
//	G10 A Quiesce is followed by one Resume, whatever becomes of the group.
//
// # Peers that lie or break
//
// A host is believed what it says of its own ports, and the first of those who
// speak for a host is believed what it says of that host's ports. What the
// machine decides follows from delivered bytes in their order. A malformed
// control is dropped whole; a malformed announcement counts as one without
// groups, and the next host of the side speaks for the rest. A host whose ports
// were left out or invented finds it when the table is settled, and says it
// again (mend.go). A host that announces nothing keeps the view unsettled:
// [Machine.Waiting] names it.
//
// # Bytes
//
// u is an unsigned LEB128 varint in its shortest form, s a u length and bytes,
// view u seq, 16 bytes coordinator, u incarnation. A control is at most
// [ControlMax] bytes.
//
//	control   version=1, kind, body
//	kind 1    operations, one or more:
//	            1 u port, flags (1 block, 2 wants the state, 4 has it),
//	              u join number, s name, s group                            join
//	            2 u port, why (1 left, 2 crashed, 3 cut), s group           leave
//	            3 u port                                                    gone
//	            4 u port, u join number, s group                            has the state
//	            5 u port, u join number, s group, u count (at most 32),
//	              then 16 bytes, u incarnation, u port for each             asks for a donor,
//	                                                                        none of these
//	kind 2    announcement: view, u part, flags (1 last);
//	            part 0: u count, ranks as u gaps, rising;
//	            groups by rising name; the first may go on from the part before:
//	            s group, flags (1 same view as the group before; else view),
//	            u k, u side, u count, then for each member
//	              u rank, flags (as in a join), u port, u join number, s name
//	kind 3    ready: view, then one or more: s group, u k of the change
//
// # Not here
//
// Messages and their orders (views/vsync), when a port is too slow, the local
// protocol, time.
package groups
