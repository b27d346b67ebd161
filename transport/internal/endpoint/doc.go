// Package endpoint is the member port of a daemon: one address and port number, where
// a UDP socket carries frames and a TCP listener takes tethers. Package udp is
// an endpoint, package mcast an endpoint and a multicast group.
//
// Contract:
//
//  1. One goroutine receives from any number of sockets, straight into the
//     caller's buffers. The sockets sit in an epoll set of their own, and that
//     set in the Go runtime's poller: waiting costs neither a thread nor a
//     timer, and 300 endpoints in one process cost 300 goroutines for it.
//  2. Sending never waits: where the kernel has no room the frame is lost, counted
//     and reported.
//  3. Frames of equal length for one address travel as one datagram through the
//     kernel and are cut apart at the interface (UDP_SEGMENT), or, where the
//     receiver is on this machine or its kernel puts them together again
//     (UDP_GRO), by the receiver: the cost of a packet is paid once for up to 64
//     frames. Where the kernel refuses that, they go by sendmmsg; finding out
//     loses no frame. A receiver without UDP_GRO gets datagrams as ever. What is
//     too long for a path may pass a virtual one in such a run, and not by itself:
//     who asks for that sends frames alone.
//  4. Neither direction costs memory a frame.
//  5. What we sent to our group is dropped by the kernel before it takes room in
//     our own receive buffer, and does not count as lost.
//  6. A failed start says what is in the way, who, and what to do.
//
// It runs on Linux only, as gmsd does.
package endpoint
