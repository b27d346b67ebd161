package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// Exit codes; scripts rely on them.
const (
	exitOK             = 0
	exitUsage          = 1
	exitRefused        = 2 // bad input or a precondition that does not hold
	exitNotInitialised = 3 // no command of this part can meet it
	exitDenied         = 4
	exitNoMeta         = 5 // no command of this part can meet it
	exitTimeout        = 6
	exitDamaged        = 7
	exitInternal       = 70
)

// codedError carries its exit code.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// coded makes an error with an exit code.
func coded(code int, format string, args ...any) error {
	return &codedError{code, fmt.Errorf(format, args...)}
}

// exitCode finds the code of any error of a command.
func exitCode(err error) int {
	var known *codedError
	var answered *admin.Error
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &known):
		return known.code
	case errors.Is(err, settings.ErrUsage):
		return exitUsage
	case errors.As(err, &answered):
		return exitOfAnswer(answered.Code)
	case errors.Is(err, admin.ErrUnreachable), errors.Is(err, admin.ErrCertificate), errors.Is(err, context.Canceled):
		return exitRefused
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	}
	return exitOfHost(err)
}

func exitOfAnswer(code admin.Code) int {
	if code == admin.CodeTimeout {
		return exitTimeout
	}
	if code == admin.CodeInternal {
		return exitInternal
	}
	return exitRefused
}

// exitOfHost judges why a daemon did not start or had to stop.
func exitOfHost(err error) int {
	var field *gms.FieldError
	var denied *gms.DeniedError
	var damaged *gms.DamagedError
	var bind *admin.BindError
	switch {
	case errors.As(err, &damaged):
		return exitDamaged
	case errors.As(err, &denied):
		// A host id seen twice, or one that went back in time, is a copied or
		// restored state directory.
		if denied.Code == views.RefuseDuplicate || denied.Code == views.RefuseRolledBack {
			return exitDamaged
		}
		return exitDenied
	case errors.Is(err, stable.ErrNewer):
		return exitDamaged
	case errors.As(err, &field), errors.As(err, &bind), errors.Is(err, stable.ErrLocked), errors.Is(err, stable.ErrMode), errors.Is(err, stable.ErrOwner),
		errors.Is(err, stable.ErrFull), errors.Is(err, stable.ErrDisk):
		return exitRefused
	case errors.Is(err, transport.ErrNoRoute), errors.Is(err, unix.EADDRINUSE), errors.Is(err, unix.EADDRNOTAVAIL),
		errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return exitRefused
	}
	return exitInternal
}
