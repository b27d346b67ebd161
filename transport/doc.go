// Package transport says how frames travel between the daemons of a group, and
// how one daemon watches the life of another's process.
//
// It is ring 3: the driver in package gms owns a [Transport], hands what it
// receives to the engine and carries out what the engine says. A frame is
// opaque here; whose it is, whether it belongs to this group and whether it
// came twice is judged above.
//
//	mem     in one process, for tests; no clock, no socket
//	udp     UDP by unicast; TCP tethers on the same port
//	mcast   the same, with IPv4 multicast for who is not known yet and for what is for all
//	tcp     one TCP connection a pair of hosts, which carries frames and is the tether
//	router  the same among hosts that find each other through gossip routers, with a
//	        detour by way of those where there is no connection
//	gossip  no transport: the gossip router itself
//	lab     wraps any of them and cuts or delays links, for demo and game days
//	tether  the silent TCP connection that closes when a process ends
//
// # Contract
//
//  1. A frame arrives whole or not at all; loss, doubling and reordering are
//     allowed and repaired above.
//     [Transport.SendBatch] and [Inbound] move many at a time, but frames are
//     never glued together or cut: where the system coalesces them, Segment
//     says where one ends.
//  2. Nothing blocks the caller longer than a system call, [Transport.Receive]
//     excepted. A full socket buffer loses the frame and says so.
//  3. Every queue has a bound; what is thrown away is counted ([Counter]).
//  4. Evidence is about processes: a cut network, a slow host or a firewall
//     never looks like a process that ended. That a relay has lost one is a reason to
//     ask it, and says so.
//  5. Nothing a peer sends makes a transport panic, block or grow.
//
// The conformance suite in package transporttest holds every implementation
// against this list.
//
// # What it does not do
//
// No sealing, no retransmission, no flow control, no membership: a transport
// does not know who is in the group, nor where hosts may be (package discovery).
// IPv6 is not supported.
package transport
