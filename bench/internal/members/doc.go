// Package members drives the members of a group that are processes of other
// systems, on hosts of a lab (internal/netlab), and measures them all in one way.
//
// A member is a program that joins a group when it is started and speaks lines.
// It says
//
//	VIEW t members coordinator              a view came at t; 1: it coordinates
//	RESULT msgs_s p50 p99 own50 own99       what it received in a load
//	FIGURE metric value run                 something that it measured itself
//
// and is told
//
//	LOAD start open shut size rate sends    receive; if sends is 1, send as well
//
// A load is messages of size bytes from start to shut, rate a second (0: as fast
// as flow control lets); what is received from open to shut counts: messages a
// second, one-way latencies and those of its own messages in µs, -1 for none. Any
// other line, or the end of its input, has a member leave and end. Times are
// CLOCK_MONOTONIC in ns. Lines that begin otherwise are passed over.
//
// Contract:
//
//  1. Where not all members send, the coordinator sends last: that is how
//     `gmsd bench` does it.
//  2. A member that ends by itself is an error of whatever is waited for, with
//     its last words. Every wait is bounded, and ends with its context.
//  3. Members die with the lab, by themselves at [Group.Close], or with us.
//
// A Group belongs to one goroutine. It starts no daemons of its own: those of a
// peer are started by [Start].
package members
