// Package failuredetect decides whom a host doubts and whom the group has
// given up: the failure detector as a pure machine.
//
// It is ring 1: it imports the values of views, views/message and views/trace
// and nothing else of ours. Time comes in as an argument, chance from a seed,
// frames and sockets as calls; messages and events go out through Drain. Two
// detectors with one seed and one list of calls say the same.
//
// # Sources
//
// Corroboration by K observers with a high and a low mark, and the expander of
// observers, are Rapid's (Suresh et al., USENIX ATC 2018); the local health
// score and "tell the suspect first" are Lifeguard's (Dadgar et al., DSN 2018);
// deadlines from a smoothed mean and deviation are Jacobson's, in integers.
//
//	Rapid says: K observers a host, fixed until the next view; H of K.
//	We do:      observers the deciding host doubts are replaced at once; the need is min(H, majority of those left).
//	Because:    otherwise the smaller side of a partition never decides.
//
//	Rapid says: whoever stands between L and H blocks the decision.
//	We do:      the band ends by a deadline; what stands then is settled link by link (band.go).
//	Because:    a link that works one way only would block every later change.
//
//	Jacobson says: a deadline from mean and deviation of what arrives.
//	We do:      divide a gap by the beats it spans first.
//	Because:    loss is answered by probes and must not make detection slow; only jitter may.
//
// # From silence to removal
//
//	steady --LateMin..LateMax--> late --> grave --SilenceMin..SilenceMax--> silent
//	   ^       (pings every PingEvery)      |                                  |
//	   +-------------- any frame -----------+----------------------------------+
//
// A member that is heard and answers no ping for twice as long as a silence may last is
// doubted, too, until it answers (answers.go).
//
// Of whom its relay has lost an answer is wanted at once, within a pace and a fifth (relay.go).
//
// A silent member, or one with strong evidence from its kernel, is *doubted* by
// this host; the doubts are multicast as one list (Accuse). A member is *failed*
// in a host's opinion when enough observers that this host does not doubt
// accuse it; whoever accuses one that is heard must answer first (answers.go). Only an
// installed view makes that a fact.
//
// The silences are a beat longer than what the network and a stopped host are
// given to answer, which is measured in paces: a beat, or 250 ms where beats are
// rarer since each is a frame to each member (ADR 21). So a pause of a second is
// forgiven, and a member pinged 15 times before it is doubted, at every Beat.
//
// # Contract
//
//  1. Calls carry `now`, not falling. Call Advance at Deadline at the latest:
//     a call that comes later is taken for a pause of this host.
//  2. Drain after every call, or after a batch. The opinions (Failed,
//     Suspected, Unsettled, Condemned) are those of the last Drain; where not
//     everyone observes everyone, votes are counted every settleEvery at most,
//     and Deadline says when.
//  3. What Drain gave is the caller's until the next call; an Accuse message is
//     never changed.
//  4. Frames handed in are authentic and from the process named; frames of the
//     host itself and of strangers are ignored, and so is an Accuse of another
//     view, so old opinions never enter a new view.
//  5. Spoke after each Advance in which data went out, HeardData for each frame that
//     begins with data: all members or none, since each trusts the other's Spoke.
//
// # Invariants
//
//   - Grace: a member is not doubted for silence before SilenceMin after the
//     last frame, the view's begin or this host's last pause. (One that is taken
//     under observation in the middle of a view is pinged at once for
//     SilenceMin - LateMax at least; one that its relay has lost, for answersIn.)
//   - Band: no member stands accused but undecided for longer than two
//     BandDeadlines while the accusations do not change.
//   - Self: a host never fails itself; where the others must, it is Condemned,
//     and where they do not, it gives up those it has no link both ways with.
//   - Bounded: state is O(members + standing accusations); pings go to at most
//     the observed and twice checksMax more.
//
// # Known limits
//
// A host that is itself stopped for more than two beats, again and again within
// SilenceMin, never doubts anybody: the others must do without it. Where Beat is
// not the same everywhere, those with the shorter one ping the others at each beat.
// A forged frame hides a silence: frames are sealed below.
//
// # Tests
//
// testdata/films tell the rules by example, montecarlo_test.go the cost of loss
// (go test -run Loss -mc-runs 5000), property_test.go the invariants,
// scenario_test.go partitions, crashes and cuts up to 100 hosts.
//
// # Not here
//
// Who coordinates, when a view change starts, what is sent over which socket,
// and any right to act: a suspicion never permits a takeover.
package failuredetect
