package gossip

import (
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// connection is one that has greeted, of a member or of another router.
type connection struct {
	s      *Server
	conn   *net.TCPConn
	raw    syscall.RawConn
	remote netip.AddrPort
	source stream.Source
	out    *stream.Writer
	begun  time.Time
	over   bool // under s.mu

	// Of the receiving goroutine: what is to be written when all that came is read.
	batch []stream.Piece
}

// open makes a connection of one that has greeted.
func (s *Server) open(conn *net.TCPConn) (*connection, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &connection{s: s, conn: conn, raw: raw, begun: time.Now()}
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.remote = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	_ = raw.Control(func(fd uintptr) { stream.Options(int(fd), s.times.unacked, 0) })
	c.out = stream.NewWriter(conn, raw, &s.budget, outcomes{s}, s.wg.Go, 2*s.times.unacked)
	return c, nil
}

// outcomes counts what becomes of frames.
type outcomes struct{ s *Server }

func (o outcomes) Sent(frames, bytes int) {
	o.s.counts.relayed.Add(uint64(frames))
	o.s.counts.relayedBytes.Add(uint64(bytes))
}
func (o outcomes) Shed(frames int)   { o.s.counts.shed.Add(uint64(frames)) }
func (o outcomes) Unsent(frames int) { o.s.counts.unsent.Add(uint64(frames)) }

// enter has it read by reader. Under s.mu.
func (c *connection) enter(reader stream.Reader) bool {
	c.source.Init(reader, c.raw, relay.Sizes)
	if c.s.closed || !c.s.inbox.Add(&c.source) {
		return false
	}
	c.s.all[c] = true
	c.s.sources.enter(c.remote.Addr())
	return true
}

// leave takes it out; false: it is out. Under s.mu.
func (c *connection) leave() bool {
	if c.over || !c.s.all[c] {
		return false
	}
	c.over = true
	delete(c.s.all, c)
	c.s.sources.leave(c.remote.Addr())
	c.s.inbox.Remove(&c.source)
	return true
}

func (c *connection) hangUp() {
	_ = c.conn.Close()
	c.out.ShutDown(net.ErrClosed)
}

// add has a piece written when all that came is read; its bytes must last until then.
func (c *connection) add(p stream.Piece) {
	if len(c.batch) == 0 {
		c.s.touched = append(c.s.touched, c)
	}
	c.batch = append(c.batch, p)
}

// flush writes what was added, a system call for each connection.
func (s *Server) flush() {
	for _, c := range s.touched {
		if !c.out.Push(&s.gather, c.batch) {
			s.counts.unsent.Add(uint64(len(c.batch)))
		}
		clear(c.batch)
		c.batch = c.batch[:0]
	}
	clear(s.touched)
	s.touched = s.touched[:0]
}

// Came has nothing to count: no frame is ours.
func (c *connection) Came(int, int) {}

// heard is when something last came.
func (c *connection) heard() time.Time { return c.source.HeardAt() }
