// Package adminca makes the certificates of the admin interface from a group's key
// ring, so that no host has a certificate file and no certificate outlives its key
// (docs/adr/0017).
//
// It is ring 3: it draws keys, and reads and writes a client's file.
//
// Each live key of the ring is an authority: an Ed25519 key is derived from it, and
// from that a certificate that is the same wherever it is made. A host shows a
// certificate that it draws at its start and keeps in memory, one under each live key;
// a client shows one that [Issue] made under the key in use of that moment. Who comes
// says under which key it was made (the server name it asks for), so either side has
// what the other believes for as long as that key is in the ring: a rotation cuts
// nobody off, and the removal of a key takes back all that was issued under it.
//
// # Contract
//
//  1. Neither a key of the ring nor one of an authority leaves this package: a [Trust]
//     holds public certificates and the host's own short-lived secret, an [Identity]
//     the client's.
//  2. TLS 1.3 alone, no resumption, and a client without a certificate of a live key,
//     in its time and with one [Role], is not let in.
//  3. A client's certificate proves no host and a host's no client.
//  4. What is read from a file or from a peer is bounded, and a fault is one error.
//
// It does not open connections, and decides nothing about what a role may do: that is
// internal/admin.
package adminca
