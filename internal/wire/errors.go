package wire

import (
	"errors"
	"fmt"

	"github.com/gmsd/gmsd/views/message"
)

// What can be wrong with a frame or a message. They come wrapped in [*Error];
// compare with errors.Is. The same checks hold when encoding, so that nothing
// leaves this host that another would have to drop.
var (
	// ErrShort: the bytes end before the value does.
	ErrShort = errors.New("too short")
	// ErrMagic: not a frame of ours.
	ErrMagic = errors.New("wrong magic")
	// ErrVersion: another wire version. The error is a [VersionError].
	ErrVersion = errors.New("unknown wire version")
	// ErrFlags: a flag that must be understood is not.
	ErrFlags = errors.New("unknown flag")
	// ErrSealed: what should be plain is sealed.
	ErrSealed = errors.New("sealed")
	// ErrChecksum: the CRC does not match the bytes.
	ErrChecksum = errors.New("wrong checksum")
	// ErrVarint: a varint of more than 64 bits, or not in its shortest form.
	ErrVarint = errors.New("bad varint")
	// ErrLimit: a length, count or number is beyond its limit.
	ErrLimit = errors.New("beyond the limit")
	// ErrEnum: a value that is not in its list.
	ErrEnum = errors.New("unknown value")
	// ErrOrder: a list that must be sorted without duplicates is not, or a
	// range ends before it begins.
	ErrOrder = errors.New("out of order")
	// ErrText: a text is no UTF-8, or has control characters where people are shown it.
	ErrText = errors.New("not plain text")
	// ErrForm: fields that contradict each other.
	ErrForm = errors.New("fields contradict each other")
	// ErrType: a message that has no place on the wire (encoding only).
	ErrType = errors.New("unknown message type")
)

// Error says where in a frame something is wrong.
type Error struct {
	// Type is the message, or TypeNone for the frame itself.
	Type message.Type
	// Field is the field of the message or header.
	Field string
	// Err is one of the sentinels of this package, or wraps one.
	Err error
}

// Error gives "wire: Heartbeat.View: bad varint".
func (e *Error) Error() string {
	where := "frame"
	if e.Type != message.TypeNone {
		where = e.Type.String()
	}
	return "wire: " + where + "." + e.Field + ": " + e.Err.Error()
}

// Unwrap gives the sentinel.
func (e *Error) Unwrap() error { return e.Err }

// VersionError is an [ErrVersion] that says which version was seen.
type VersionError struct{ Seen uint8 }

// Error names both versions.
func (e VersionError) Error() string {
	return fmt.Sprintf("%v %d, ours is %d", ErrVersion, e.Seen, Version)
}

// Unwrap gives [ErrVersion].
func (VersionError) Unwrap() error { return ErrVersion }

// ReasonUnknownType is the drop reason for the messages counted in
// [Frame].Unknown, which are no errors.
const ReasonUnknownType = "wire-unknown-type"

var reasons = [...]struct {
	err    error
	reason string
}{
	{ErrShort, "wire-short"},
	{ErrMagic, "wire-magic"},
	{ErrVersion, "wire-version"},
	{ErrFlags, "wire-flags"},
	{ErrSealed, "wire-sealed"},
	{ErrChecksum, "wire-checksum"},
	{ErrVarint, "wire-varint"},
	{ErrLimit, "wire-limit"},
	{ErrEnum, "wire-enum"},
	{ErrOrder, "wire-order"},
	{ErrText, "wire-text"},
	{ErrForm, "wire-form"},
	{ErrType, ReasonUnknownType},
}

// Reason gives the short stable word under which a drop is counted in the
// metrics and the event log: one for each sentinel, "wire-other" for an error
// that is not of this package, "" for nil.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return "wire-other"
}
