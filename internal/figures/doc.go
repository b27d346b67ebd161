// Package figures keeps what benchmarks measure and prints it, in the one form
// that our harnesses and those of other systems share.
//
// Contract:
//
//  1. A record is one figure of one run, one JSON object a line; its unit is
//     the suffix of the metric's name.
//  2. Figures are summed up by median, least and greatest, never by a mean:
//     a machine that is busy for a moment shows in the greatest alone.
//
// It does not measure and knows no bars.
package figures
