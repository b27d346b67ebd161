package stable

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// Kinds of error. Every error of this package matches exactly one of them with
// [errors.Is] and is an [*Error].
var (
	// ErrDamaged: the directory's content contradicts itself or is gone in
	// part. The daemon exits with code 7.
	ErrDamaged = errors.New("state directory damaged")
	// ErrLocked: another process uses the directory.
	ErrLocked = errors.New("state directory in use")
	// ErrMode: others than the owner could read or change it.
	ErrMode = errors.New("state directory open to others")
	// ErrOwner: it is neither this user's nor root's.
	ErrOwner = errors.New("state directory of another user")
	// ErrNewer: a later version of the format, written by a later gmsd.
	ErrNewer = errors.New("state directory of a later version")
	// ErrFull: no space, or no quota, for it.
	ErrFull = errors.New("no space for the state directory")
	// ErrDisk: the operating system refused, for a reason that it gives.
	ErrDisk = errors.New("state directory not usable")
	// ErrClosed: the Store was closed.
	ErrClosed = errors.New("state directory closed")
)

// Error says what is wrong, where, and what to do about it.
type Error struct {
	// Kind is one of the Err variables of this package.
	Kind error
	// Where is a path.
	Where string
	// What was found.
	What string
	// Cure is what the operator can do; empty where there is nothing to say.
	Cure string
	// PID is set for ErrLocked where the holder is known.
	PID int
	// Err is the error of the operating system, if any.
	Err error
}

// Error gives one line: kind, where, what, cure.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	if e.Where != "" {
		b.WriteString(": ")
		b.WriteString(e.Where)
	}
	if e.What != "" {
		b.WriteString(": ")
		b.WriteString(e.What)
	}
	if e.Cure != "" {
		b.WriteString("; ")
		b.WriteString(e.Cure)
	}
	return b.String()
}

// Unwrap lets [errors.Is] match the kind and the system's error.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// diskError turns an error of the operating system, met while doing what to
// where, into an *Error with a cure. An *Error passes unchanged.
func diskError(where, what string, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := &Error{Kind: ErrDisk, Where: where, What: what + ": " + cause(err), Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind = ErrFull
		e.Cure = "free at least 64 KiB on that file system, or choose another data-dir"
	case errors.Is(err, fs.ErrPermission):
		e.Cure = "run as the owner of the directory, or choose another data-dir"
	case errors.Is(err, syscall.EROFS):
		e.Cure = "mount the file system writable, or choose another data-dir"
	}
	return e
}

// cause gives the innermost words, without the path that *fs.PathError repeats.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// damaged makes the error of rule 4.
func damaged(where, what, cure string) error {
	return &Error{Kind: ErrDamaged, Where: where, What: what, Cure: cure}
}

const (
	cureNewHost = "restore nothing older: move the directory aside and start again; the host then comes in as a new one"
	cureKey     = "put the identity file back from a copy, or move the directory aside and start again as a new host"
)
