// Package orders measures ways to agree on one order of messages, bare: no
// views, no repair, no applications, so that what differs is the order alone.
//
// The ways (see [Kinds]), host 0 being the coordinator:
//
//	places   what gmsd does (views/vsync/grant.go): a sender asks the coordinator
//	         for as many places as it has messages it may send, and multicasts
//	         packets that carry their places. The coordinator takes its own.
//	ids      a sender multicasts at once; the coordinator multicasts the ids of
//	         packets in the order in which they reached it, all that one pass of
//	         its loop has read in one datagram.
//	forward  a sender sends to the coordinator, which numbers and multicasts.
//	token    Totem: whoever holds the token numbers and multicasts what its credit
//	         allows and passes the token on. After quietRounds rounds without a
//	         message the coordinator keeps it for holdFor, or until somebody who
//	         has a message cancels that, as Corosync does.
//
// All else is one and the same: a host is one goroutine with one UDP socket on the
// loopback interface, reads and writes many datagrams a system call, packs small
// messages into packets, and has a share of one window, a quarter of a receive
// buffer, under way: every receiver tells the sender when it has delivered another
// quarter of that share.
//
// Contract:
//
//  1. The ways are machines without socket or clock ([orderer] on a desk); the
//     tests run them in any interleaving, the host on sockets.
//  2. Every run is checked: after the load all hosts have delivered what was sent,
//     in one order. Otherwise [Run] gives [ErrOrder] or [ErrLost], and no figure.
//  3. A packet to all is a datagram to each other host here. The figures of
//     traffic count it once, as a network that multicasts does.
//
// It says nothing of crashes: what is left of an order when somebody dies is
// told in docs/adr, and measured by `gmsd bench --phases kill`.
package orders
