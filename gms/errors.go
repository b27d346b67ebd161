package gms

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gmsd/gmsd/views"
)

// Errors that a caller can act on. They are met through errors.Is; the limits
// behind them stand in limits.go.
var (
	// ErrBusy: there are enough of something (commands, changes under way,
	// listeners, observers). Nothing was done; try later.
	ErrBusy = errors.New("gms: too much is waiting already, try later")
	// ErrClosed: the host has stopped. What it stopped for is wrapped beside it.
	ErrClosed = errors.New("gms: the host has stopped")
	// ErrSlow: a listener did not read while the group waited for it, and was cut
	// off.
	ErrSlow = errors.New("gms: the listener did not read and was cut off")
	// ErrGap: the events asked for are no longer, or were never, in memory.
	ErrGap = errors.New("gms: there is a gap before the events that are left")
	// ErrNotMember: the host named is not in the view.
	ErrNotMember = errors.New("gms: no such host in the view")
	// ErrOneself: a host does not evict itself, it leaves.
	ErrOneself = errors.New("gms: a host cannot evict itself: use Leave")
	// ErrNoKeys: the group is not sealed, so it has no keys.
	ErrNoKeys = errors.New("gms: the group has no keys")
	// ErrKey: the ring cannot be changed so; what follows says why.
	ErrKey = errors.New("gms: keys")
	// ErrLab: the host was started without Config.LabFaults.
	ErrLab = errors.New("gms: lab faults are off: set lab-faults at the start")
)

// FieldError is one fault of a [Config].
type FieldError struct {
	// Key is the setting as files and flags spell it: data-dir.
	Key string
	// Value is what was found.
	Value string
	// Bound says what is allowed, Cure what to do.
	Bound, Cure string
	// Err is what the system said, where that is the fault.
	Err error
}

// Error gives the fault on one line.
func (e *FieldError) Error() string {
	return fmt.Sprintf("%s = %q: must be %s; %s", e.Key, e.Value, e.Bound, e.Cure)
}

// Unwrap gives the cause, if there is one.
func (e *FieldError) Unwrap() error { return e.Err }

// DeniedError says that the group refused this host, or put it out for good.
type DeniedError struct {
	Code views.RefuseCode
	// Detail says what the group found and what to do.
	Detail string
}

// Error gives code and detail.
func (e *DeniedError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the group refused this host (%s): %s", e.Code, e.Detail), ": ")
}

// DamagedError says that the data directory cannot be trusted.
type DamagedError struct {
	// Dir is the directory, Err what is wrong with it and what to do.
	Dir string
	Err error
}

// Error names the directory and the fault.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("data directory %s is damaged: %v", e.Dir, e.Err)
}

// Unwrap gives the fault.
func (e *DamagedError) Unwrap() error { return e.Err }

// FatalError says that the host stopped because it could no longer keep its
// promises: a failed disk write, a transport that broke.
type FatalError struct {
	// How is one of the Stop constants of package trace.
	How    string
	Detail string
	// Err is the cause where there is one.
	Err error
}

// Error says what went wrong.
func (e *FatalError) Error() string {
	return fmt.Sprintf("the host had to stop (%s): %s", e.How, e.Detail)
}

// Unwrap gives the cause.
func (e *FatalError) Unwrap() error { return e.Err }
