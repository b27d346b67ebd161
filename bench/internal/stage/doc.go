// Package stage is what one part of the benchmark is to the program that runs
// all parts: a name, what it needs, how long it may take, and its work.
//
// Contract:
//
//  1. A stage gives its figures to [Env.Put] as it measures them, so that one
//     which breaks off has given what it had.
//  2. It ends soon after its context, and leaves no process, no namespace and
//     no file outside [Env.Scratch].
//
// It knows no order of stages and no peer.
package stage
