package admin

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gmsd/gmsd/views"
)

const (
	// bodiesMax bounds the memory of all messages that are being read or sent for
	// clients: a few of the longest, or very many short ones.
	bodiesMax = 4 * views.PayloadMax
	// bodyFirst is how much is taken for a body before anything of it has come.
	bodyFirst = 4 << 10
)

// bodies are the messages in the hands of requests.
type bodies struct{ allowance }

// read reads a message. What it takes counts until release, and is taken as the
// bytes come, so that a length that was only announced costs nothing.
func (b *bodies) read(from io.Reader) (payload []byte, release func(), err error) {
	taken := 0
	release = func() { b.give(taken) }
	for {
		if len(payload) == cap(payload) {
			more := max(bodyFirst, cap(payload))
			if !b.take(more, bodiesMax) {
				release()
				return nil, nil, errBodies()
			}
			taken += more
			payload = append(make([]byte, 0, cap(payload)+more), payload...)
		}
		n, err := from.Read(payload[len(payload):cap(payload)])
		payload = payload[:len(payload)+n]
		switch {
		case errors.Is(err, io.EOF):
			return payload, release, nil
		case err != nil:
			release()
			return nil, nil, errBody(err)
		}
	}
}

// errBody says of a body that did not come whole whose fault that is.
func errBody(err error) error {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return err
	}
	return failure(CodeBadRequest, "the body did not come whole: "+err.Error(), fmt.Sprintf("send all of it within %s", bodyTimeout))
}

func errBodies() error {
	return failure(CodeFull, fmt.Sprintf("messages of %d bytes altogether are being sent already", bodiesMax),
		"try again after a moment, with fewer long messages at once")
}
