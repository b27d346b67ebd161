// Package straight reads and writes a connection of the kernel with little between.
//
// Contract:
//
//  1. Writer.Write never waits, if no other write to the connection is under way:
//     whoever uses it sees to that. It spares the way through a goroutine that may
//     wait: a thread that has to be woken, where a processor was idle some 30 us.
//  2. What it could not write, and why, the next ordinary write of the connection
//     finds out.
//  3. Reader.Read reads as the connection's own Read does, with its deadlines and its
//     errors.
//
// Both make system calls that the runtime is not told of, since they do not wait. Told of
// one, it wakes the thread that watches over such calls, which then looks every 20 us:
// to a host that is given a message now and then that costs more than the message.
//
// It neither keeps what was not taken nor reports errors of writing.
package straight
