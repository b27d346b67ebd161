// Package tcp is the transport for networks that let only TCP pass: frames on one
// connection a pair of hosts, configured peers, one port.
//
// A connection is made when a frame is sent to an address or a process there is
// watched, whoever dials. Both ends greet (package greeting) and say where they take
// member traffic: that is where frames come from, whatever port the connection has.
// Then each way is a stream of pieces:
//
//	kind 1, length 3 (big-endian), then length bytes
//	kind 0   a frame, 0 to 65,507 bytes
//	kind 1   goodbye, one byte: why. Nothing follows; the other end answers it
//	kind 2   nothing: the dialler's first piece, when it has read the answer. Until
//	         then the acceptor does not count on the connection
//
// # Contract
//
//  1. The caller never waits. What the kernel does not take at once is queued for its
//     peer, up to a bound, and a goroutine that lives as long as there is something
//     writes it; beyond the bound the oldest frames go, counted. So a peer that takes
//     nothing costs its queue and holds up nobody.
//  2. A system call carries all frames that a batch has for a peer. One goroutine, the
//     caller of Receive, reads from all connections; a thousand cost no more of them.
//  3. Where two processes come to have two connections, since both dialled at once or
//     one has lost its end, the newer serves, and the lower of the two (host,
//     incarnation, nonce) says goodbye to the older. What is on it still comes.
//  4. Whoever ends a connection while its process goes on says goodbye first, so an end
//     without one is evidence, by the table of package tether: Closed at an end of
//     file; then it is dialled at once: Refused, Replaced or None. A reset is what the
//     dials that follow it find, since a NAT that has forgotten a connection has both
//     ends reset it: Closed only where nothing answers for one and a half seconds, and where
//     something was heard within a second. A connection that the kernel gave up, or that
//     we did, is no evidence. A refused dial is none where the port never greeted us,
//     unless the process has just ended a connection that it had made.
//  5. A connection that nothing gets through, by what the kernel says of
//     acknowledgements, is dialled beside after 400 ms and given up when another
//     stands, or after 5 s (TCP_USER_TIMEOUT); never by keepalives. Heartbeats above
//     decide whether a host is there. Where the other end is heard meanwhile and long
//     frames were under way, the path may swallow long packets: the new connection
//     has segments of 512 bytes.
//  6. One who was met within an hour and does not answer is dialled some three times
//     a second as long as somebody sends to it, so that a cut that heals is noticed;
//     others with growing waits, up to 5 s. Jitter has a seed.
//  7. No peer makes it block, grow or panic: connections that have not greeted,
//     connections in all and of a host, addresses, dials, queues and times have
//     bounds (limits.go), and a length is judged before memory is taken for it.
//     Who connects and says nothing keeps no other address out. The wrong group is
//     told so in one byte.
//  8. Close closes the listener first and waits for all it started. What was sent is
//     given 200 ms to go.
//
// # What it does not do
//
// It knows no other way than its connections; whoever has one for frames that none of
// them takes hands it in as [Detour]. It repeats no frame: what a connection loses when it ends is lost. It knows who is
// in the group as little as any transport, and finds nobody: who is sought is
// said above. Greetings are claims until keys prove them; one who comes from another
// address than it claims is no evidence and takes nobody's place. Frames are sealed
// above, so it reads and writes the kernel's connections themselves, and a greeter
// must leave them as they are.
package tcp
