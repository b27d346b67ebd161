package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// Code names a kind of failure for programs. The list is closed and append-only.
type Code string

// Codes of errors, and the HTTP status each travels with.
const (
	CodeBadRequest  Code = "bad-request"     // 400: the request says something impossible
	CodeReadOnly    Code = "read-only"       // 403: this listener only answers GET
	CodeForbidden   Code = "forbidden"       // 403: not for this user, or not with this role
	CodeDisabled    Code = "disabled"        // 403: a setting forbids it
	CodeNotFound    Code = "not-found"       // 404
	CodeMethod      Code = "method"          // 405: the path exists, not with this verb
	CodeConflict    Code = "conflict"        // 409: not now (the host is leaving)
	CodeGap         Code = "gap"             // 410: those events are gone from memory
	CodeTooLarge    Code = "too-large"       // 413
	CodeInternal    Code = "internal"        // 500
	CodeUnsupported Code = "not-implemented" // 501: arrives with a later capability
	CodeNotReady    Code = "not-ready"       // 503
	CodeFull        Code = "full"            // 503: a queue is full; try later
	CodeSlow        Code = "slow"            // 503: the reader of a stream did not read
	CodeTimeout     Code = "timeout"         // 504
)

var statusOf = map[Code]int{
	CodeBadRequest:  http.StatusBadRequest,
	CodeReadOnly:    http.StatusForbidden,
	CodeForbidden:   http.StatusForbidden,
	CodeDisabled:    http.StatusForbidden,
	CodeNotFound:    http.StatusNotFound,
	CodeMethod:      http.StatusMethodNotAllowed,
	CodeConflict:    http.StatusConflict,
	CodeGap:         http.StatusGone,
	CodeTooLarge:    http.StatusRequestEntityTooLarge,
	CodeInternal:    http.StatusInternalServerError,
	CodeUnsupported: http.StatusNotImplemented,
	CodeNotReady:    http.StatusServiceUnavailable,
	CodeFull:        http.StatusServiceUnavailable,
	CodeSlow:        http.StatusServiceUnavailable,
	CodeTimeout:     http.StatusGatewayTimeout,
}

// Error is a failure as it travels: what, and what to do about it.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Error gives the message and, where there is one, the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

type errorBody struct {
	Error *Error `json:"error"`
}

func failure(code Code, message, hint string) *Error {
	return &Error{Code: code, Message: message, Hint: hint}
}

// explain turns any error of the group into one that travels.
func explain(err error) *Error {
	said := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "gms: "), "keys: ") // who reads it knows where he asked
	var known *Error
	var field *gms.FieldError
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &field):
		return failure(CodeBadRequest, said, field.Cure)
	case errors.As(err, &tooBig):
		return failure(CodeTooLarge, fmt.Sprintf("the body has more than %d bytes", tooBig.Limit), "send less at once")
	case errors.Is(err, gms.ErrNoKeys):
		return failure(CodeDisabled, said, "start all hosts with a key-file: gmsd keys gen")
	case errors.Is(err, gms.ErrKey):
		return failure(CodeConflict, said, "gmsd keys list shows the keys")
	case errors.Is(err, views.ErrTooLong):
		return failure(CodeTooLarge, said, "send less at once")
	case errors.Is(err, views.ErrGroupName):
		return failure(CodeBadRequest, said, "a group's name is 1 to 64 bytes of UTF-8 without control characters")
	case errors.Is(err, gms.ErrNotMember):
		return failure(CodeNotFound, said, "gmsd view lists names and host ids")
	case errors.Is(err, gms.ErrOneself):
		return failure(CodeBadRequest, "a host cannot evict itself", "gmsd leave takes it out of the group")
	case errors.Is(err, gms.ErrLab):
		return failure(CodeDisabled, said, "start it with --lab-faults")
	case errors.Is(err, groups.ErrName):
		return failure(CodeBadRequest, said, fmt.Sprintf("a member's name has at most %d bytes", groups.NameMax))
	case errors.Is(err, views.ErrFull), errors.Is(err, gms.ErrBusy), errors.Is(err, groups.ErrFull):
		return failure(CodeFull, said, "try again after a moment")
	case errors.Is(err, gms.ErrClosed), errors.Is(err, member.ErrClosed):
		return failure(CodeNotReady, said, "start gmsd again")
	case errors.Is(err, views.ErrLeaving):
		return failure(CodeConflict, said, "use another host")
	case errors.Is(err, gms.ErrGap):
		return failure(CodeGap, said, "start again without since, or read the event log")
	case errors.Is(err, gms.ErrSlow), errors.Is(err, member.ErrSlow):
		return failure(CodeSlow, said, "what came since is lost here: connect again and read faster; for programs on clients.sock the group waits instead")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return failure(CodeTimeout, "no answer in time", "gmsd status shows what the host waits for")
	}
	return failure(CodeInternal, said, "")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
		body, _ = json.Marshal(errorBody{failure(CodeInternal, err.Error(), "")})
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away is its own affair
}

// writeRaw answers on a connection that has no server yet.
func writeRaw(w io.Writer, code Code, message, hint string) error {
	body, err := json.Marshal(errorBody{failure(code, message, hint)})
	if err != nil {
		return err
	}
	status := statusOf[code]
	_, err = fmt.Fprintf(w, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
	return err
}

func writeError(w http.ResponseWriter, err error) {
	e := explain(err)
	if e.Code == CodeFull {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, statusOf[e.Code], errorBody{e})
}
