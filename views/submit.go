package views

import "errors"

// Errors of sending. They come back to the caller and lose nothing else.
var (
	// ErrFull: as much is waiting to be sent as the limits allow; try later.
	ErrFull = errors.New("send queue full")
	// ErrLeaving: the host is going.
	ErrLeaving = errors.New("host is leaving")
	// ErrTooLong: the payload is longer than PayloadMax.
	ErrTooLong = errors.New("payload too long")
	// ErrGroupName: the group's name is empty or longer than GroupNameMax.
	ErrGroupName = errors.New("bad group name")
)
