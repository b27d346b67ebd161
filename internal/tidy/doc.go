// Package tidy holds the house rules as an ordinary Go test.
//
// A rule reads the tracked files of the repository and gives findings; each
// finding says where, what, and what to write instead. The rules, a file each:
//
//	rings.go     which package may import which: the table is data
//	purity.go    rings 0-2 have no goroutine, channel, lock, clock, socket,
//	             file, global random source, float or map-order dependence
//	packages.go  doc.go in each package, no package that says nothing
//	exported.go  95 % of what rings 0-3 export is documented
//	words.go     the glossary's "do not say" words are not said
//	length.go    functions over 70 lines stand in long.txt, which only shrinks
//	claims.go    the tests that docs/VERIFICATION.md names exist
//	text.go      no path of somebody's machine, nothing put off without its
//	             issue, no test that sleeps
//
// The contract: a rule never edits, and never passes because it could not read
// something. Each rule has a test with a bad example that it must find, for a
// rule that has never failed is not believed.
//
// A place that breaks the order of a map on purpose says why, on its line or
// the one above: "// order-free: the sum does not depend on it".
//
// It does not format (gofumpt), look for bugs (golangci-lint) or judge prose.
package tidy
