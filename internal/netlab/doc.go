// Package netlab runs real gmsd processes against real faults.
//
// A [Lab] is a bridge and some hosts. The bridge and each host live in a network
// namespace of their own, joined by veth pairs (10.77.0.0/24, host i is
// 10.77.0.i), so multicast, TCP resets and the kernel's own timers are the real
// ones. Hosts run the shipped binary; the lab starts, kills, freezes and
// restarts it, imposes a [Fault], follows the event logs, and has the property
// checkers of internal/sim/check judge them:
//
//	acts, faults ──▶ hosts (gmsd) ──▶ logs/hN.jsonl ──┬──▶ Settle, Installs (followed live)
//	      └────────▶ logs/faults.jsonl ───────────────┴──▶ Check (at the end)
//
// The faults are those of the project's fault list that a Linux without netem
// can make: nftables on the bridge for what is lost, NFQUEUE for what is late,
// signals for processes, cgroups for processors. All act on the bridge or
// behind the receiving interface, never where the sender would be told.
//
// # Contract
//
//  1. The machine's own network is never touched. The namespaces have no names:
//     each is held by one locked thread and by what runs in it, daemons die with
//     that thread, so a lab that is killed leaves a directory and nothing else.
//     The next lab removes it; a lock says whether its owner lives.
//  2. Nothing waits for time to pass where it can wait for a condition: the
//     logs' t is CLOCK_MONOTONIC, one clock for all processes of a machine, so a
//     figure comes from the lines and does not depend on when they were read.
//  3. The lab tells the checkers what it did (faults.jsonl, written before a
//     fault begins and after it ends) and when it found the hosts agreed. From
//     there to the next act they must stay so and deliver all that is sent.
//  4. A daemon that ends without being asked to is an error of whatever is
//     waited for, with its last words.
//  5. A Lab belongs to one goroutine. Talkers, queues and reapers are its own
//     goroutines and end with Close.
//
// # What it does not do
//
// It asserts no tight time: figures are printed by cmd/bench and judged by
// people. It does not corrupt packets or clocks (package attack makes some up, of its
// own), and it makes no cables: a bridge has neither delay nor loss of its own.
package netlab
