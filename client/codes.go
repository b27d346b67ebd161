package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// Errors of the daemon about the connection; what a call is refused with are the
// errors of packages member, views and groups.
var (
	// ErrRefused: the daemon ended the connection for a fault of this side, or
	// for want of a common version.
	ErrRefused = errors.New("client: the daemon refused the connection")
	// ErrDaemon: a fault of the daemon.
	ErrDaemon = errors.New("client: fault of the daemon")
	// ErrNoStates: a join with Options.State at a daemon that is too old for it.
	ErrNoStates = errors.New("client: the daemon is too old to carry states")
)

// meanings of codes, the other way of the table in internal/clients.
var meanings = map[clientwire.Code]error{
	clientwire.CodeGroupName: views.ErrGroupName,
	clientwire.CodeTooLong:   views.ErrTooLong,
	clientwire.CodeLeaving:   views.ErrLeaving,
	clientwire.CodeQueueFull: views.ErrFull,
	clientwire.CodeName:      groups.ErrName,
	clientwire.CodeMember:    groups.ErrMember,
	clientwire.CodeNotMember: groups.ErrNotMember,
	clientwire.CodeFull:      groups.ErrFull,
	clientwire.CodeBusy:      groups.ErrBusy,
	clientwire.CodeClosed:    member.ErrClosed,
	clientwire.CodeSlow:      member.ErrSlow,
	clientwire.CodeBlocked:   member.ErrBlocked,
	clientwire.CodeLost:      member.ErrLost,
	clientwire.CodeNoDonor:   member.ErrNoDonor,
	clientwire.CodeState:     member.ErrState,
	clientwire.CodeCanceled:  context.Canceled,
	clientwire.CodeProtocol:  ErrRefused,
	clientwire.CodeVersion:   ErrRefused,
	clientwire.CodeLimit:     ErrRefused,
	clientwire.CodeCredit:    ErrRefused,
	clientwire.CodeTimeout:   ErrRefused,
}

// errorOf gives the error of a code, with the daemon's words; nil for CodeNone.
func errorOf(code clientwire.Code, text string) error {
	if code == clientwire.CodeNone {
		return nil
	}
	err, ok := meanings[code]
	if !ok {
		err = ErrDaemon
	}
	if text == "" || text == err.Error() {
		return err
	}
	return fmt.Errorf("%w: %s", err, text)
}

// passes reports whether another attempt to connect may do better.
func passes(code clientwire.Code) bool {
	switch code { //nolint:exhaustive // all others stay
	case clientwire.CodeNone, clientwire.CodeBusy, clientwire.CodeClosed, clientwire.CodeLeaving, clientwire.CodeInternal:
		return true
	}
	return false
}
