// Package discovery knows where other hosts may be. It is ring 3: package gms
// asks it whom to seek by unicast, whatever the transport.
//
// What is found here is a hint and nothing more: that a host belongs to the
// group, and that it lives, is found out by speaking to it. So a stale, wrong or
// forged address costs a frame.
//
//	List   addresses and names as configured; names are resolved again at every try
//	File   the same, one a line, read again when the file changes
//	DNS    names that stand for several hosts: A, or SRV with the port
//	Cache  whom this host was with in a view, in this life or an earlier one
//	Given  whatever somebody else finds out, handed in
//
// [Layers] joins several at once: none replaces another, and each address says
// who named it.
//
// # Contract of a Source
//
//  1. [Source.Addresses] never waits for anything outside the process: a name
//     service or a file system that is slow or silent delays nobody. What it
//     gives is what is known now; asking may begin work in the background.
//  2. What was known stays known while it cannot be learned anew: a name that
//     does not resolve, a file that is gone or a line that is broken takes no
//     address away. Only a good answer without it does.
//  3. Every source is bounded, in addresses ([AddressesMax]) and in the work that
//     is under way.
//  4. What changed is said once, to the log; what keeps a source from knowing
//     more also stands in [Source.Trouble] for as long as it does.
//  5. Addresses are IPv4 addresses of one host with a port, none twice.
//  6. After Close no goroutine is left, and what was known is still given.
//
// The suite in package discoverytest holds every source against this list.
//
// # What it does not do
//
// It sends nothing, does not know who is in the view, and does not decide how
// often or in which portions to seek: that is the caller's.
package discovery
