// Package attack besieges a group from a machine on its network that has no key.
//
// A [Siege] forms a group of four sealed daemons on a lab of package netlab, on which
// there is talk, and records what goes over the wire from their first word on. Then
// [Run], in a process of its own in the namespace of a fifth host, does at the same
// time:
//
//   - datagrams: recorded frames with bits turned over, cut, lengthened, spliced, and
//     noise, to each member and to the multicast group, half of them with the source
//     address of a member;
//   - replay: the recording at a multiple of its speed, each datagram as it was, from
//     the attacker's own address, and now and then to a member for which it was not;
//     each segment of TCP as it was;
//   - connections: greetings cut at every place, changed, repeated from the recording,
//     with lengths out of all bounds, a byte at a time; the same for TLS to admin-tls;
//   - idle connections, each made again a while after it was ended.
//
// Meanwhile a member is killed and starts again. At the end there is a [Verdict].
//
// # Contract
//
//  1. The attacker uses what comes over the network and nothing else: no key, no file of
//     a member, no socket of a host.
//  2. What it sends is counted for each target, and laid beside what the target's
//     daemon and kernel counted by reason: the two must agree but for what is named in
//     [Account].
//  3. Faults of a [Verdict] hold on any machine. Wall-clock times are figures, for
//     people.
//  4. Ends with its context, or with the process that started it.
//
// # What it does not do
//
// It does not cut, delay or divert what members say to each other, nor forge addresses
// of hardware, nor reset connections of which it sees the sequence numbers: who owns the
// network can keep members apart, and no key hinders that. What programs were given is
// judged by the checkers of the lab, which read all event logs.
//
// The recording is of some time of the group, and is sent again so many times that it
// makes the time that is asked for: replay windows are of thousands of frames, seconds,
// so the second time differs from the first, and the tenth from neither. Frames on the
// wire are as long as the path, which real ones are and those of virtual cables are not.
package attack
