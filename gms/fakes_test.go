package gms

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

var (
	selfProcess = views.Process{Host: views.HostID{1}, Incarnation: 3}
	peerProcess = views.Process{Host: views.HostID{2}, Incarnation: 1}
	selfAddr    = netip.MustParseAddrPort("10.0.0.1:7749")
	peerAddr    = netip.MustParseAddrPort("10.0.0.2:7749")
)

// journal notes what the runtime did, in order, across all fakes.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

// wireFake is a transport whose other end is the test.
type wireFake struct {
	*journal
	in       chan []byte // unbuffered
	failing  chan error
	evidence chan transport.Evidence
	closed   chan struct{}
	once     sync.Once
	sendErr  error
}

func newWireFake(j *journal) *wireFake {
	return &wireFake{
		journal: j, in: make(chan []byte), failing: make(chan error),
		evidence: make(chan transport.Evidence), closed: make(chan struct{}),
	}
}

func (w *wireFake) Local() netip.AddrPort { return selfAddr }

func (w *wireFake) Send(frame []byte, to netip.AddrPort) error {
	w.add("send " + string(frame) + " to " + to.String())
	return w.sendErr
}

func (w *wireFake) SendAll(frame []byte, _ []netip.AddrPort) error {
	w.add("sendall " + string(frame))
	return w.sendErr
}

func (w *wireFake) SendBatch(batch []transport.Outbound) error { return transport.SendEach(w, batch) }

func (w *wireFake) Seek(frame []byte) error {
	w.add("seek " + string(frame))
	return w.sendErr
}

func (w *wireFake) Receive(batch []transport.Inbound) (int, error) {
	select {
	case f := <-w.in:
		batch[0].From, batch[0].N, batch[0].Segment = peerAddr, copy(batch[0].Buf, f), 0
		return 1, nil
	case err := <-w.failing:
		return 0, err
	case <-w.closed:
		return 0, transport.ErrClosed
	}
}

func (w *wireFake) Watch([]transport.Target)            { w.add("watch") }
func (w *wireFake) Evidence() <-chan transport.Evidence { return w.evidence }

func (w *wireFake) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// storeFake is a disk whose writes the test can hold and fail.
type storeFake struct {
	*journal
	mu    sync.Mutex
	seqs  []views.Seq
	peers int
	known []stable.Peer
	saved []stable.Peer
	hold  chan struct{} // if set, each SaveSeq takes one from it
	err   error
}

func (s *storeFake) Self() (views.Process, ed25519.PrivateKey) { return selfProcess, nil }
func (s *storeFake) Seq() views.Seq                            { return 0 }
func (s *storeFake) Close() error                              { s.add("store closed"); return nil }

func (s *storeFake) SaveSeq(seq views.Seq) error {
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seqs = append(s.seqs, seq)
	return s.err
}

func (s *storeFake) Peers() []stable.Peer { return s.known }

func (s *storeFake) SavePeers(all []stable.Peer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers++
	s.saved = all
	return nil
}

// soloEngine is a small engine that is alone, or says so: it answers every
// request at once. On, if set, is asked first.
type soloEngine struct {
	view     *views.View
	seq      views.Seq
	k        views.Position
	deadline views.Instant
	inputs   []engine.Input
	times    []views.Instant
	on       func(now views.Instant, in engine.Input) *engine.Output
	// room is what Room gives.
	room atomic.Int64
	// batch is what the last Step delivered: the next one takes it back.
	batch engine.Messages
	cfg   engine.Config
	// early is delivered before there is a view.
	early []engine.Delivery
	// links are what Links gives; they are set in the loop.
	links []engine.LinkStatus
}

func (e *soloEngine) Deadline() views.Instant    { return e.deadline }
func (e *soloEngine) Room() int                  { return int(e.room.Load()) }
func (e *soloEngine) Status() engine.Status      { return engine.Status{} }
func (e *soloEngine) Links() []engine.LinkStatus { return e.links }

// submitted are the payloads of all that was submitted.
func (e *soloEngine) submitted() (payloads []string) {
	for _, in := range e.inputs {
		if s, ok := in.(engine.Submit); ok {
			for i := range s {
				payloads = append(payloads, string(s[i].Payload))
			}
		}
	}
	return payloads
}

// backlogs are the backlogs it was told of.
func (e *soloEngine) backlogs() (bytes []int) {
	for _, in := range e.inputs {
		if b, ok := in.(engine.Backlog); ok {
			bytes = append(bytes, b.Bytes)
		}
	}
	return bytes
}

func (e *soloEngine) Step(now views.Instant, in engine.Input) *engine.Output {
	clear(e.batch.List)
	e.batch.List = e.batch.List[:0]
	if s, ok := in.(engine.Submit); ok {
		in = slices.Clone(s) // the slice is the caller's again
	}
	e.inputs, e.times = append(e.inputs, in), append(e.times, now)
	if len(e.inputs) == 1 {
		return &engine.Output{Persist: &engine.Persist{Token: 1, Seq: 1}, Deliver: e.early}
	}
	if e.on != nil {
		if out := e.on(now, in); out != nil {
			return out
		}
	}
	switch in := in.(type) {
	case engine.Persisted:
		if in.Token == 1 && e.view == nil {
			return e.install(selfProcess)
		}
	case engine.Submit:
		return e.submit(in)
	case engine.SetState:
		return e.set(in)
	case engine.Leave:
		return &engine.Output{Stop: &engine.Stop{How: trace.StopGraceful}}
	case engine.Evict:
		return e.install(selfProcess)
	}
	return &engine.Output{}
}

// install makes a view of these processes.
func (e *soloEngine) install(of ...views.Process) *engine.Output {
	e.seq++
	v := &views.View{ID: views.ViewID{Seq: e.seq, Coordinator: selfProcess.Host, Incarnation: 3}, Reason: views.ReasonStart}
	for _, p := range of {
		m := views.Member{Process: p, Name: "h", Addr: peerAddr}
		if e.view != nil && p == selfProcess {
			m = e.view.Members[0]
		}
		v.Members = append(v.Members, m)
	}
	e.view, e.k = v, 0
	return &engine.Output{
		Events:  []trace.Event{trace.Install{View: v.ID}},
		Deliver: []engine.Delivery{engine.ViewInstalled{View: v}},
	}
}

// submit delivers all at once.
func (e *soloEngine) submit(in engine.Submit) *engine.Output {
	e.batch.View = e.view.ID
	out := &engine.Output{Deliver: []engine.Delivery{&e.batch}}
	for i := range in {
		s := &in[i]
		e.k++
		id := trace.MsgID{From: selfProcess, N: uint64(e.k)}
		if e.cfg.MessageEvents {
			out.Events = append(out.Events, trace.Send{Msg: id, Group: s.Group}, trace.Deliver{Msg: id, Group: s.Group, K: e.k})
		}
		e.batch.List = append(e.batch.List, engine.Message{Msg: id, K: e.k, Order: s.Order, Group: s.Group, Payload: s.Payload})
		if s.Token != 0 {
			out.Deliver = append(out.Deliver, engine.Submitted{Token: s.Token, Msg: id, View: e.view.ID, K: e.k})
		}
	}
	return out
}

// refuse refuses all for err.
func refuse(in engine.Submit, err error) *engine.Output {
	out := &engine.Output{}
	for i := range in {
		out.Deliver = append(out.Deliver, engine.Submitted{Token: in[i].Token, Err: err})
	}
	return out
}

func (e *soloEngine) set(in engine.SetState) *engine.Output {
	v := *e.view
	v.Members = append([]views.Member(nil), v.Members...)
	m := &v.Members[0]
	m.Bits = m.Bits&^in.Mask | in.Bits
	if in.SetAttrs {
		m.Attrs = in.Attrs
	}
	e.k++
	e.view = &v
	return &engine.Output{Deliver: []engine.Delivery{engine.StateChanged{View: &v, K: e.k, Who: selfProcess.Host}}}
}

// rig is a host on fakes.
type rig struct {
	*journal
	wire   *wireFake
	store  *storeFake
	engine *soloEngine
	cfg    Config
}

func newRig() *rig {
	j := &journal{}
	r := &rig{journal: j, wire: newWireFake(j), store: &storeFake{journal: j}, engine: &soloEngine{}}
	r.engine.room.Store(1 << 20)
	begin := time.Now()
	r.cfg = Config{
		Name: "h1", DataDir: "none", InsecureLab: true, Started: StartedAPI,
		NewTransport: func(views.Process) (transport.Transport, error) { return r.wire, nil },
		seams: seams{
			clock:      func() views.Instant { return views.Instant(time.Since(begin)) + 1 },
			openStore:  func(string) (store, error) { return r.store, nil },
			newMachine: func(cfg engine.Config) (machine, error) { r.engine.cfg = cfg; return r.engine, nil },
			addresses:  func() ([]netip.Addr, error) { return []netip.Addr{selfAddr.Addr()}, nil },
		},
	}
	return r
}

// start starts the host inside the bubble and closes it at the test's end.
func (r *rig) start(t *testing.T) *Host {
	t.Helper()
	h, err := Start(t.Context(), r.cfg)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return h
}

// inBubble runs f with a host on fakes under virtual time.
func inBubble(t *testing.T, setup func(*rig), f func(t *testing.T, r *rig, h *Host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		if setup != nil {
			setup(r)
		}
		h := r.start(t)
		defer h.Close()
		synctest.Wait()
		f(t, r, h)
	})
}

// logLines collects what is logged for people.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Enabled(context.Context, slog.Level) bool { return true }
func (l *logLines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logLines) WithGroup(string) slog.Handler            { return l }

func (l *logLines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r.Message)
	return nil
}

var errFake = errors.New("fake fault")

func (l *logLines) count(line string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, have := range l.lines {
		if have == line {
			n++
		}
	}
	return n
}
