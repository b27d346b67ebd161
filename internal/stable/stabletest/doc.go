// Package stabletest is the conformance suite of stable.Disk: what every
// implementation does, and that a Store on it keeps its contract while nothing
// crashes. Crashes are the implementation's own tests, since only the one in
// memory can be crashed at will.
//
// A caller gives a factory of fresh directories; each call of what the factory
// returns opens the same directory once more, as another process would. A new
// implementation lands when Run passes on it.
package stabletest
