// Package transporttest is the conformance suite of package transport: whoever
// writes a transport calls [Run] from a test.
//
//	func TestConformance(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) transporttest.Factory { ... })
//	}
//
// What it holds a transport against is the contract in package transport's
// doc. It sends few frames over links without faults, so it expects all of
// them; where many are sent at once it expects only that what comes is whole.
// Waiting is for frames and findings, never for time; [Patience] ends it.
package transporttest
