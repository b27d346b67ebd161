// Package evidence queues what a transport's watching found.
//
// Contract: writers never block; the queue holds at most one finding a process,
// the latest, so it is bounded by the number of watched processes; the order
// of first findings is kept; the channel closes only at [Queue.Close].
//
// It does not judge: what a finding means is package tether's business.
package evidence
