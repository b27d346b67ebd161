// Package vsync agrees on views and delivers messages within them: it is the
// core of gmsd, one deterministic machine without goroutine, clock, socket or
// disk.
//
// # One mechanism
//
// A starting host installs a view of itself alone. After that join, leave,
// crash, partition and merge are the same operation, a view change: a
// coordinator proposes a ballot to a set of hosts; they promise it, stop
// sending and tell which view they come from and what they hold of its
// messages; they complete each other up to a common cut; the coordinator
// decides the view; they install it. The ballot is the id of the view it leads
// to, so a host that keeps its promises installs views rising.
//
//	paper says   extended virtual synchrony (Moser, Amir, Melliar-Smith, Agarwal
//	             1994) runs on Totem's token; a change of membership is gather,
//	             commit, recover.
//	we do        ballots as in Paxos for who may decide, a flush as in Isis and
//	             Horus for what is delivered; the install is sent only when all
//	             who move together are known to hold the same messages.
//	because      then an install can be acted upon the moment it arrives, whoever
//	             dies next, and nothing missing means nothing exchanged:
//	             propose, answer, install.
//
//	paper says   total order by a circulating token or by a sequencer that numbers
//	             messages it receives.
//	we do        the coordinator grants places in the order before a message is
//	             sent (grant.go).
//	because      a message's place is then part of the message, the same in every
//	             component after a partition (P19), which a sequencer that
//	             numbers afterwards cannot promise.
//
// # Contract
//
//  1. Call an input method with the time and what happened.
//  2. Take [Core.Drain] and act on it in field order.
//  3. Call [Core.Advance] at [Core.Deadline] at the latest.
//
// # Invariants
//
//	I1 A host installs views with rising ids, across restarts: a ballot is
//	   promised on disk before it is answered.
//	I2 One ballot is decided at most once, by its coordinator: equal ids, equal views.
//	I3 Who installs W coming from V has delivered in V exactly what the digest of
//	   its subgroup in W sums: the same messages as all who came along.
//	I4 Between the promise and the install a host neither sends nor delivers.
//	I5 A place in a view's order is granted once; it is sent by its owner or by nobody.
//	I6 A view holds one incarnation of a host, and no host installs an older one
//	   after a newer.
//
// The checkers of internal/sim/check hold the event logs against these (P1-P22);
// the phases are told as films in testdata/scenarios.
//
// # Not here
//
// Which view is primary (views/primary), who has failed (failuredetect gives
// an [Opinion]), bytes (internal/wire), quorum, databases.
package vsync
