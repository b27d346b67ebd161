// Package stable keeps the few facts of a host that must outlive its process:
// who it is, how often it was started, and the highest view seq it has promised
// or installed. It is ring 3: it owns a directory and nothing else.
//
// # The directory
//
//	lock        held (flock) while a daemon runs; holds its pid for people
//	identity    Ed25519 private key, PKCS#8 in PEM; the host id is its hash
//	state       two slots of two copies each: incarnation, view seq, host id
//	peers.json  the hosts it was ever with; a hint for the next start, best effort
//
// The directory has mode 0700 and its files 0600; wider ones are refused.
//
// # Contract
//
//  1. [Open] has made a new incarnation durable before it returns: no
//     incarnation is ever used by two lives of the host.
//  2. When [Store.SaveSeq] has returned nil, every later Open on this directory
//     finds a seq at least as high, whatever crashed in between.
//  3. After an error of SaveSeq the Store has failed for good: a disk that
//     refused a sync once may have dropped the data and say "done" the next
//     time (fsyncgate, 2018). The host stops; the next Open reads what is there.
//  4. What cannot be read is refused with [ErrDamaged], which says what, where
//     and what to do. It is never guessed and never silently begun anew.
//  5. Peers are a convenience: no error about them stops a host.
//
// # Invariants
//
//	S1  At any moment at least one slot holds the last acknowledged record, for
//	    a write goes to the other slot, after that one is known to be durable,
//	    and no two blocks share a page.
//	S2  One damaged block never loses an acknowledged record: a slot is written
//	    as two copies in two blocks, under one sync. Where a whole slot is lost
//	    all the same, the incarnation skips one and the seq a million, since the
//	    lost record may have held the next.
//	S3  A block says which place it was written for, so a misdirected or swapped
//	    one is not taken for another.
//	S4  The first start writes the state before the identity. So an identity
//	    without a state means loss, and a state of incarnation zero without an
//	    identity means a first start that was cut short, which is begun again.
//
// # What it does not do
//
// It cannot see that the whole directory is an older copy of itself (a restored
// image, a cloned disk): every block of it is good. The group can, since it has
// met later incarnations; it refuses such a host. See
// TestAnOlderCopyIsNotDetectedHere. Nor does it encrypt the key, or keep what
// the group as a whole decided: that is the meta storage's.
//
// # Tests
//
// [Disk] is the seam. [OpenFile] is a real directory, [Mem] one in memory that
// can crash and keeps what was synced and a seeded part of the rest; package
// stabletest holds what both must do, and the simulator runs this same code
// over Mem.
package stable
