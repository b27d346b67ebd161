package demo

import (
	"errors"
	"fmt"
	"slices"
)

// life is where a host stands.
type life uint8

const (
	absent life = iota
	running
	frozen
	killed
	left
)

// stage is what should be: the lives of the hosts, by number minus one, and the
// sides of a cut. It is pure; the processes follow it.
type stage struct {
	lives []life
	sides [][]int // nil: everybody hears everybody
}

func newStage(n int) *stage { return &stage{lives: make([]life, n)} }

// play makes an act, or says why it cannot be; then nothing has changed.
func (s *stage) play(a Act) error {
	need := map[Verb][]life{
		Start: {absent, killed, left}, Kill: {running, frozen}, Freeze: {running}, Thaw: {frozen}, Leave: {running},
	}[a.Verb]
	for _, h := range a.Hosts {
		if !slices.Contains(need, s.lives[h-1]) {
			return fmt.Errorf("%s is %s", hostName(h), s.lives[h-1])
		}
	}
	becomes := map[Verb]life{Start: running, Kill: killed, Freeze: frozen, Thaw: running, Leave: left}[a.Verb]
	for _, h := range a.Hosts {
		s.lives[h-1] = becomes
	}
	switch a.Verb {
	case Cut:
		s.sides = a.Sides
	case Heal:
		if s.sides == nil {
			return errors.New("nothing is cut")
		}
		s.sides = nil
	case Start, Kill, Freeze, Thaw, Leave, Wait, Say:
	}
	return nil
}

// components are the sets of hosts that must each agree on one view: the
// running ones of each side.
func (s *stage) components() [][]int {
	sides := s.sides
	if sides == nil {
		everybody := []int{}
		for h := range s.lives {
			everybody = append(everybody, h+1)
		}
		sides = [][]int{everybody}
	}
	var out [][]int
	for _, side := range sides {
		var in []int
		for _, h := range side {
			if s.lives[h-1] == running {
				in = append(in, h)
			}
		}
		if len(in) > 0 {
			out = append(out, in)
		}
	}
	return out
}

// String is how a life is told.
func (l life) String() string {
	return [...]string{"not started", "running", "frozen", "killed", "gone"}[l]
}
