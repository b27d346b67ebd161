// Package clientwire is the codec of the local protocol: what a program and the
// daemon of its host say to each other (docs/CLIENT_PROTOCOL.md has every byte).
//
// It is ring 2: pure functions over byte slices, one pair a frame, AppendX and
// ParseX. Who speaks when, what may wait and how much of it, is for
// internal/clients (the daemon's side) and client (the program's).
//
// # Contract
//
//  1. AppendX(dst, x) appends one whole frame. The caller holds x against the
//     limits of this package and of package views; what is beyond them, the
//     other side refuses.
//  2. [Cut] takes the first frame off a stream. ParseX reads its body, and
//     refuses what is too long, too large, not in its shortest form or left over.
//  3. What ParseX gives shares memory with the body: payloads and lists of bytes
//     are slices of it. Names are copies.
//  4. Nothing is allocated for a message, in either direction, but to grow dst.
//  5. One value has one encoding: what ParseX takes, AppendX gives back.
//  6. [Incoming] and [Outgoing] are the two ends of the stream of a state: what may
//     be sent, what waits to be read, and what breaks the rules. Locks, and who
//     waits, are their users'.
//
// # Invariants
//
//	W1 No input makes it panic, or take more memory than a small multiple of its length.
//	W2 A frame is at most 4+FrameMax bytes.
//	W3 An Incoming holds at most its window and a frame, whatever the other side does.
//	W4 testdata/vectors.txt holds a frame of every type; it may gain lines.
//
// # Not here
//
// Order of frames, credit but that of streams, putting parts together, reconnecting.
package clientwire
