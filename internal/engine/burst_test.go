package engine_test

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
)

// rowSeen is what the second host says of the row of the first: how many were sent and
// how many came, as soon as it says anything.
func rowSeen(l *lan) (sent, came int) {
	for _, s := range l.hosts[1].Links() {
		if s.Host == l.hosts[0].process.Host {
			return s.Burst, s.BurstGot
		}
	}
	return 0, 0
}

// Who asks for a second row while one is under way cuts none short, and none is judged
// before it is over: both would look like a limit of the rate.
func TestRowsAreCountedWhole(t *testing.T) {
	l := formed(t, 3, 3)
	for range 40 {
		l.hosts[0].step(engine.SendBurst{})
		l.run(10 * time.Millisecond)
		if sent, came := rowSeen(l); came != sent {
			t.Fatalf("of %d sent %d came, and nothing is lost", sent, came)
		}
	}
	l.run(time.Second)
	if sent, came := rowSeen(l); sent == 0 || came != sent {
		t.Errorf("of %d sent %d came at last", sent, came)
	}
}

// A row of which much is lost is told once it is over.
func TestLossOfARow(t *testing.T) {
	l := formed(t, 3, 2)
	l.hosts[0].step(engine.SendBurst{})
	l.run(40 * time.Millisecond)
	l.unheard = func(from, _ *lanHost) bool { return from == l.hosts[0] }
	l.run(time.Second)
	if sent, came := rowSeen(l); came == 0 || 2*came > sent {
		t.Errorf("of %d sent %d came, where a third did", sent, came)
	}
}
