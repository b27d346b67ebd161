// Package trace is the event log: what a host did, in the order in which it
// acted, as plain values.
//
// The engine emits events; the runtime writes them as one JSON object a line
// (the format is fixed in the outside face of the project), feeds the metrics
// and the event stream from them, and the property checkers read them, in the
// simulator and from real processes alike. Events come before log lines: a
// line for people is made from an event, never beside one.
//
// Rules every writer keeps: each delivery of a host's views is logged whether
// or not anyone listens there; each install but the first of an incarnation is
// preceded by a Block and followed by an Unblock; the line is written before
// the effect is visible to anyone else; the file is appended to across
// restarts, N counting from 1 in each incarnation.
//
// [AppendJSON] writes the line of a record, [ParseLine] reads it. Readers skip
// keys and events they do not know ([ErrUnknownEvent]): the format only grows.
package trace
