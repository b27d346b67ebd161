// Package udp is the transport for networks without multicast: UDP by unicast, and
// a silent TCP tether on the same port (package tether).
//
// It knows nobody: those who may be out there are found by package discovery, and
// once hosts have found each other addresses come from views.
//
// What is for all goes to each by unicast, many a system call.
package udp
