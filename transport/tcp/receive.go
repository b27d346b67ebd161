package tcp

import (
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// Receive reads from all links, by turns.
func (t *Transport) Receive(batch []transport.Inbound) (int, error) { return t.inbox.Receive(batch) }

// Piece takes in what has come on a link.
func (l *link) Piece(kind byte, body []byte) ([]byte, netip.AddrPort, stream.Verdict) {
	switch kind {
	case stream.KindFrame:
		return body, l.addr(), stream.Frame
	case kindClose:
		l.t.farewell(l)
		return nil, netip.AddrPort{}, stream.Stop
	}
	return nil, netip.AddrPort{}, stream.Spoilt // a keep comes once, and is read by then
}

// Came counts.
func (l *link) Came(frames, bytes int) {
	l.t.tally.In(transport.Unicast, frames, bytes)
	l.used.Store(time.Now().UnixNano())
}

// Spoil ends a link on which came what is no stream of frames.
func (l *link) Spoil() {
	l.t.tally.Drop(transport.DropStream, 1)
	l.t.end(l, nil)
}

// Ended ends a link that gives no more.
func (l *link) Ended(err error) { l.t.end(l, err) }
