package sim

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// A few sealed seeds meet what sealed worlds are for.
func TestSealedSeeds(t *testing.T) {
	var cover Coverage
	for seed := uint64(firstSeed); seed < firstSeed+8; seed++ {
		o := Swarm(seed, 4)
		o.Profile = Mixed
		o.EnsureSealed()
		o.Safety, o.ReplayEvery, o.KeysEvery = 4*time.Minute, 100*time.Millisecond, 5*time.Second
		o.Rates[FaultCorrupt], o.Rates[FaultEvict], o.Rates[FaultPartition] = 20, 20, 20
		res := Run(Task{Options: o, Maker: Shipped, Oracle: Judged})
		if res.Failure != nil {
			t.Errorf("seed %d: %v", seed, res.Failure)
		}
		cover.Add(&res.Cover)
	}
	for _, s := range []coverSite{coverBent, coverReplays, coverReplayed, coverForged, coverRotated, coverGranted, coverGiven, coverExpelled, coverOldKey} {
		if cover.sites[s] == 0 {
			t.Errorf("%s was not reached", siteNames[s])
		}
	}
}

// liar is the shipped engine but for one thing.
type liar struct {
	*engine.Engine
	step func(out *engine.Output)
	keys func(s *engine.KeysStatus)
}

func (l *liar) Step(now views.Instant, in engine.Input) *engine.Output {
	out := l.Engine.Step(now, in)
	if l.step != nil {
		l.step(out)
	}
	return out
}

func (l *liar) Keys() engine.KeysStatus {
	s := l.Engine.Keys()
	if l.keys != nil {
		l.keys(&s)
	}
	return s
}

// TestSealedWorldsFailWhatTheyMust: each rule of sealed worlds has an engine that
// breaks it.
func TestSealedWorldsFailWhatTheyMust(t *testing.T) {
	for _, c := range []struct {
		name, property string
		lie            func(l *liar)
	}{
		{"an honest one passes", "", func(*liar) {}},
		{"a plain frame", "seal", func(l *liar) {
			l.step = func(out *engine.Output) {
				if len(out.Send) > 0 {
					h, _ := wire.DecodeHeader(out.Send[0].Frame)
					frame, _ := wire.AppendMessage(wire.AppendHeader(nil, h.Header), &message.Pong{})
					wire.Sum(frame)
					out.Send[0].Frame = frame
				}
			}
		}},
		{"not settled", "keys", func(l *liar) {
			l.keys = func(s *engine.KeysStatus) { s.Rotating = true }
		}},
		{"another key", "keys", func(l *liar) {
			l.keys = func(s *engine.KeysStatus) { s.Sending++ }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Calm(3, 2)
			o.Sealed = 1
			maker := func(cfg engine.Config) (Machine, error) {
				e, err := engine.New(cfg)
				l := &liar{Engine: e}
				c.lie(l)
				return l, err
			}
			res := Run(Task{Options: o, Schedule: []Fault{}, Stays: &Stays{}, Maker: maker, Oracle: blindly})
			wantFailure(t, res.Failure, c.property)
		})
	}
}

// Every start has other secrets, and every run of a seed the same.
func TestSecretsAreOfTheSeed(t *testing.T) {
	o := Calm(5, 1)
	o.Sealed = 1
	var first []byte
	for range 2 {
		w := NewWorld(o, newFake, &blind{})
		a, b := make([]byte, 32), make([]byte, 32)
		_, _ = w.secrets("start", 1).Read(a)
		_, _ = w.secrets("start", 2).Read(b)
		if string(a) == string(b) {
			t.Error("two starts have the same secrets")
		}
		if first != nil && string(first) != string(a) {
			t.Error("two runs of a seed have other secrets")
		}
		first = a
	}
}
