package gms

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"

	"github.com/gmsd/gmsd/internal/adminca"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/tether"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Start starts a host and returns once it has installed its first view, of
// itself alone; then it looks for others. Ctx bounds the start only. The
// errors: *[FieldError]s joined, *[DamagedError], what the system said of
// sockets and files, *[FatalError].
func Start(ctx context.Context, cfg Config) (*Host, error) {
	cfg.EnsureDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l, err := assemble(&cfg)
	if err != nil {
		return nil, err
	}
	h := l.host
	go l.run()
	select {
	case <-h.first:
		return h, nil
	case <-h.done:
		return nil, h.stopped()
	case <-ctx.Done():
		_ = h.Close()
		return nil, fmt.Errorf("start: %w", ctx.Err())
	}
}

// assembly is a host being put together. What was opened is closed again where
// a later part fails.
type assembly struct {
	cfg   *Config
	host  *Host
	loop  *loop
	nonce uint64
	ring  keys.Ring
	// identity is the host's key.
	identity ed25519.PrivateKey
	undo     []func() error
}

// assemble opens the data directory first, since it is locked: a second host on
// it must not disturb the first one's socket.
func assemble(cfg *Config) (*loop, error) {
	h := &Host{
		ring:     newRing(EventsMax),
		commands: make(chan command, CommandsMax),
		first:    make(chan struct{}),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
		clock:    cfg.seams.clock,
		log:      cfg.Logger,
		outbox:   newOutbox(cfg.seams.clock),
	}
	h.listeners.freed = make(chan struct{}, 1)
	h.listeners.slow = func() { h.counts.listenersCut.Add(1) }
	h.begun, h.keyFile = h.clock(), cfg.KeyFile
	quit := make(chan struct{})
	a := assembly{cfg: cfg, host: h, nonce: random(), loop: &loop{
		host: h, log: cfg.Logger, clock: h.clock, now: h.begun, sending: true, over: make(chan struct{}),
		quit: quit, inbox: newInbox(quit), disk: newDisk(), keeper: newKeeper(cfg.KeyFile, cfg.seams.saveRing), doctor: newPhysician(),
		calls: calls{sends: make(map[uint64]sending)}, ports: newPorts(), states: newStates(cfg, quit),
	}}
	for _, part := range []func() error{a.openKeys, a.openStore, a.openTransport, a.openDiscovery, a.openEventLog, a.makeEngine} {
		if err := part(); err != nil {
			a.takeApart()
			return nil, err
		}
	}
	return a.loop, nil
}

func (a *assembly) takeApart() {
	for i := len(a.undo) - 1; i >= 0; i-- {
		a.loop.closed("after a failed start", a.undo[i]())
	}
}

// openKeys reads the ring; without one nothing is sealed, as the configuration says.
func (a *assembly) openKeys() error {
	if a.cfg.KeyFile == "" {
		a.cfg.Logger.Warn("INSECURE LAB MODE: there is no key file, nothing is sealed; whoever can send to this host can join, forge and remove", "cure", "use it only where every sender is trusted")
		return nil
	}
	ring, err := keyfile.Load(a.cfg.KeyFile)
	if err != nil {
		return keyFileFault(a.cfg.KeyFile, err)
	}
	if err := keyfile.CheckSave(a.cfg.KeyFile); err != nil {
		a.cfg.Logger.Warn("a change of the keys could not be written here, and would wait for this host", "err", err)
	}
	a.ring = ring
	now := transport.Keys{Sending: ring.Using(), Ring: ring}
	for _, e := range ring.Keys() {
		now.Accepted = append(now.Accepted, e.Key)
	}
	a.host.inUse.Store(&now)
	return nil
}

func (a *assembly) openStore() error {
	s, err := a.cfg.seams.openStore(a.cfg.DataDir)
	if err != nil {
		return storeError(a.cfg.DataDir, err)
	}
	a.undo = append(a.undo, s.Close)
	a.loop.store = s
	if err := sweep(a.cfg.DataDir); err != nil {
		a.cfg.Logger.Warn("temporary files of an earlier life stay", "err", err)
	}
	a.loop.self, a.identity = s.Self()
	if n, ok := s.(interface{ Notices() []string }); ok {
		a.loop.notices = n.Notices()
	}
	for _, n := range a.loop.notices {
		a.cfg.Logger.Warn("data directory", "notice", n)
	}
	return nil
}

func (a *assembly) openTransport() error {
	tr, err := a.newTransport()
	if err != nil {
		return err
	}
	a.undo = append(a.undo, tr.Close)
	a.loop.tr = tr
	if c, ok := tr.(transport.Counter); ok {
		a.host.transport = c
	}
	a.openDoctor()
	a.host.start = views.Member{
		Process: a.loop.self,
		Name:    a.cfg.Name,
		Addr:    tr.Local(),
		Bits:    a.cfg.bits(),
		Version: a.cfg.Version,
		Attrs:   attrList(a.cfg.Attrs),
	}
	a.host.believed.begin(adminca.Host{Name: a.cfg.Name, ID: a.loop.self.Host.String(), Group: a.cfg.Group}, a.ring)
	return nil
}

func (a *assembly) openEventLog() error {
	e, err := openEventLog(a.cfg.EventLog, a.cfg.Logger, &a.host.counts)
	if err != nil {
		return err
	}
	a.undo = append(a.undo, e.end)
	a.loop.eventLog = e
	return nil
}

func (a *assembly) makeEngine() error {
	a.loop.window = a.window()
	a.host.window = a.loop.window
	m, err := a.cfg.seams.newMachine(engine.Config{
		PathBytes: a.pathBytes(), PathSure: a.overStreams() || undoctored != "", Detect: a.detection(), Window: a.loop.window, MessageEvents: a.cfg.EventLog != "" && !a.cfg.NoMessageEvents,
		Self: a.host.start,
		Ring: a.ring, Identity: a.identity, Random: rand.Reader,
		Group:     a.cfg.Group,
		Nonce:     a.nonce,
		Seed:      random(),
		Seq:       a.loop.store.Seq(),
		Bystander: a.cfg.seams.wrap != nil,
		Multicast: a.cfg.NewTransport == nil && a.cfg.Transport == TransportMulticast, Hearsay: a.cfg.LabFaults,
	})
	if err != nil {
		return err
	}
	a.loop.engine = m
	if command := checkCommand(a.cfg.Started); command != "" {
		a.loop.check = &checker{
			set: a.host.SetBits, log: a.cfg.Logger,
			try: func(ctx context.Context) error { return a.cfg.seams.check(ctx, command) },
		}
	}
	a.loop.record([]trace.Event{trace.Start{HostName: a.cfg.Name, Version: a.cfg.Version, PID: os.Getpid()}})
	a.cfg.Logger.Info("started", slog.Any("host", a.loop.self), "name", a.cfg.Name, "addr", a.host.start.Addr, "group", a.cfg.Group)
	return nil
}

// random draws what must differ at every start.
func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return binary.LittleEndian.Uint64(b[:])
}

// openDoctor tells the doctor what it cannot see by itself.
func (a *assembly) openDoctor() {
	c, p := a.cfg, &a.loop.patient
	p.ctx, p.cancel = context.WithCancel(context.Background())
	a.undo = append(a.undo, func() error { p.cancel(); return nil })
	if c.NewTransport != nil {
		return
	}
	p.settings, p.streams = c.Transport, a.overStreams()
	if m, ok := a.loop.tr.(transport.Multicaster); ok {
		p.multicaster = m
		p.settings += " " + c.McastGroup.String()
	}
	p.tethers = &tether.Config{
		Source: c.Bind.Addr(), GroupHash: engine.GroupHash(c.Group), Self: a.loop.self, Nonce: a.nonce, Credentials: a.credentials(), Streams: p.streams,
	}
}
