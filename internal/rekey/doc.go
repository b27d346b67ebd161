// Package rekey lets a group change its keys while it runs.
//
// It is ring 1: one deterministic machine a host. The ring itself is a value that
// merges (internal/keys); what seals is internal/seal; here is who has which ring,
// when a key may be used, and when one may be forgotten. docs/adr/0014.
//
//	operator, expulsion ──▶ ring changes ──▶ Save ──▶ Saved ──▶ Keys to all
//	a member's Keys differ ─▶ KeyAsk ──▶ KeyGrant ──▶ merge ──▶ Save ...
//	a frame under a key we lack, or have removed ─▶ KeyAsk to where it came from, under each key that we have
//
// # Contract
//
//  1. A host says that it has a key, or which ring, only once that is on its disk; which
//     one it knows it says before.
//  2. A host seals with the key in use once every member of its view has said that it
//     has that key and knows this very ring, or one of them seals with it in a later view, without us; until then
//     with the one before. It never goes back.
//  3. A removed key opens until every member has said that it seals with the one in
//     use, or is gone from the view; then its secret is forgotten. So nothing that a
//     member sends in a rotation is lost for it.
//  4. A ring is given to who asks with a frame that opened and a signature that held,
//     unless that host was expelled and is no member. It travels in a box between two
//     keys drawn for it, which both ends sign: knowing a ring key does not open it.
//  5. In a group whose members agree nothing is sent, but by the coordinator one Keys
//     a view that brings somebody; whom that has not reached asks for it.
//  6. Whatever comes in, what is kept and sent is bounded.
//
// # What it does not do
//
// It does not judge signatures nor who is a member: its caller does. It reads no
// clock and draws from the source it was given alone.
package rekey
