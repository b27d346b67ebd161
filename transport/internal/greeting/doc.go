// Package greeting is what two daemons say first on a TCP connection, and what an
// observer makes of it: who holds the other end, whether that is the process it
// watches, when to dial again. Packages tether and tcp share it.
//
// Contract:
//
//  1. A [Greeter] says who the peer is, over a connection that the caller has
//     given a deadline. It reads not a byte beyond the greeting: what follows is
//     the caller's.
//  2. A greeting has a fixed size and takes no memory before it is judged. Who cannot be
//     understood for a reason that an operator can mend (another group, another key,
//     none) is told so in one byte; anything else is told nothing. Before the other side
//     has proven itself it gets one answer, of fixed size.
//  3. The dialler speaks first; the acceptor answers once it keeps the connection.
//     So whoever has read an answer knows that it is kept.
//  4. A [Subject] turns what was met into evidence by the table in package tether,
//     and tells only news.
//  5. [Steps] grow and are bounded; jitter comes from the source it is given.
//
// [Plain] proves nothing: what it says of a peer is a claim. [Sealed] proves that the
// peer has a key of the group and the identity of its host, in this very exchange.
package greeting
