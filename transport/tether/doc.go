// Package tether watches processes through the TCP stack of their hosts.
//
// A tether is a TCP connection to the member port of a watched process. Both
// ends greet each other once (package greeting) and then say nothing more,
// keepalives included: an idle tether costs no traffic. When a process ends, however it
// ends, its kernel closes the connection at once, which is faster than any
// heartbeat. When a host or the network fails nothing happens, and the
// detectors above have to find out by silence.
//
//	the dialler sees                             and reports
//	its first greeting from the process          None: it answers
//	end of file or a reset                       Closed, then it dials once more at once
//	that connection refused                      Refused
//	greeted by another process of the host       Replaced
//	greeted by the same process                  None: it answers again
//	anything else (time-out, unreachable, ...)   nothing
//
// Contract:
//
//  1. Only what the watched host's own kernel, or its successor process, said is evidence.
//     A connection refused by a port that never greeted us is none: a firewall
//     refuses so.
//  2. No peer makes it block, grow or panic: greetings have a fixed size and a
//     deadline, connections a bound, a process at most two of them. Nor does one that
//     connects and says nothing keep others out (transport/internal/strangers).
//  3. The wrong group leaves no state behind and is told so in one byte.
//  4. Close closes the listener before the connections, so whoever dials again
//     is refused.
//
// Where the group has keys both ends prove that they have one and the identity of
// their host, in this very exchange (transport/internal/greeting). Without, evidence
// is a claim; it speeds a view up and never permits a takeover by itself.
package tether
