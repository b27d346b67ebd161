// Command counter keeps one number on several hosts:
//
//	counter -daemon /var/lib/gmsd/clients.sock -name a
//
// reads numbers, one a line, adds each, and prints the sum as it changes. The sum
// after an addition is the same at all members: additions are agreed. Who comes
// later joins with the wish for the state: the oldest member is asked for the sum at
// the place in its events at which the newcomer is first, and what is added behind
// that place comes to the newcomer as messages.
package main
