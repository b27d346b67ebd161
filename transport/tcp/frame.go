package tcp

import (
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// Kinds of pieces, beside [stream.KindFrame] of 0 to [views.DatagramMax] bytes.
const (
	// kindClose says why its sender ends the connection, in one byte, and that
	// nothing follows.
	kindClose = 1
	// kindKeep is the dialler's first: it has read the answer and keeps the
	// connection. It has no body.
	kindKeep = 2
)

// reason is why a connection is ended by one whose process goes on.
type reason byte

const (
	// reasonTie: the two have another connection.
	reasonTie reason = iota + 1
	// reasonIdle: nobody used it for long.
	reasonIdle
	// reasonEcho answers the other end's.
	reasonEcho
	// reasonEnough: it is given up at once, for there are too many of the host, or
	// what came on it was no stream of frames.
	reasonEnough
)

// goodbye is the piece that says why.
func goodbye(why reason) stream.Piece { return stream.Piece{Kind: kindClose, Body: []byte{byte(why)}} }

// sizes judges a length, before anything is taken for it.
func sizes(kind byte, n int) bool {
	switch kind {
	case stream.KindFrame:
		return n <= views.DatagramMax
	case kindClose:
		return n == 1
	}
	return kind == kindKeep && n == 0
}
