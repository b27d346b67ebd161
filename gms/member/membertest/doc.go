// Package membertest is the conformance suite of member.Port, and a cluster in
// memory that passes it.
//
// [Run] holds an implementation against each promise of package member: order
// across groups, one agreed order everywhere, views and transitional sets,
// states at their cut, blocks with and without an answer, requests, back-pressure, long messages,
// the end of a port. It is run over the [Fake], over the socket of the daemon with
// the Fake behind it, and over real hosts.
//
// Contract:
//
//  1. Run makes a fresh [Cluster] for each test and closes the ports it opened.
//  2. It knows nothing of time but that all comes within [Patience]; it never
//     sleeps.
//  3. The Fake is one sequencer under one lock: what it delivers is agreed and
//     safe at once. Its queues have bounds, its blocks end, and a port that does
//     not read is cut, as with real hosts.
//
// It does not test what a group does when hosts part and merge: that is for the
// simulator and its checkers.
package membertest
