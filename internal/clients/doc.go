// Package clients is the daemon's side of the local protocol
// (docs/CLIENT_PROTOCOL.md): it listens on a socket, and makes of each connection
// one member.Port.
//
// # One connection
//
//	reader     takes frames off the socket. A post is tried at once; what would
//	           wait, and all that must keep its order behind it, goes into a queue.
//	submitter  works the queue off, and waits where the port does.
//	feeder     takes events from the port and writes them, as far as the client's
//	           credit goes. Without credit it takes none, so that the port, and at
//	           last the group, feels it.
//	shelf      writes the states that the client reads, a piece of each in turn.
//	flusher    gives to the kernel what the others wrote, all at once.
//
// Joins, leaves and requests have a goroutine each, up to Config.Tokens.
//
// # Contract
//
//  1. [Listen] takes all addresses or none; [Server.Serve] answers until Close.
//  2. The reader never waits for a port or a group: a client's credit, pings and
//     goodbye are read whatever its messages wait for. What it may send ahead is
//     bounded by our credit (Config.Window), and one who passes that is cut.
//  3. Messages reach the port in the order of their frames.
//  4. Every token is answered once.
//  5. When a connection ends the port is closed if the client said goodbye, and
//     aborted otherwise ([Aborter]).
//  6. The bytes of a state have credit of their own, either way: they wait for
//     no message, and no message waits for them.
//  7. A client that hangs, floods or speaks nonsense harms itself alone: it is
//     told why in an error frame, where that can still be written, and cut.
//
// # Bounds for each connection
//
//	queue of asks         Config.Window and a frame
//	unfinished message    views.PayloadMax; all of them together Config.LargeBytes
//	requests              Config.Tokens of clientwire.TailMax; what is longer counts
//	                      as unfinished until the port has it
//	written, not flushed  outboxMax, a frame, and a word for each token
//	tokens                Config.Tokens
//	groups with a number  clientwire.HandlesMax
//	states it is given    clientwire.StatesMax, without their bytes
//	states it gives       clientwire.GiftsMax; for each that the port reads,
//	                      clientwire.StreamWindow and a frame
//
// It does not decide who may connect: the socket's mode does.
package clients
