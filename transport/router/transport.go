package router

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/transport/tcp"
	"github.com/gmsd/gmsd/views"
)

// Config is what a transport is made from. Direct, Routers and Identity are needed.
type Config struct {
	// Direct is for connections between members. Its Detour is ours.
	Direct tcp.Config
	// Routers are host:port, 1 to RoutersMax.
	Routers []string
	// Identity is the key whose hash Direct.Self.Host is.
	Identity ed25519.PrivateKey
	// Found, where set, is told the addresses of others that are registered, whenever
	// they change, and what keeps routers from telling more; empty for nothing. It must
	// not block.
	Found func(addrs []netip.AddrPort, trouble string)
}

// Transport sends directly where it can and through routers where it must. Its methods
// are described at [transport.Transport].
type Transport struct {
	direct   *tcp.Transport
	self     relay.Hello
	identity ed25519.PrivateKey
	source   netip.Addr
	found    func([]netip.AddrPort, string)
	log      *slog.Logger
	times    timing
	budget   stream.Budget

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	gather  stream.Gather // of the sending goroutine
	touched []*wire

	// telling orders what is found.
	telling sync.Mutex

	// mu guards all below. tcp's own is taken before it, never after; a writer's after it.
	mu      sync.Mutex
	closed  bool
	lines   []*line
	watched map[netip.AddrPort]views.HostID
	// members are the hosts of the view by address, past those of earlier ones.
	members map[netip.AddrPort][]views.HostID
	past    map[netip.AddrPort]views.HostID
	// turns counts the turns of claims; hosts and queue are room for addressees.
	turns uint64
	hosts []views.HostID
	queue []claim
	// sought is what was sought last, at soughtAt.
	sought   []byte
	soughtAt time.Time
}

var (
	_ transport.Transport = (*Transport)(nil)
	_ transport.Counter   = (*Transport)(nil)
	_ transport.Buffered  = (*Transport)(nil)
	_ tcp.Detour          = (*Transport)(nil)
)

// CheckRouter says what is wrong with one of Config.Routers.
func CheckRouter(text string) error {
	_, err := relay.ParsePlace(text)
	return err
}

// Open binds the member port and begins to register. Its errors say what is in the way
// and what to do.
func Open(cfg Config) (*Transport, error) { return openWith(cfg, shippedTiming()) }

func openWith(cfg Config, times timing) (*Transport, error) {
	if n := len(cfg.Routers); n < 1 || n > RoutersMax {
		return nil, fmt.Errorf("routers: %d of them: want 1 to %d", n, RoutersMax)
	}
	d := cfg.Direct
	t := &Transport{
		identity: cfg.Identity, source: d.Bind.Addr(), found: cfg.Found, log: d.Logger, times: times,
		watched: map[netip.AddrPort]views.HostID{}, members: map[netip.AddrPort][]views.HostID{},
		past: map[netip.AddrPort]views.HostID{},
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.found == nil {
		t.found = func([]netip.AddrPort, string) {}
	}
	for _, text := range cfg.Routers {
		place, err := relay.ParsePlace(text)
		if err != nil {
			return nil, fmt.Errorf("routers: %w", err)
		}
		t.lines = append(t.lines, &line{t: t, place: place, trouble: "not reached yet"})
	}
	t.gather.Init()
	t.budget.Peer, t.budget.All, t.budget.Least = queueMax, queuedMax, queueLeast
	d.Detour = t
	var err error
	if t.direct, err = tcp.Open(d); err != nil {
		return nil, err
	}
	t.self = relay.Hello{Use: relay.UseMember, Member: relay.Member{
		Group: d.GroupHash, Process: d.Self, Nonce: d.Nonce, Addr: t.direct.Local(),
	}}
	copy(t.self.Key[:], cfg.Identity.Public().(ed25519.PublicKey))
	t.ctx, t.cancel = context.WithCancel(context.Background())
	for _, l := range t.lines {
		t.wg.Go(l.run)
	}
	return t, nil
}

// Local is the address by which others name this transport.
func (t *Transport) Local() netip.AddrPort { return t.direct.Local() }

// Evidence gives what watching found, by direct connections alone, and whom the routers
// have lost, which is none.
func (t *Transport) Evidence() <-chan transport.Evidence { return t.direct.Evidence() }

// Stats gives the counts, of both ways together.
func (t *Transport) Stats() transport.Stats { return t.direct.Stats() }

// ReceiveBuffer is tcp's.
func (t *Transport) ReceiveBuffer() int { return t.direct.ReceiveBuffer() }

// Receive reads from members and routers.
func (t *Transport) Receive(batch []transport.Inbound) (int, error) { return t.direct.Receive(batch) }

// Send sends to one address.
func (t *Transport) Send(frame []byte, to netip.AddrPort) error { return t.direct.Send(frame, to) }

// SendAll sends to every address.
func (t *Transport) SendAll(frame []byte, to []netip.AddrPort) error {
	return t.direct.SendAll(frame, to)
}

// SendBatch sends frames, each by the way that there is to its address.
func (t *Transport) SendBatch(batch []transport.Outbound) error { return t.direct.SendBatch(batch) }

// Seek sends nothing to who is registered: who is sought is said above, by addresses.
// It keeps the frame for a moment, for those who register just now.
func (t *Transport) Seek(frame []byte) error {
	err := t.direct.Seek(frame)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sought, t.soughtAt = append(t.sought[:0], frame...), time.Now()
	return nil
}

// Watch replaces the set of watched processes.
func (t *Transport) Watch(targets []transport.Target) {
	t.mu.Lock()
	clear(t.watched)
	for _, w := range targets {
		t.watched[w.Addr] = w.Host
	}
	t.mu.Unlock()
	t.direct.Watch(targets)
}

// Close leaves the routers, then ends everything.
func (t *Transport) Close() error {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	var up []*wire
	for _, l := range t.lines {
		if l.up != nil {
			up = append(up, l.up)
		}
	}
	t.mu.Unlock()
	if again {
		t.wg.Wait()
		return t.direct.Close()
	}
	for _, w := range up {
		w.out.Say(stream.Piece{Kind: relay.KindBye})
	}
	late := time.NewTimer(t.times.closing)
	defer late.Stop()
	for _, w := range up {
		select {
		case <-w.done:
		case <-late.C:
			late.Reset(0)
		}
	}
	t.cancel()
	err := t.direct.Close()
	for _, w := range up {
		w.hangUp()
	}
	t.wg.Wait()
	return err
}

// same reports whether a batch's last piece carries just this frame.
func same(p *stream.Piece, frame []byte) bool {
	return len(p.Body) == len(frame) && len(frame) > 0 && &p.Body[0] == &frame[0]
}

// freshSought gives what was sought a moment ago, nil: nothing. Under t.mu.
func (t *Transport) freshSought() []byte {
	if len(t.sought) == 0 || time.Since(t.soughtAt) > t.times.sought {
		return nil
	}
	return bytes.Clone(t.sought)
}

// errSilent: a router answers nothing.
var errSilent = errors.New("it answers nothing")
