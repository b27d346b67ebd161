package sim

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// fake is the smallest machine that keeps the engine's contract: it persists,
// installs a view of itself, beats ten times a second, and counts what it hears.
type fake struct {
	cfg       engine.Config
	out       engine.Output
	view      *views.View
	persisted bool
	asked     bool
	next      views.Instant
	heard     map[netip.AddrPort]int
	gaps      []time.Duration
	last      views.Instant
	evidence  []message.Evidence
	n         uint64
	frame     [8]byte
	// twist, if set, spoils each output before it leaves.
	twist func(f *fake, now views.Instant, in engine.Input)
}

const fakeBeat = 100 * time.Millisecond

func newFake(cfg engine.Config) (Machine, error) {
	return &fake{cfg: cfg, heard: make(map[netip.AddrPort]int)}, nil
}

func (f *fake) Step(now views.Instant, in engine.Input) *engine.Output {
	f.obey(now, in)
	if f.twist != nil {
		f.twist(f, now, in)
	}
	return &f.out
}

func (f *fake) obey(now views.Instant, in engine.Input) {
	f.out = engine.Output{}
	if f.last != 0 {
		f.gaps = append(f.gaps, now.Sub(f.last))
	}
	f.last = now
	switch in := in.(type) {
	case engine.Received:
		f.heard[in.From]++
	case engine.Persisted:
		if in.Err != nil {
			f.out.Stop = &engine.Stop{How: trace.StopFatal}
			return
		}
		f.install(now)
	case engine.Submit:
		f.submit(in[0])
	case engine.Leave:
		f.out.Stop = &engine.Stop{How: trace.StopGraceful}
	case engine.Evidence:
		f.evidence = append(f.evidence, in.Found)
	}
	if !f.asked {
		f.asked = true
		f.out.Persist = &engine.Persist{Token: 1, Seq: f.cfg.Seq + 1}
	}
	if f.persisted && now >= f.next {
		f.next = now.Add(fakeBeat)
		binary.LittleEndian.PutUint64(f.frame[:], uint64(now))
		f.out.Send = append(f.out.Send, engine.Packet{Scope: engine.Seek, Frame: f.frame[:]})
	}
}

func (f *fake) install(now views.Instant) {
	f.persisted, f.next = true, now
	f.enter(f.cfg.Seq+1, views.ReasonStart, f.cfg.Self)
}

// enter installs a view of these members.
func (f *fake) enter(seq views.Seq, reason views.Reason, members ...views.Member) {
	id := views.ViewID{Seq: seq, Coordinator: members[0].Host, Incarnation: members[0].Incarnation}
	f.view = &views.View{ID: id, Members: members, Reason: reason}
	in := trace.Install{View: id, Reason: reason}
	for i := range members {
		in.Members = append(in.Members, trace.HostBits{Process: members[i].Process})
	}
	f.out.Events = append(f.out.Events, in)
	f.out.Deliver = append(f.out.Deliver, engine.ViewInstalled{View: f.view})
}

func (f *fake) submit(in engine.Submission) {
	f.n++
	id := trace.MsgID{From: f.cfg.Self.Process, N: f.n}
	f.out.Events = append(f.out.Events, trace.Send{Msg: id, Len: len(in.Payload)}, trace.Deliver{Msg: id, Group: in.Group, Order: in.Order, Len: len(in.Payload), Sum: checksum(in.Payload)})
	f.out.Deliver = append(f.out.Deliver, &engine.Messages{List: []engine.Message{{Msg: id, Group: in.Group, Order: in.Order, Payload: slices.Clone(in.Payload)}}}, engine.Submitted{Token: in.Token, Msg: id})
}

func (f *fake) Deadline() views.Instant {
	if !f.persisted {
		return 0
	}
	return f.next
}

func (f *fake) View() *views.View { return f.view }

func (f *fake) Describe() string { return fmt.Sprintf("fake heard %d", len(f.heard)) }

// blind is the oracle that sees nothing wrong.
type blind struct{ records int }

func (b *blind) Observe(uint32, trace.Record)              { b.records++ }
func (b *blind) Crash(uint32, views.Process)               {}
func (b *blind) Disturb(bool, []views.HostID)              {}
func (b *blind) Stable([]views.HostID)                     {}
func (b *blind) Settled()                                  {}
func (b *blind) Drain()                                    {}
func (b *blind) Unstable()                                 {}
func (b *blind) App(uint32, views.Process, check.AppEvent) {}
func (b *blind) Rest()                                     {}
func (b *blind) Broken() *Failure                          { return nil }
func (b *blind) Finish() *Failure                          { return nil }

func blindly(Options) Oracle { return &blind{} }

// fakes starts n hosts with fakes and lets them run for a moment.
func fakes(o Options) *World {
	w := NewWorld(o, newFake, &blind{})
	for _, h := range w.hosts[1:] {
		if !h.spare {
			h.plan(0)
		}
	}
	w.RunFor(50 * time.Millisecond)
	return w
}

func fakeOn(w *World, n int) *fake { return w.hosts[n].proc.eng.(*fake) }

// heardDuring counts what host to hears of host from while d passes.
func heardDuring(w *World, to, from int, d time.Duration) int {
	before := fakeOn(w, to).heard[addrOf(from)]
	w.RunFor(d)
	return fakeOn(w, to).heard[addrOf(from)] - before
}
