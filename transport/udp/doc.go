// Package udp is the transport for networks without multicast: UDP to
// configured peers, and a silent TCP tether on the same port (package tether).
//
// Peers are only where to look for others: once hosts have found each other,
// addresses come from views. A peer given by name is resolved again at every
// attempt, in the background: [Transport.Seek] uses the last good answer and
// never waits, so a name service that is slow or silent delays nobody who is known.
//
// What is for all goes to each by unicast, many a system call.
package udp
