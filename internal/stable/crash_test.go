package stable_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/internal/stable/stabletest"
	"github.com/gmsd/gmsd/views"
)

var errKilled = errors.New("killed here")

// past is what a host has done before the world's eyes.
type past struct {
	host    views.HostID
	life    views.Incarnation
	seq     views.Seq
	opens   int
	crashes int
	torn    int
}

// step runs one life that is cut short at a drawn operation of the disk, and
// says what is wrong with it, if anything.
func (p *past) step(m *stable.Mem, rng *rand.Rand) error {
	left := rng.IntN(40)
	d := stable.WithFaults(m.Mount(), func(stable.Op, string) error {
		if left--; left < 0 {
			return errKilled
		}
		return nil
	})
	s, err := stable.OpenDisk(d, stabletest.Random(byte(rng.IntN(200))))
	if errors.Is(err, errKilled) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open after %+v: %w", *p, err)
	}
	if err := p.met(s); err != nil {
		return err
	}
	for range 40 {
		seq := s.Seq() + views.Seq(rng.IntN(3))
		if err := s.SaveSeq(seq); err != nil {
			break
		}
		p.seq = max(p.seq, seq)
		if rng.IntN(4) == 0 {
			_ = s.SavePeers(nil)
		}
	}
	if rng.IntN(3) == 0 {
		return s.Close()
	}
	return nil
}

func (p *past) met(s *stable.Store) error {
	self, _ := s.Self()
	p.opens++
	p.torn += len(s.Notices())
	switch {
	case p.opens > 1 && self.Host != p.host:
		return fmt.Errorf("host %v was %v before", self.Host, p.host)
	case self.Incarnation <= p.life:
		return fmt.Errorf("incarnation %d after %d", self.Incarnation, p.life)
	case s.Seq() < p.seq:
		return fmt.Errorf("seq %d, and %d was acknowledged", s.Seq(), p.seq)
	}
	p.host, p.life = self.Host, self.Incarnation
	return nil
}

// TestNothingAcknowledgedIsLost kills the process between any two operations of
// the disk, with and without a power loss that tears what was not synced, and
// wants contract 1, 2 and 4 of the package: no incarnation twice, no seq below
// an acknowledged one, and never a directory that cannot be opened.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	var total past
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 7))
		m, p := &stable.Mem{}, &past{}
		for range 12 {
			if err := p.step(m, rng); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if rng.IntN(2) == 0 {
				m.Crash(rng, []int{0, 20, 50, 80, 100}[rng.IntN(5)])
				p.crashes++
			} else {
				m.Kill()
			}
		}
		total.opens += p.opens
		total.crashes += p.crashes
		total.torn += p.torn
	}
	t.Logf("%d lives, %d power losses, %d torn blocks met", total.opens, total.crashes, total.torn)
	if total.opens < 3000 || total.crashes < 2500 || total.torn < 500 {
		t.Errorf("too little happened to believe it: %+v", total)
	}
}
