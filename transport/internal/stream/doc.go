// Package stream carries pieces, each with a head of four bytes, on TCP connections:
// how they are cut out of a stream, how many are written with one system call, what
// waits for a peer that takes none, and how one goroutine reads many connections.
// Packages tcp and router, and the process of a gossip router, share it.
//
// Contract:
//
//  1. A [Writer] never waits in Push: what the kernel does not take at once is queued,
//     up to a bound, and a goroutine that lives as long as there is something writes
//     it. Beyond the bound the oldest frames go, counted. Pieces put with Urge pass
//     frames that are queued, and are never dropped alone: where they are too many the
//     connection fails.
//  2. An [Inbox] reads all its connections with one goroutine, the caller of Receive,
//     and hands pieces to their [Reader]. A length is judged by the reader's [Sizes]
//     before anything is taken for it.
//  3. Nothing that comes makes it panic, block or grow.
//
// It knows no addresses, no processes and no kinds but [KindFrame].
package stream
