// Package mcast is the transport that needs no configuration: hosts find each
// other on an IPv4 multicast group, and what is for everybody goes there once.
//
// It is an endpoint (UDP and TCP on one port, see package tether) with a second
// socket bound to the group's address. So the group's port may equal the
// unicast port, and several daemons on one machine, each with an address or a
// port of its own, all hear the group: the kernel gives each socket a copy,
// and multicast loopback is on.
//
// Frames leave from the unicast port also when they go to the group; a
// receiver answers to where a frame came from. Our own frames, which multicast
// loopback would show us again, are dropped by the kernel.
//
// Contract:
//
//  1. Only the interface that owns the bind address carries the group: it is
//     named explicitly to the kernel, so no multicast route is needed, and
//     neither is the multicast flag on the loopback interface.
//  2. After a flap of that interface, its removal or a change of its
//     addresses the group is left and joined anew, as soon as the interface is
//     back: routers and switches with IGMP snooping forget, and so does the
//     kernel when an interface goes away. The kernel's route messages tell
//     when; where they cannot be had, [Transport.Seek] looks every few seconds.
//  3. A group address is shared by anyone: frames of other groups are told
//     apart above, by the group hash in their header.
//  4. Where the interface does not carry the group and that is allowed
//     (Config.Optional), everything but multicast works, and the group is joined
//     as soon as it can be.
//
// It does not send by unicast what multicast does not bring: who hears whose
// multicast only the two of them find out together (internal/engine, ADR 15).
package mcast
