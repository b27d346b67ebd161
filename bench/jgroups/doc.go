// Package jgroups measures JGroups 2.12.2, the line that Debian has
// (libjgroups-java).
//
// Contract:
//
//  1. All members are on the loopback interface of one namespace, which has a
//     route for multicast and nothing else: the surroundings that gmsd has in
//     library mode. Members under load have a JVM each; those of [Forming] share
//     one that is warm.
//  2. Stacks are the library's own, as it ships them; +SEQUENCER in their name
//     says that they got total order (Stack.java).
//  3. The JIT compilers have two loads that are not measured.
//
// A stack that breaks off (a member that stalls) has given the figures that it
// had. It does not measure JGroups 5, which Debian has not.
package jgroups
