// Package way opens the way into light groups for the examples: through the
// daemon of this host (-daemon SOCKET), or, without it, as a host of its own
// inside the program, which finds the others by multicast.
//
// The examples know a member.Port and no more, so that they are the same either
// way. It is no part of the library: a program calls client.Dial, or gms.Start and
// Host.OpenPort, by itself.
package way
