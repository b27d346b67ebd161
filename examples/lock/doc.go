// Command lock runs a command on one host at a time:
//
//	lock -daemon /var/lib/gmsd/clients.sock -name a
//
// waits for its turn, holds the lock for a while, and lets the next one have it.
// Who waits stands in a queue that all members keep alike: claims and releases are
// agreed, and a view takes out whoever is gone, at the same place everywhere; who
// comes later gets the queue as the state of the group. So
// when a holder dies the next one has the lock with the view that says so.
//
// A lock of a group is for helpful programs: when a group parts, each side has a
// holder. What must not happen twice needs a primary view and a fencing token.
package main
