package clients

import (
	"context"
	"errors"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// codes gives for each error of a port what the client reads; package client has
// the same table the other way.
var codes = []struct {
	err  error
	code clientwire.Code
}{
	{member.ErrState, clientwire.CodeState},
	{member.ErrNoDonor, clientwire.CodeNoDonor},
	{views.ErrGroupName, clientwire.CodeGroupName},
	{views.ErrTooLong, clientwire.CodeTooLong},
	{views.ErrLeaving, clientwire.CodeLeaving},
	{views.ErrFull, clientwire.CodeQueueFull},
	{groups.ErrName, clientwire.CodeName},
	{groups.ErrMember, clientwire.CodeMember},
	{groups.ErrNotMember, clientwire.CodeNotMember},
	{groups.ErrFull, clientwire.CodeFull},
	{groups.ErrBusy, clientwire.CodeBusy},
	{member.ErrClosed, clientwire.CodeClosed},
	{member.ErrSlow, clientwire.CodeSlow},
	{member.ErrBlocked, clientwire.CodeBlocked},
	{member.ErrLost, clientwire.CodeLost},
	{context.Canceled, clientwire.CodeCanceled},
	{context.DeadlineExceeded, clientwire.CodeCanceled},
}

// codeOf gives the code of an error; CodeNone for nil.
func codeOf(err error) clientwire.Code {
	if err == nil {
		return clientwire.CodeNone
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return clientwire.CodeInternal
}
