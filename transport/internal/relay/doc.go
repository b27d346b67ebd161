// Package relay is what members and gossip routers say to each other on a TCP
// connection: the greeting, and the pieces behind it (package stream).
//
// # Greeting
//
//	dialler   Hello      83 bytes: who it says that it is
//	router    Challenge  57 bytes: 32 random bytes and the router's number, or a refusal
//	dialler   signature  64 bytes, of both, by the key whose hash the host id is;
//	                     another router sends none
//	router    Welcome, or Refused with a reason
//
// The challenge is shorter than the Hello, and drawn anew each time. The signature
// covers all that the member claims, so who lacks its key can neither register in its
// place nor alter where it is.
//
// # Pieces
//
//	Frame     member to router: to whom, frame. Router to member: from where, frame.
//	          Router to router: group, from where, to whom, frame
//	Welcome   for how long a registration stands without a sign of life
//	Refused   why not, and in words
//	Ping      is answered by a Pong with the same number
//	Entries   registrations that stand; a later one of the same life replaces it
//	Gone      lives that are registered no more
//	Synced    a router has told all that it holds
//	Bye       the member leaves
//
// All numbers are big-endian. Nothing here trusts a length: [Sizes] judges it first.
// No piece holds a secret, and frames are opaque.
package relay
