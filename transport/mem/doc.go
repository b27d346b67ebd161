// Package mem is a network in one process, for tests.
//
// It uses no clock, no socket and no randomness: a frame is in the receiver's
// inbox when Send returns, unless the link is cut, the loss hook took it or the inbox
// is full. So it works in a testing/synctest bubble, where waiting in Receive
// is durable, and a test decides everything that happens.
//
// Watching follows package tether: who closes is Refused at once (Closed is
// overtaken by it), a later process of the same host at the address is
// Replaced, the same process None; a cut link between the two gives nothing, then or later.
//
// It does not delay, double or reorder; the simulator and package lab do.
package mem
