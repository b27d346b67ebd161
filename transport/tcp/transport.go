package tcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/endpoint"
	"github.com/gmsd/gmsd/transport/internal/evidence"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/strangers"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// Config is what a transport is made from. Bind, GroupHash and Self are needed.
type Config struct {
	// Bind is the address, IPv4, for member traffic; port 0 finds a free one.
	Bind netip.AddrPort
	// Advertise is what others should use; zero means Bind. It is needed where
	// Bind is 0.0.0.0.
	Advertise netip.AddrPort
	// Logger may be nil.
	Logger *slog.Logger
	// GroupHash, Self and Nonce greet those whom we meet.
	GroupHash uint64
	Self      views.Process
	Nonce     uint64
	// Credentials prove who we are and hold others to it; nil: nothing is proven.
	Credentials *transport.Credentials
	// Seed is for the jitter of waits; 0 means Nonce.
	Seed uint64
	// Detour is another way for frames that no connection takes; nil: there is none.
	Detour Detour
}

// Transport sends over TCP connections. Its methods are described at
// [transport.Transport].
type Transport struct {
	self      greeting.Peer
	bound     netip.AddrPort
	source    netip.Addr
	log       *slog.Logger
	times     timing
	listener  net.Listener
	greeter   greeting.Greeter
	detour    Detour
	tally     transport.Tally
	found     *evidence.Queue
	inbox     *stream.Inbox
	strangers *strangers.Room
	slots     chan struct{} // dials under way
	lates     chan struct{} // those, and tries that go on beside them
	// budget is for what waits for peers that take nothing.
	budget stream.Budget
	// toldFull is when it was last said that descriptors have run out, in
	// nanoseconds of Unix time.
	toldFull atomic.Int64

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	sending sync.Mutex // one goroutine sends; this says so
	gather  stream.Gather
	touched []*link

	// mu guards all below. A link's own mutex is taken after it, never before.
	mu      sync.Mutex
	closing bool // nothing more is sent
	closed  bool
	rand    *rand.Rand
	peers   map[netip.AddrPort]*peer
	links   map[*link]bool
	pairs   map[pairKey][]*link // oldest first
	hosts   map[views.HostID]int
	watches map[transport.Target]*watch
}

// pairKey is one life of a process.
type pairKey struct {
	views.Process
	nonce uint64
}

var (
	_ transport.Transport = (*Transport)(nil)
	_ transport.Counter   = (*Transport)(nil)
	_ transport.Buffered  = (*Transport)(nil)
)

// Open binds the member port. Its errors say what is in the way and what to do.
func Open(cfg Config) (*Transport, error) { return openWith(cfg, shippedTiming()) }

func openWith(cfg Config, times timing) (*Transport, error) {
	if err := endpoint.CheckAddresses(cfg.Bind, cfg.Advertise); err != nil {
		return nil, err
	}
	listener, err := endpoint.ListenTCP(cfg.Bind)
	if err != nil {
		return nil, err
	}
	t := &Transport{
		source: cfg.Bind.Addr(), detour: cfg.Detour, log: cfg.Logger, times: times, listener: listener,
		found: evidence.NewQueue(), slots: make(chan struct{}, dialsMax), lates: make(chan struct{}, dialsMax+latesMax),
		peers: map[netip.AddrPort]*peer{}, links: map[*link]bool{}, pairs: map[pairKey][]*link{},
		hosts: map[views.HostID]int{}, strangers: strangers.NewRoom(strangersMax), watches: map[transport.Target]*watch{},
	}
	if t.inbox, err = stream.NewInbox(&t.tally); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if t.log == nil {
		t.log = slog.Default()
	}
	t.bound = listener.Addr().(*net.TCPAddr).AddrPort()
	t.self = greeting.Peer{Process: cfg.Self, Nonce: cfg.Nonce, Addr: endpoint.Advertised(cfg.Advertise, t.bound)}
	t.greeter = greeting.For(greeting.Plain{Use: greeting.Frames, Group: cfg.GroupHash, Self: t.self}, cfg.Credentials)
	seed := cfg.Seed
	if seed == 0 {
		seed = cfg.Nonce
	}
	t.rand = rand.New(rand.NewPCG(seed, cfg.GroupHash)) //nolint:gosec // jitter
	t.gather.Init()
	t.budget.Peer, t.budget.All, t.budget.Least = queueMax, queuedMax, queueLeast
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.wg.Go(t.accept)
	t.wg.Go(t.tend)
	return t, nil
}

// Local is the address at which others reach this transport.
func (t *Transport) Local() netip.AddrPort { return t.self.Addr }

// Evidence gives what watching found.
func (t *Transport) Evidence() <-chan transport.Evidence { return t.found.Out() }

// Stats gives the counts.
func (t *Transport) Stats() transport.Stats { return t.tally.Stats() }

// ReceiveBuffer is how much waits at a sender for a receiver that is behind: the
// kernels' buffers stand before it.
func (t *Transport) ReceiveBuffer() int { return queueMax }

// Close ends everything and waits for it. What was sent is given a moment to go.
func (t *Transport) Close() error {
	t.mu.Lock()
	again := t.closing
	t.closing = true
	t.mu.Unlock()
	if again {
		t.wg.Wait()
		return nil
	}
	t.sending.Lock()          // what is being sent is
	t.sending.Unlock()        //nolint:staticcheck // as said
	err := t.listener.Close() // first: whoever dials again is refused
	t.settle()
	links := t.cutOff()
	t.cancel()
	t.strangers.Close()
	t.inbox.Close()
	for l := range links {
		l.finish()
		l.hangUp()
	}
	t.wg.Wait()
	t.found.Close()
	return err
}

// cutOff lets nothing happen any more, and gives the links to close.
func (t *Transport) cutOff() (links map[*link]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	links, t.links = t.links, nil
	return links
}

// settle waits, not for long, until all that can go has gone.
func (t *Transport) settle() {
	over := time.Now().Add(t.times.closing)
	for t.unsent() && time.Now().Before(over) {
		if !greeting.Sleep(t.ctx, time.Millisecond) {
			return
		}
	}
}

// unsent reports whether there is something to send where nothing speaks against it.
func (t *Transport) unsent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for l := range t.links {
		if l.behind() {
			return true
		}
	}
	for _, p := range t.peers {
		if p.pursued && p.misses == 0 && !p.waiting.Empty() {
			return true
		}
	}
	return false
}

// behind reports whether a link still writes what it has queued.
func (l *link) behind() bool {
	return l.out.Behind() && !l.isStalled()
}

// finish lets what the kernel has to send still go: a socket that is closed with
// something unread would be reset instead.
func (l *link) finish() {
	_ = l.conn.CloseWrite()
	_ = l.raw.Control(stream.Discard)
}

// hangUp ends a connection for good.
func (l *link) hangUp() {
	_ = l.conn.Close()
	l.out.ShutDown(net.ErrClosed)
	if l.linger != nil {
		l.linger.Stop()
	}
}

// tell logs that there are no descriptors left, now and then.
func (t *Transport) tell(what string, err error) {
	now := time.Now().UnixNano()
	if last := t.toldFull.Load(); now-last > int64(time.Minute) && t.toldFull.CompareAndSwap(last, now) {
		t.log.Warn(fmt.Sprintf("%s: this process has no file descriptor left", what), "err", err,
			"cure", "raise LimitNOFILE of the service, or ulimit -n: each peer takes one")
	}
}
