package engine_test

import (
	"testing"
	"time"
)

// A heal ends within a second in one view, with fewer merges than sides, however
// long the network was parted.
func TestHeal(t *testing.T) {
	for _, sides := range [][]int{{2, 1}, {1, 1}, {3, 2}, {2, 2, 1}, {1, 1, 1}} {
		for _, parted := range []time.Duration{1600 * time.Millisecond, 2 * time.Second, 10 * time.Second} {
			for seed := range uint64(5) {
				healOnce(t, seed, sides, parted)
			}
		}
	}
}

func healOnce(t *testing.T, seed uint64, sides []int, parted time.Duration) {
	t.Helper()
	l := newLAN(t, seed)
	side := map[*lanHost]int{}
	for i, n := range sides {
		for range n {
			side[l.add(0)] = i
		}
	}
	l.expectOneView(time.Second, "form")
	l.run(3 * time.Second)
	for h, i := range side {
		h.group = i
	}
	l.run(parted)
	before := l.hosts[0].installs()
	for _, h := range l.hosts {
		h.group = 0
	}
	took := l.expectOneView(time.Second, "heal")
	if views := l.hosts[0].installs() - before; views >= len(sides) {
		t.Errorf("sides %v parted %v seed %d: %v and %d views to heal", sides, parted, seed, took, views)
	}
}
