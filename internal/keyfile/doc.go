// Package keyfile keeps a group's key ring (internal/keys) in a file, and what else is
// secret in files of the same kind.
//
// It is ring 3. The file is for its owner alone: one that others may read or write
// is refused, and so is one that belongs to somebody else than us or root. A write
// puts a whole file in the place of the old one, durably, or leaves the old one.
// What is at a name is opened once and asked what it is thereafter, so nothing can
// be put in its place in between.
package keyfile
