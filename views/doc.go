// Package views holds the vocabulary of gmsd as values: who a host is, what a
// view is, in which order views stand, and which limits everything obeys.
//
// It is ring 0: it imports nothing of ours, starts no goroutine, reads no
// clock and owns no state. A [View] is immutable once it has been installed;
// whoever holds one may share it freely and must not change it.
//
// The words follow docs/GLOSSARY.md: a host is a machine with a permanent
// identity, an incarnation one life of its daemon, a member a host inside a
// view. Views are totally ordered by [ViewID.Compare]; every host installs
// them rising, across its own restarts too.
package views
