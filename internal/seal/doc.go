// Package seal closes the frames of one process and opens those of others.
//
// It is ring 1: pure functions and tables over bytes; keys and nonces come in.
// Docs: docs/adr/0014, PROTOCOL.md ("Sealing").
//
//	session key = HKDF-SHA-256(ring key; salt: "gmsd frame 1", group;
//	                           info: host, incarnation, nonce of the sender), 16 bytes
//	body        = AES-128-GCM(session key; nonce: 4 zero bytes, counter of 8; AAD: the header,
//	                          and the host that it is for, where the counter says that there is one)
//
// The counter stands in the last eight bytes of the header. Its highest bit is the
// [Row]: what goes to all and what goes to one overtake each other on the way, so
// each counts by itself. The next bit says that the frame is for one host, which is
// authenticated and not sent.
//
// # Contract
//
//  1. No pair of session key and counter closes two frames: the nonce of a process
//     is drawn at its start, and a counter never falls.
//  2. A frame opens once for one receiver ([ErrReplayed]), and not at all once its
//     counter is windowBits behind its row's highest.
//  3. What is for one host opens for no other ([ErrForged]).
//  4. Nothing is kept of a speaker before a frame of it has opened. Of those that
//     have, at most sessionsMax are kept; those named by [Sealer.Keep] are never
//     forgotten for others.
//  5. Nothing that comes in makes it panic. A frame that does not open leaves
//     nothing behind.
//  6. In steady state nothing is allocated.
//
// # What it does not do
//
// It judges no sender: whoever has the key of the ring may be anybody. Signatures
// (internal/engine) and the protocol of strangers (views/vsync) see to that.
package seal
