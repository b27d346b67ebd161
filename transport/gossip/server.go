package gossip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/endpoint"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/strangers"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// Config is what a router is made from. Bind is needed.
type Config struct {
	// Bind is the IPv4 address, or 0.0.0.0, and port for members and other routers;
	// port 0 finds a free one.
	Bind netip.AddrPort
	// Peers are the other routers, host:port; a name is resolved at every attempt.
	// One that stands twice counts once, and this router itself does no harm: all may have
	// one list. Each must name the others, or at least be named by them and come from an address
	// that it names itself.
	Peers []string
	// Logger may be nil.
	Logger *slog.Logger
}

// Server is a running router. Any goroutine may call its methods.
type Server struct {
	id       relay.Number
	log      *slog.Logger
	times    timing
	begun    time.Time
	listener net.Listener
	inbox    *stream.Inbox
	tally    transport.Tally
	budget   stream.Budget
	counts   counts
	gather   stream.Gather
	touched  []*connection // of the receiving goroutine

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	peers  []*peer
	// strangers have not greeted yet.
	strangers *strangers.Room

	// mu guards all below. A writer's mutex is taken after it, never before.
	mu       sync.Mutex
	closed   bool
	registry registry
	sources  sources
	all      map[*connection]bool
	routers  map[relay.Number]*router
	rates    rates
	told     map[string]tellings
}

// counts are those of metrics.
type counts struct {
	relayed, relayedBytes, forwarded, shed, unsent, unknown, broken, expired atomic.Uint64
	refused                                                                  [32]atomic.Uint64
	strangersFull, greetings, registered                                     atomic.Uint64
}

// tellings bounds log lines of one kind.
type tellings struct {
	at      time.Time
	skipped int
}

// Open listens and begins. Its errors say what is in the way and what to do.
func Open(cfg Config) (*Server, error) { return openWith(cfg, shippedTiming()) }

func openWith(cfg Config, times timing) (*Server, error) {
	if len(cfg.Peers) > RoutersMax {
		return nil, fmt.Errorf("--peers names %d routers: at most %d mesh", len(cfg.Peers), RoutersMax)
	}
	s := &Server{
		log: cfg.Logger, times: times, begun: time.Now(),
		strangers: strangers.NewRoom(strangersMax),
		registry:  registry{groups: map[uint64]*group{}}, sources: sources{},
		all: map[*connection]bool{}, routers: map[relay.Number]*router{}, rates: rates{sources: map[netip.Addr]*bucket{}},
		told: map[string]tellings{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	_, _ = rand.Read(s.id[:]) // never fails: crypto/rand
	for _, text := range cfg.Peers {
		place, err := relay.ParsePlace(text)
		if err != nil {
			return nil, fmt.Errorf("--peers: %w", err)
		}
		if slices.ContainsFunc(s.peers, func(p *peer) bool { return p.place.String() == text }) {
			s.log.Warn("--peers names a router twice: once is enough", "router", text)
			continue
		}
		s.peers = append(s.peers, &peer{s: s, place: place})
	}
	var err error
	if s.listener, err = endpoint.ListenTCP(cfg.Bind); err != nil {
		return nil, err
	}
	if s.inbox, err = stream.NewInbox(&s.tally); err != nil {
		return nil, errors.Join(err, s.listener.Close())
	}
	s.inbox.Idle = s.flush
	s.gather.Init()
	s.budget.Peer, s.budget.All, s.budget.Least = queueMax, queuedMax, queueLeast
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.serve)
	s.wg.Go(s.accept)
	s.wg.Go(s.tend)
	for _, p := range s.peers {
		s.wg.Go(p.run)
	}
	return s, nil
}

// serve reads all connections.
func (s *Server) serve() {
	if err := s.inbox.Serve(); !errors.Is(err, transport.ErrClosed) {
		s.log.Error("the router cannot read its connections any more", "err", err)
	}
}

// Local is where it listens.
func (s *Server) Local() netip.AddrPort { return s.listener.Addr().(*net.TCPAddr).AddrPort() }

// Close ends everything and waits for it.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return nil
	}
	s.closed = true
	all := s.all
	s.all = map[*connection]bool{}
	s.mu.Unlock()
	err := s.listener.Close()
	s.cancel()
	s.inbox.Close()
	s.strangers.Close()
	for c := range all {
		c.hangUp()
	}
	s.wg.Wait()
	return err
}

// tell logs a line of a kind, not too often. Under s.mu.
func (s *Server) tell(kind, text string, args ...any) {
	now := time.Now()
	t := s.told[kind]
	if now.Sub(t.at) < s.times.tell {
		t.skipped++
		s.told[kind] = t
		return
	}
	if t.skipped > 0 {
		args = append(args, "skipped", t.skipped)
	}
	s.told[kind] = tellings{at: now}
	s.log.Info(text, args...)
}
