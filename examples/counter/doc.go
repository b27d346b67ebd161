// Command counter keeps one number on several hosts:
//
//	counter -daemon /run/gmsd/clients.sock -name a
//
// reads numbers, one a line, adds each, and prints the sum as it changes. The sum
// after an addition is the same at all members: additions are agreed. Who comes
// later gets the sum from the oldest member, as it was at the view in which the
// newcomer was first, and adds what came since: that all who are in a view have
// had the same messages before it is what makes this right.
package main
