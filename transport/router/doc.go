// Package router is the transport of hosts that find each other, and where they must
// also reach each other, through gossip routers (package gossip). It is ring 3. The
// decision, with what an outsider can do, is ADR 20.
//
// Members go directly where they can: this is package tcp, with its connections and its
// evidence, and the routers are whom it hears addresses from. A frame goes through a
// router where no connection leads to its address, where nothing gets through it, or
// where it leads to somebody else. So a running view does not depend on a router's
// life, unless members have no other way to each other than that one router.
//
// # Contract
//
//  1. A member registers with all routers, proves by its host's key that it is who it
//     says, and stays registered by what it sends; a lost router is dialled with growing
//     waits, up to 2 s, its name resolved each time.
//  2. A frame goes through one that has its target registered: one that holds the
//     target's own connection before others, in the order of the configuration. One that
//     has answered nothing for 300 ms is used only where there is no other; after a second
//     it is given up.
//     A line has segments of 512 bytes, which pass every path: it is what is left
//     where others fail.
//  3. Signs of life are asked for every 250 ms of silence of a router that carries
//     frames, every 3 s of others.
//  4. A frame for an address that nobody has registered yet waits, as in tcp, for a
//     connection or a registration. What was sought last is sent to who registers
//     within a second, so that who starts need not wait for its next try.
//  5. An address is a name that anybody may claim. Frames for the address of a member
//     ([Transport.SetMembers]) go to its host and to no other, and wait where it is not
//     registered. Frames for another go to those who claim it, at any router, 8 at a
//     time, each in its turn, a former member always: they judge by seals.
//  6. What a relay connection does is evidence of nothing. Evidence is tcp's. Whom no
//     router has any more, and no connection leads to, is to be asked: EvidenceSilent.
//  7. Nothing a router sends makes it panic, block or grow: entries, queues, times have
//     bounds (limits.go).
//
// # What it does not do
//
// It does not say that a host is gone because its registration is. It repeats nothing.
// Members whose routers have none in common do not find each other by them.
package router
