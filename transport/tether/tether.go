package tether

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/evidence"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/strangers"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Bounds of one tether set.
const (
	// TargetsMax bounds the watched processes; further targets are not watched.
	TargetsMax = views.MembersMax
	// inboundMax bounds the greeted connections of others to us.
	inboundMax = 1024
	// strangersMax bounds the connections that have not greeted yet.
	strangersMax = 64
	// perHostMax bounds the connections of one host to us: a new one takes the
	// oldest one's place, since a host that lost its power leaves one behind.
	perHostMax = 2
)

// Config is what a set of tethers is made from. All fields but Logger and
// Tally are needed.
type Config struct {
	// Listener accepts on the member port; the tethers close it.
	Listener net.Listener
	// Source is the address to dial from; the zero Addr leaves it to the kernel.
	Source netip.Addr
	// GroupHash tells groups apart.
	GroupHash uint64
	// Self and Nonce say who we are.
	Self  views.Process
	Nonce uint64
	// Streams: frames of ours go over connections; of use to [Examine] alone.
	Streams bool
	// Credentials prove who we are and hold others to it; nil: nothing is proven.
	Credentials *transport.Credentials
	// Logger takes what an operator may want to know; nil means the default.
	Logger *slog.Logger
	// Tally counts refused greetings; nil means they are not counted.
	Tally *transport.Tally
}

// Tethers watches processes and lets itself be watched.
type Tethers struct {
	cfg     Config
	greeter greeting.Greeter
	log     *slog.Logger
	tally   *transport.Tally
	found   *evidence.Queue
	// strangers have not greeted yet.
	strangers *strangers.Room
	host      inbound

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	watches map[transport.Target]*watch
}

// New starts accepting. It keeps one goroutine for that, one for evidence, and
// one a connection.
func New(cfg Config) *Tethers {
	t := &Tethers{
		cfg: cfg,
		greeter: greeting.For(greeting.Plain{
			Use: greeting.Tether, Group: cfg.GroupHash, Self: greeting.Peer{Process: cfg.Self, Nonce: cfg.Nonce},
		}, cfg.Credentials),
		log:       cfg.Logger,
		tally:     cfg.Tally,
		found:     evidence.NewQueue(),
		watches:   make(map[transport.Target]*watch),
		strangers: strangers.NewRoom(strangersMax),
	}
	if t.log == nil {
		t.log = slog.Default()
	}
	if t.tally == nil {
		t.tally = new(transport.Tally)
	}
	t.host.connections = make(map[views.HostID][]guest)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.wg.Go(t.accept)
	return t
}

// Evidence gives what watching found; it is closed by Close.
func (t *Tethers) Evidence() <-chan transport.Evidence { return t.found.Out() }

// Watch replaces the set of watched processes. A target that stays keeps its
// tether. Ourselves and repetitions are passed over.
func (t *Tethers) Watch(targets []transport.Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	wanted := make(map[transport.Target]bool, len(targets))
	lives := make(map[views.Process]bool, len(targets))
	for _, target := range targets {
		if target.Process == t.cfg.Self || len(wanted) == TargetsMax {
			continue
		}
		wanted[target], lives[target.Process] = true, true
	}
	for target, w := range t.watches {
		if !wanted[target] {
			w.cancel()
			delete(t.watches, target)
		}
	}
	t.found.Retain(func(p views.Process) bool { return lives[p] })
	for target := range wanted {
		if t.watches[target] == nil {
			t.watches[target] = t.start(target)
		}
	}
}

// report queues a finding unless its watch was replaced meanwhile.
func (t *Tethers) report(w *watch, found message.Evidence) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watches[w.target] == w {
		t.found.Report(w.target.Process, found)
	}
}

// Close ends everything and waits for it; it is idempotent.
func (t *Tethers) Close() error {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	t.mu.Unlock()
	if again {
		return nil
	}
	err := t.cfg.Listener.Close()
	t.strangers.Close()
	t.host.close()
	t.cancel()
	t.wg.Wait()
	t.found.Close()
	return err
}
