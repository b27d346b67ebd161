package orders

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	// batchMax is how many datagrams one system call reads or writes.
	batchMax = 64
	// lookEvery is when a host looks whether the load has ended.
	lookEvery = 20 * time.Millisecond
)

// host runs a desk and its orderer on a socket.
type host struct {
	*desk
	orderer orderer
	raw     *net.UDPConn
	conn    *ipv4.PacketConn
	peers   []net.Addr
	in, wr  []ipv4.Message
	expires time.Time
	// tag is the group's; what has another is a stranger's.
	tag uint16
	// ended and open are the group's: the load has ended, the window is open.
	ended, open *atomic.Bool
	// What others may read while it runs: datagrams out, bytes out and in, messages
	// sent and delivered, and that no more will be sent.
	frames, bytes, told, got atomic.Uint64
	idle                     atomic.Bool
	// own and others are, of a rate, latencies of own messages and of others'.
	own, others []time.Duration
}

// run goes on until the socket is closed.
func (h *host) run() error {
	for {
		h.now = time.Now()
		if h.ended.Load() {
			h.source.end()
		}
		h.source.submit(h.now) // also where another may send first
		h.orderer.settle()
		err := h.flush()
		h.tell()
		if err == nil {
			err = h.read()
		}
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
	}
}

// tell says what others may know. Idle is last: what was sent is then all.
func (h *host) tell() {
	h.told.Store(uint64(h.messages))
	h.got.Store(h.delivered)
	h.idle.Store(h.source.ended() && h.owed == 0)
}

// read waits for datagrams until something is due.
func (h *host) read() error {
	if at := h.due(); !at.Equal(h.expires) {
		h.expires = at
		if err := h.raw.SetReadDeadline(at); err != nil {
			return err
		}
	}
	n, err := h.conn.ReadBatch(h.in, 0)
	if err != nil {
		return err
	}
	for i := range h.in[:n] {
		m := &h.in[i]
		h.bytes.Add(uint64(m.N))
		if b := m.Buffers[0][:m.N]; h.takeAny(b) {
			m.Buffers[0] = h.blank()
		}
	}
	return nil
}

func (h *host) takeAny(b []byte) (kept bool) {
	if len(b) < headerLen || binary.LittleEndian.Uint16(b[tagAt:]) != h.tag {
		return false
	}
	head := readHeader(b)
	if head.kind == kindAck {
		h.acked[head.origin] = head.number
		return false
	}
	return h.orderer.take(head, b)
}

// due is the next deadline. To look around is put off only when it has come.
func (h *host) due() time.Time {
	at := h.expires
	if !at.After(h.now) {
		at = h.now.Add(lookEvery)
	}
	if s := h.source; s.period > 0 && s.left > 0 && s.next.Before(at) {
		at = s.next
	}
	if !h.wake.IsZero() && h.wake.Before(at) {
		at = h.wake
	}
	return at
}

// flush sends what is to be sent.
func (h *host) flush() error {
	h.wr = h.wr[:0]
	for _, l := range h.out {
		binary.LittleEndian.PutUint16(l.b[tagAt:], h.tag)
		h.frames.Add(1)
		h.bytes.Add(uint64(len(l.b)))
		for r, addr := range h.peers {
			if r == l.to || l.to == toAll && r != h.rank {
				h.wr = append(h.wr, ipv4.Message{Buffers: [][]byte{l.b}, Addr: addr})
			}
		}
	}
	for rest := h.wr; len(rest) > 0; {
		n, err := h.conn.WriteBatch(rest[:min(len(rest), batchMax)], 0)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	h.flushed()
	return nil
}

// note notes the latency of a message while the window is open.
func (h *host) note(origin int, stamp int64) {
	if stamp == 0 || !h.open.Load() {
		return
	}
	late := time.Duration(time.Now().UnixNano() - stamp)
	if origin == h.rank {
		h.own = append(h.own, late)
	} else {
		h.others = append(h.others, late)
	}
}
