package sim

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// TestTheWorldFailsWhatItMust: each check that is the world's own, and not one of
// package check, has a machine that it must fail.
func TestTheWorldFailsWhatItMust(t *testing.T) {
	for _, c := range []struct {
		name, property string
		hosts          int
		set            func(*Options)
		faults         []Fault
		twist          func(f *fake, now views.Instant, in engine.Input)
	}{
		{name: "an honest one passes", hosts: 1},
		{name: "two that never meet", property: "L1", hosts: 2},
		{name: "probes that nobody gets", property: "L2", hosts: 1, twist: func(f *fake, _ views.Instant, in engine.Input) {
			if s, ok := in.(engine.Submit); ok && s[0].Group == probeGroup {
				f.out.Events, f.out.Deliver = nil, nil
			}
		}},
		{name: "a view in the settled group", property: "L3", hosts: 1, twist: func(f *fake, _ views.Instant, in engine.Input) {
			if s, ok := in.(engine.Submit); ok && s[0].Group == probeGroup {
				f.out.Persist = &engine.Persist{Token: 2, Seq: f.view.ID.Seq + 1}
			}
			if p, ok := in.(engine.Persisted); ok && p.Token == 2 {
				f.out = engine.Output{}
				f.enter(f.view.ID.Seq+1, views.ReasonRestate, f.cfg.Self)
			}
		}},
		{name: "a crash in a quiet seed", property: "L5", hosts: 1, set: func(o *Options) { o.Profile = Quiet }, twist: onInstall(func(f *fake) {
			f.out = engine.Output{}
			f.enter(f.cfg.Seq+1, views.ReasonCrash, f.cfg.Self)
		})},
		{name: "a number that the disk does not know", property: "disk", hosts: 1, twist: onInstall(func(f *fake) {
			f.out = engine.Output{}
			f.enter(f.cfg.Seq+2, views.ReasonStart, f.cfg.Self)
		})},
		{name: "a view that the log does not say", property: "log", hosts: 1, twist: onInstall(func(f *fake) { f.out.Events = nil })},
		{name: "a view that only the log says", property: "log", hosts: 1, twist: onInstall(func(f *fake) { f.out.Deliver = nil })},
		{name: "another message than the log says", property: "log", hosts: 1, twist: func(f *fake, _ views.Instant, _ engine.Input) {
			if len(f.out.Deliver) > 0 {
				if m, ok := f.out.Deliver[0].(*engine.Messages); ok {
					m.List[0].Msg.N++
				}
			}
		}},
		{name: "no time between two calls", property: "progress", hosts: 1, twist: func(f *fake, now views.Instant, _ engine.Input) { f.next = now }},
		{
			name: "going on without a disk", property: "driver", hosts: 1, faults: []Fault{{Kind: FaultDiskError, A: hosts(1), For: 10 * time.Second}},
			twist: func(f *fake, _ views.Instant, _ engine.Input) { f.out.Stop = nil },
		},
		{name: "writing to a payload", property: "driver", hosts: 1, twist: func(_ *fake, _ views.Instant, in engine.Input) {
			if s, ok := in.(engine.Submit); ok && len(s[0].Payload) > 0 {
				s[0].Payload[0]++
			}
		}},
		{name: "two answers for one message", property: "fate", hosts: 1, twist: onSubmit(func(f *fake, s engine.Submitted) {
			f.out.Deliver = append(f.out.Deliver, s)
		})},
		{name: "no answer for a message", property: "fate", hosts: 1, twist: onSubmit(func(f *fake, _ engine.Submitted) {
			f.out.Deliver = f.out.Deliver[:1]
		})},
		{name: "a refusal for a message that is delivered", property: "fate", hosts: 1, twist: onSubmit(func(f *fake, s engine.Submitted) {
			s.Err = views.ErrLeaving
			f.out.Deliver[1] = s
		})},
		{name: "the number of another message", property: "fate", hosts: 1, twist: onSubmit(func(f *fake, s engine.Submitted) {
			s.Msg.N++
			f.out.Deliver[1] = s
		})},
		{name: "a message without a fate", property: "fate", hosts: 1, twist: onSubmit(func(f *fake, _ engine.Submitted) {
			f.out.Events, f.out.Deliver = nil, nil
		}), set: func(o *Options) { o.Safety = time.Minute }},
		{name: "a panic", property: "panic", hosts: 1, twist: onInstall(func(*fake) { panic("no") })},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Calm(1, c.hosts)
			if c.set != nil {
				c.set(&o)
			}
			maker := func(cfg engine.Config) (Machine, error) {
				m, err := newFake(cfg)
				m.(*fake).twist = c.twist
				return m, err
			}
			res := Run(Task{Options: o, Schedule: slices.Concat([]Fault{}, c.faults), Stays: &Stays{}, Maker: maker, Oracle: blindly})
			wantFailure(t, res.Failure, c.property)
		})
	}
}

func wantFailure(t *testing.T, f *Failure, property string) {
	t.Helper()
	switch {
	case f == nil && property != "":
		t.Errorf("passed, want %s", property)
	case f != nil && f.Property != property:
		t.Errorf("failed with %v, want %q", f, property)
	}
}

// onSubmit twists the steps in which a message of the workload is answered.
func onSubmit(do func(*fake, engine.Submitted)) func(*fake, views.Instant, engine.Input) {
	return func(f *fake, _ views.Instant, in engine.Input) {
		if s, ok := in.(engine.Submit); ok && s[0].Group != probeGroup {
			do(f, f.out.Deliver[1].(engine.Submitted))
		}
	}
}

// onInstall twists the step in which the first view is installed.
func onInstall(do func(*fake)) func(*fake, views.Instant, engine.Input) {
	return func(f *fake, _ views.Instant, in engine.Input) {
		if p, ok := in.(engine.Persisted); ok && p.Token == 1 {
			do(f)
		}
	}
}

func TestAConfigurationThatIsRefusedFails(t *testing.T) {
	maker := func(engine.Config) (Machine, error) { return nil, errors.New("no") }
	res := Run(Task{Options: Calm(1, 1), Schedule: []Fault{}, Maker: maker, Oracle: blindly})
	wantFailure(t, res.Failure, "driver")
}

// TestCopiesAreJudged: J5 is the world's, which alone knows who is a copy. Hosts
// 1 and 2 are in a view when a copy of 1 comes up on the spare machine.
func TestCopiesAreJudged(t *testing.T) {
	for _, c := range []struct {
		name, property string
		// ran is how long the copy runs.
		ran   time.Duration
		twist func(w *World, f *fake)
	}{
		{"let in", "J5", 20 * time.Second, func(w *World, f *fake) {
			f.out = engine.Output{}
			f.enter(f.cfg.Seq+1, views.ReasonJoin, f.cfg.Self, fakeOn(w, 2).cfg.Self)
		}},
		{"never told", "J5", 20 * time.Second, nil},
		{"gone before long", "", 5 * time.Second, nil},
		{"refused", "", 20 * time.Second, func(_ *World, f *fake) {
			f.out.Stop = &engine.Stop{How: trace.StopFatal, Code: views.RefuseDuplicate}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := pair()
			if c.twist != nil {
				w.maker = func(cfg engine.Config) (Machine, error) {
					m, err := newFake(cfg)
					m.(*fake).twist = onInstall(func(f *fake) { c.twist(w, f) })
					return m, err
				}
			}
			w.Inject(Fault{Kind: FaultClone, A: hosts(1), For: c.ran})
			w.RunFor(time.Minute)
			wantFailure(t, w.failure, c.property)
		})
	}
	t.Run("the original stopped", func(t *testing.T) {
		w := pair()
		fakeOn(w, 1).twist = func(f *fake, _ views.Instant, _ engine.Input) {
			f.out.Stop = &engine.Stop{How: trace.StopFatal, Code: views.RefuseDuplicate}
		}
		w.RunFor(time.Minute)
		wantFailure(t, w.failure, "J5")
	})
}

// pair is a world in which hosts 1 and 2 have long been in one view.
func pair() *World {
	w := NewWorld(Calm(1, 2), newFake, &blind{})
	members := func() []views.Member { return []views.Member{fakeOn(w, 1).cfg.Self, fakeOn(w, 2).cfg.Self} }
	for _, n := range []int{1, 2} {
		w.hosts[n].start()
	}
	w.RunFor(time.Second)
	for _, n := range []int{1, 2} {
		f := fakeOn(w, n)
		f.twist = func(f *fake, _ views.Instant, _ engine.Input) {
			f.twist = nil
			f.enter(f.view.ID.Seq, views.ReasonJoin, members()...)
		}
	}
	w.RunFor(time.Minute)
	return w
}
