// Package trywrite writes to a connection what the kernel takes at once.
//
// Contract:
//
//  1. Write never waits, if no other write to the connection is under way: whoever
//     uses it sees to that.
//  2. What it could not write, and why, the next ordinary write of the connection
//     finds out.
//
// It saves the way through a goroutine that may wait: a thread that has to be woken,
// where a processor was idle some 30 us.
//
// It neither waits, nor keeps what was not taken, nor reports errors.
package trywrite
