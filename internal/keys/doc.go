// Package keys holds the keys of a group as values: the [Key], the [Ring] of
// them, how two rings become one, and how a ring stands in a file.
//
// It is ring 0: it draws no key by itself (the caller brings the randomness),
// reads no file and knows no clock.
//
// # A ring
//
//	keys      live: what they seal opens
//	use       the one that seals
//	removed   names of keys that were; they never come back
//	barred    hosts that were expelled: nobody gives them a ring
//
// # Contract
//
//  1. A Ring is immutable; every operation gives a new one. The zero Ring holds no
//     key and says of a group that it is not sealed.
//  2. [Merge] is commutative, associative and idempotent, so rings that were changed
//     apart become the same one, whichever way they meet.
//  3. A ring that holds a key always has one in use, and that is live. Of removals
//     that would together leave none, the key that was named last stays.
//  4. No way of printing a Key or a Ring gives a secret away; only [Ring.Text] and
//     [Ring.AppendTo] write secrets, for the file and for a sealed box.
//  5. Reading is bounded and gives one error that names the line.
package keys
