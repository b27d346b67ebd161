// Command mutants tests the tests: it plants each bug of testdata/mutants into a
// copy of the module, runs the detector that the patch names, and demands that
// it fails with the property that the patch names, and does not on the clean
// source. A bug that survives ends the command with 2: then a checker is blind,
// or the bug cannot be reached.
//
//	mutants [-only NAME] [-dir testdata/mutants]
//
// A mutant is a unified diff with a head:
//
//	# why: what the bug is, in one line
//	# run: simulate -seeds 40 -n 4        or: scenario flush_gap, test internal/engine TestForgedInstall
//	# catches: P14 P16                    one of these must fail; any: whatever fails
package main
