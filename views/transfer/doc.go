// Package transfer carries an application's state from a donor to a joiner of
// a light group, over datagrams that get lost, as one deterministic machine a
// host, without goroutine, clock, socket or disk.
//
// The joiner's membership takes effect at a place of the agreed order, the cut.
// Exactly the messages before it are in the state. If the donor fails, a later
// cut names another; the joiner's file stays, and only what differs is sent.
//
// # Shape
//
// The joiner drives. It says what it has and how far chunks may come; the donor
// answers at once and keeps only a timer for its last word.
//
//	joiner                                donor
//	Ask  who I am, sizes, bytes kept  ->
//	                                  <-  Offer  length of a chunk, slots
//	Want next, limit, missing         ->         reads its state in order
//	Have hashes of what is kept       ->
//	                                  <-  Chunk  or, for what is kept, Same
//	Want ...                          ->
//	                                  <-  End    chunks, bytes, SHA-256
//	Done: verified                    ->         Complete
//	(writes end, Seal) Complete
//
// Both hold a ring of the same number of chunks, a window. The donor reads each
// chunk once and holds it until the joiner has it, so any reader will do. The
// joiner holds what is out of order, sums and writes in order, and lets come
// what fits behind what is on disk.
//
//	others do    a list of hashes of what is on disk, kept beside it.
//	we do        read the file again, a window ahead, and hash what is there.
//	because      the sum of the whole needs those bytes anyway; then no list can
//	             be wrong about a torn write, and a terabyte costs no memory.
//
//	TCP does     takes loss for congestion.
//	we do        let a flight be under way that shrinks when round trips grow, or
//	             when an eighth of it is lost; less is repaired (flight.go).
//	because      a local net loses little, and where it is full the queue shows.
//
// # Contract
//
//  1. Inputs carry now, not falling. Drain after each and act on it before the
//     next: what a Send holds may change then. Call Advance at Deadline.
//  2. A TransferID is used once. Donate and Receive begin, one Complete or
//     Failed ends, in each role.
//  3. Answer Reads and KeptReads in their order, Writes in any order. The file
//     is one a joiner, temporary: Writes go to it at their Offset, and it
//     survives a Failed to be the next attempt's (Receive's kept is its length).
//  4. At Seal cut the file to its length and make it durable. Show it to the
//     application at Complete, and never else.
//  5. Messages handed in come from the process named: frames are sealed below.
//  6. After Complete or Failed, or a Cancel, close the reader or the file;
//     answers that come later are ignored.
//
// # Messages
//
// Each begins with version 1 and its kind; all but Ask then have the tag, 8
// bytes. Numbers are varints in their shortest form, a list has its length in
// one byte before it. Nothing may stand behind.
//
//	kind        fields                                                      bytes
//	1 Ask       id, serial, largest chunk, window, kept                     < 175
//	2 Offer     echo, delay, chunk, slots, size                              < 40
//	3 Want      serial, next, limit, stalled, 0-64 x (gap, count)           < 600
//	4 Have      next, from, 1-64 x hash (16)                              < 1,060
//	5 Chunk     index, echo, delay, CRC-32C (4), content         content + <= 36
//	6 Same      echo, delay, from, 1-64 x hash (16)                       < 1,070
//	7 End       echo, delay, chunks, bytes, SHA-256 (32)                     < 70
//	8 Done      -                                                              10
//	9 Stop      by the donor, reason                                           12
//
// # Invariants
//
//   - Whole: Complete at a joiner means that its file has the length and the
//     SHA-256 its donor said. All else is Failed, and the file is not shown.
//   - Bounded memory: a transfer holds at most Window bytes of content, and
//     about 100 bytes for each of its at most Window/1024 slots, however large
//     the state and whatever a peer says. No more than Config.Transfers run,
//     and no more than Config.Memory is promised.
//   - Bounded time: without progress a joiner ends after its patience, a donor
//     after two; a seal has ten. What is said again is said ever more seldom.
//     A donor lets go as soon as the joiner has verified, or with its patience.
//   - Bounded cost: a chunk is repeated only when asked for, after a wait that
//     doubles from 250 us to 256 ms. So a joiner that lies gets its window four
//     times a second, for as long as it does not go on, which ends.
//   - Named: a donor that contradicts itself is DonorLied, with an error that
//     says in what: a CRC (eight times for a chunk all wait for, 32 times in a
//     row for any), a hash, a length, the end, the sum.
//   - No chunk that the joiner has on disk at the same place is sent.
//
// # Not here
//
// Who donates, when to try another, buffering the messages behind the cut,
// limits of rate, content that has moved (chunks are compared at their places),
// and patience with a donor that sends one chunk in each of its patiences: that
// is for Cancel.
package transfer
