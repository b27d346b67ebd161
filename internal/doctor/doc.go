// Package doctor names the cause where hosts do not hear each other as they should.
//
// It is ring 1: [Diagnose] is a pure function from what hosts report of themselves
// and of their links to verdicts. Every cause is a line of the table [Causes]: its
// name, what it means, what to do, how it can be brought about, and the rule that
// recognises it. Who gathers reports, and by which probes, is for the driver.
//
//	reports ──▶ matrix (who hears whom, by which way) ──▶ rules ──▶ verdicts
//	                                                       └─ what a stronger cause explains is left out
//
// # Contract
//
//  1. A verdict names a cause, the two hosts and the direction (From is where what is
//     lost comes from, To where it does not arrive), or one host alone, with the
//     figures it rests on and a cure.
//  2. A network in order yields none, and neither does one that loses a frame in
//     twenty: every rule wants so much evidence that chance does not bring it.
//  3. What one cause explains yields no other: a process that is down loses nothing,
//     a host that hears no multicast is not deaf to each of the others. Where all links
//     of a host fail in one way it is the host, where all links do it is the network.
//  4. Equal reports in any order yield equal verdicts, sorted.
//  5. Reports are believed: they come from hosts that have the key. They cannot make
//     it panic, nor grow beyond their number: it takes the time of the links that are
//     reported, sorted once, whoever they lead to.
//  6. What whoever can send a datagram may have made up ([Refusal] that is not Proved) is
//     evidence about [Stranger] alone: it is no reason to leave out, or to say, anything of
//     a host, and one place whatever it is called.
//
// # What it does not do
//
// It changes nothing, and no view depends on it. It does not know why a cable was
// pulled.
package doctor
