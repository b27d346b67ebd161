// Command chat lets people on several hosts talk:
//
//	chat -daemon /var/lib/gmsd/clients.sock -name ann
//
// Everybody sees the same lines in the same order, and who comes and goes in
// between: lines are agreed, and views stand in the same order. It shows member.Port
// at its simplest: one goroutine reads events, another sends.
package main
