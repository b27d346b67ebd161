// Package demo tells the story of a group on one machine: it starts real
// daemons as child processes, lets things happen to them, waits until every
// survivor has installed the view that must follow, and says how long it took.
//
//	script ──▶ stage (what should be) ──▶ cast (processes), links (network)
//	                 │                          │
//	                 └──── settle ◀── logs ◀────┘  event logs, written by the daemons
//
// The figures come from the event logs, whose times are CLOCK_MONOTONIC of this
// machine, as are ours: from the act to the last survivor's new view.
//
// Two kinds of links: as root, where network namespaces work, each daemon lives
// in one of its own, on a bridge in another one; a cut moves bridge ports.
// Otherwise all live on the loopback interface and cuts are lab faults inside
// the daemons. The demo says which it is.
//
// It ends by itself and leaves nothing behind: children die with it, and what a
// killed demo could not remove the next one does.
package demo
