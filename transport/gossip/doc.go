// Package gossip is the gossip router: a process that is a member of nothing, keeps a
// registry of the members of groups with leases, and relays opaque frames between
// members that have no other way. Package router is a member's side; what they say to
// each other stands in package relay. The decision is ADR 20.
//
// # Contract
//
//  1. A registration is a host's: it needs a signature over the router's own challenge
//     by the key whose hash the host id is. The router holds no key and no secret, and
//     cannot read what it relays.
//  2. Who has registered takes nobody's place but its own: lives of one host stand side
//     by side, four at most, and a frame for the host goes to all of them.
//  3. A registration lasts for a lease, by the router's own clock, from whatever came
//     last on the member's connection; it ends with the connection, too.
//  4. Members of a group are told who is registered in it, here or at another router,
//     and what changes, at most twenty times a second.
//  5. Routers that name each other mesh: each tells the others what is registered at
//     itself, and a frame for who is registered at another only goes there, one hop. What
//     a lost router held stands for its lease. Only an address that is configured may
//     say that it is a router.
//  6. Nothing that comes makes it panic, block or grow: members in all, of a group, of
//     an address; groups, lives of a host, strangers, the rate of registrations, bytes
//     queued of a connection and in all, frame lengths and log lines have bounds
//     (limits.go). A slow member loses its own oldest frames, counted. One address gets
//     a part of every bound; who is registered may connect anew whatever is full.
//  7. What is broken closes the connection that it came on, and changes nothing else.
//
// # What it does not do
//
// It does not say who is alive: that a registration ended is a hint to nobody. It knows
// no views. It does not keep an outsider from registering as a host of his own in a
// group whose name he knows: members judge frames by their seals.
package gossip
