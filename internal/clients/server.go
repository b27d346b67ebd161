package clients

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// Server is the daemon's side. Make it with [Listen].
type Server struct {
	config    Config
	listeners []net.Listener
	large     budget
	counters  counters
	// ctx ends with Close.
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	sessions map[*session]struct{}
	// running counts goroutines of accept loops and sessions.
	running sync.WaitGroup
	closed  bool
}

// ErrNoOpen: Config.Open is nil.
var ErrNoOpen = errors.New("clients: Config.Open is missing")

// Listen takes the addresses of a configuration. Nobody is answered before Serve.
func Listen(c Config) (*Server, error) {
	if c.Open == nil {
		return nil, ErrNoOpen
	}
	c.setDefaults()
	s := &Server{config: c, sessions: make(map[*session]struct{})}
	s.large.init(c.LargeBytes)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, where := range c.Listen {
		l, err := c.listen(where)
		if err != nil {
			_ = s.Close()
			return nil, err
		}
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

// Addrs gives where the server listens, in the order of Config.Listen.
func (s *Server) Addrs() []net.Addr {
	var out []net.Addr
	for _, l := range s.listeners {
		out = append(out, l.Addr())
	}
	return out
}

// Serve answers until Close, and then gives member.ErrClosed.
func (s *Server) Serve() error {
	var accepting sync.WaitGroup
	for _, l := range s.listeners {
		accepting.Go(func() { s.accept(l) })
	}
	accepting.Wait()
	<-s.ctx.Done()
	return member.ErrClosed
}

// acceptPause is how long an accept that failed, for want of descriptors, waits.
const acceptPause = 50 * time.Millisecond

func (s *Server) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			s.admit(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.config.Logger.Warn("clients: accept failed", "err", err)
			select {
			case <-time.After(acceptPause):
			case <-s.ctx.Done():
				return
			}
		}
	}
}

// admit begins a session, or refuses it where there are too many.
func (s *Server) admit(conn net.Conn) {
	s.mu.Lock()
	full := len(s.sessions) >= s.config.Connections
	if s.closed || full {
		s.mu.Unlock()
		if full {
			s.refuse(conn)
		}
		_ = conn.Close()
		return
	}
	ss := newSession(s, conn)
	s.sessions[ss] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	s.counters.accepted.Add(1)
	go func() {
		defer s.running.Done()
		ss.run()
		s.mu.Lock()
		delete(s.sessions, ss)
		s.mu.Unlock()
	}()
}

// refuse writes an error that fits into any socket's buffer.
func (s *Server) refuse(conn net.Conn) {
	s.counters.countError(clientwire.CodeBusy)
	conn.SetWriteDeadline(time.Now().Add(lastWords))
	_, _ = conn.Write(clientwire.AppendError(nil, &clientwire.Error{
		Code: clientwire.CodeBusy, Text: "too many connections", Hint: "use one connection a program, and end those that nobody needs",
	}))
}

// Close ends all connections and waits for them. It is idempotent.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for ss := range s.sessions {
		ss.fail(clientwire.CodeClosed, "the daemon stops", "connect again")
	}
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
	return nil
}
