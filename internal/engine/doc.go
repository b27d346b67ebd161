// Package engine is the composition: the core (views/vsync), the failure
// detector and the codec as one deterministic machine. The daemon drives it,
// and the simulator runs it unchanged.
//
// Its contract, for whoever drives it:
//
//  1. Everything that happened outside is an [Input]: a frame, a finished disk
//     write, a closed socket, a caller's wish. Call [Engine.Step] with it and
//     the time, in the order in which it happened.
//  2. Act on the [Output] in the order of its fields: first the event log, so
//     that a line is written before its effect is visible to anybody; then the
//     disk, which need not be waited for, since the engine holds back what
//     depends on it until [Persisted] comes; then the network, then
//     the states; then the application.
//  3. Answer [Output].State as views/transfer asks for it. A groups.Handover at the
//     donor's host is answered by [Donate] or [Refuse], at the joiner's by [Receive],
//     unless it has no donor.
//  4. Call Step(now, nil) at [Engine.Deadline] at the latest. Earlier does no
//     harm; much later is taken for a pause of this host.
//
// The output is the driver's until the next Step. Frames that come in may be
// reused once Step returns; the engine copies what it keeps.
//
// Two engines made from the same Config that are given the same inputs at the
// same times give the same outputs: there is no clock, no goroutine, no map
// order and no other source of chance than Config.Seed in here.
//
// Not here: which view is primary and what a view means for databases (they
// will be further machines of ring 1 in this composition), sockets, files.
package engine
