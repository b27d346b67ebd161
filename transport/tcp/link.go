package tcp

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// link is a greeted connection.
type link struct {
	t    *Transport
	who  greeting.Peer
	conn *net.TCPConn
	raw  syscall.RawConn
	// ours: we dialled it. credible: it comes from the address that it claims, or
	// goes to it.
	ours, credible bool
	// narrow: it was made with small segments.
	narrow bool
	begun  time.Time
	source stream.Source
	out    *stream.Writer
	// used is when a frame last went in either direction, in nanoseconds of Unix time.
	used atomic.Int64
	// trip is the round trip, in nanoseconds.
	trip atomic.Int64

	// Under t.mu: the peers it stands for; whether it takes no more frames; whether
	// the other end has said goodbye; whether it is over.
	peers  []*peer
	left   bool
	bidden bool
	over   bool
	linger *time.Timer

	// Of the sending goroutine: the frames of the batch at hand.
	batch []stream.Piece

	mu    sync.Mutex // guards stall
	stall stall
}

func (t *Transport) newLink(conn *net.TCPConn, who greeting.Peer, ours, narrow bool) (*link, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := &link{t: t, who: who, conn: conn, raw: raw, ours: ours, narrow: narrow, begun: time.Now()}
	if !ours {
		_ = raw.Control(func(fd uintptr) { stream.Options(int(fd), t.times.unacked, 0) })
	}
	l.stall.init()
	l.source.Init(l, raw, sizes)
	l.used.Store(l.begun.UnixNano())
	l.out = stream.NewWriter(conn, raw, &t.budget, counts{&t.tally}, t.wg.Go, 2*t.times.unacked)
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		l.credible = remote.AddrPort().Addr().Unmap() == who.Addr.Addr()
	}
	return l, nil
}

// counts tells the tally what becomes of frames.
type counts struct{ tally *transport.Tally }

func (c counts) Sent(frames, bytes int) { c.tally.Out(transport.Unicast, frames, bytes) }
func (c counts) Shed(frames int)        { c.tally.Drop(transport.DropQueue, frames) }
func (c counts) Unsent(frames int)      { c.tally.Drop(transport.DropUnsent, frames) }

// addr is where replies to what comes on the link go.
func (l *link) addr() netip.AddrPort { return l.who.Addr }
