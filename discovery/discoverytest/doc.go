// Package discoverytest holds every source of addresses against the contract of
// package discovery.
//
// A [Factory] makes sources of one kind and has them change, break and hang; what a
// kind cannot do is left out. Time is that of testing/synctest: nothing is waited
// for, and a goroutine that a source leaves behind fails the test. So a source asks
// fakes there; what is on a real wire it shows in tests of its own.
package discoverytest
