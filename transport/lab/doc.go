// Package lab injects faults into a running daemon: it cuts and delays links
// inside the process, where no namespace or firewall may be had. It serves the
// demo and game days (setting lab-faults), never production.
//
// A fault is about one address as seen from here. A partition is made by
// cutting at every host the addresses of the other side; cutting "in" at one end
// alone makes a one-way link.
//
//   - Frames from a cut address are dropped as they come, frames to it before
//     they go. A multicast cannot be kept from one host alone, so while any
//     address is cut or delayed outwards, what is for all goes by unicast to
//     those it may reach, and so does what seeks, to every address heard from.
//   - What watching finds about a process at a cut address waits until the
//     address is healed: a cut network hides the end of a connection.
//   - Delayed frames wait in a bounded store; beyond it they are dropped.
//
// It does not slow tethers down and does not double or reorder; the simulator does.
package lab
