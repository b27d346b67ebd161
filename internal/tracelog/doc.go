// Package tracelog follows event logs while their daemons write them, for
// whoever runs daemons and waits for what they do: the demo, the lab of
// namespaces. What a line is, package trace says.
//
// Contract:
//
//  1. Nothing waits here: [Log.Poll] reads what is new and returns.
//  2. Times are those of the lines, [Now]'s clock; they do not depend on when
//     the lines were read.
//  3. A line that is not whole yet is left for the next Poll. A line that is no
//     record, as a crash leaves it, is passed over.
//
// It does not judge logs (internal/sim/check does, and reads them again from
// the beginning), write them (package gms does) or wait.
package tracelog
