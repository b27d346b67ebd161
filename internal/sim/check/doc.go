// Package check holds the property checkers: it reads what hosts logged
// (package trace) and says which promise was broken, by whom, in which view,
// with the shortest witness.
//
// The properties are those of extended virtual synchrony (Moser, Amir,
// Melliar-Smith, Agarwal 1994) and of the survey of group communication
// specifications (Chockler, Keidar, Vitenberg 2001), the trace rules of
// Galera's gcomm tests, and a few of our own. The list with one statement each
// is in property.go; each is checked in a file of its own.
//
// # Contract
//
//  1. The harness feeds records in an order in which every host's own records
//     keep their order and a message is sent before it is delivered. The
//     simulator has that order anyway; offline, [Merge] makes one from files.
//     Nothing here compares the clocks of two hosts.
//  2. The harness, not the process, tells crashes, restored disks, fault
//     windows and stable windows. Without fault windows ([Options.Harness]
//     unset) the properties which a fault may excuse are counted as excused,
//     never as violated.
//  3. A life is one incarnation of one host in one [Stream]. Streams keep
//     clones apart: two living processes with one host id log into two streams.
//  4. A liveness window is [Checker.Stable] (from here on these hosts are
//     healthy and connected), [Checker.Settled] (by now they must have agreed),
//     [Checker.Drain] (what is sent from here on need not arrive) and
//     [Checker.EndStable].
//  5. Finish is called once; then the Checker is spent.
//  6. A green report is worth nothing without [Report.Activity].
//
// # How it stays fast
//
// Per record the work is constant but for installs, which cost one step a
// member. A delivered set is a cursor a sender, since FIFO is checked anyway,
// and a hash; sets are compared by (view, next view) with the first host that
// took that step. The agreed order of a view is one list that hosts extend or
// follow; only where a host leaves it (transitional deliveries, or a bug) is
// its own list kept and searched for cycles. When no member of a view can come
// back to it, the view's messages are dropped.
//
// # What it does not do
//
// States of applications do not stand in a log: a harness that plays the
// applications tells of them ([Checker.App]), and GV9 and GV10 are held against that.
//
// Of light groups it knows what ports were told and what their host delivered,
// not what each port was given. Of FIFO messages those of members are held against
// group views (GV5): what others send comes beside the changes of a group.
//
// It checks no database property (D) and no services: they come with their
// parts. P18 is checked for agreed messages only, since
// FIFO promises no causality. Order across views needs no search: each host
// installs views rising (P2) and delivers in the sending view (P13), so the
// view ids are a common order of all views.
package check
