package engine_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// Who is not where it says it is does not come in: it would be heard by multicast and answer
// nothing. It need not be the newcomer: of two, either may lead.
func TestWhoIsNotWhereItSays(t *testing.T) {
	for _, c := range []struct{ hosts, wrong int }{{2, 0}, {2, 1}, {4, 3}, {5, 0}} {
		l := newLAN(t, 31)
		for i := range c.hosts {
			l.add(time.Duration(i) * 7 * time.Millisecond)
		}
		wrong := l.hosts[c.wrong]
		wrong.says = netip.MustParseAddrPort("10.9.9.9:7749")
		l.run(time.Minute)
		for i, h := range l.hosts {
			want := c.hosts - 1
			if h == wrong {
				want = 1
			}
			if got := h.View().Size(); got != want {
				t.Errorf("%d hosts: host %d is in a view of %d, want %d: %s", c.hosts, i, got, want, h.Describe())
			}
			if n := h.installs(); n > 4 {
				t.Errorf("%d hosts: host %d installed %d views", c.hosts, i, n)
			}
		}
	}
}

// One who is not where it says and would lead does not keep the others waiting.
func TestWhoIsNotWhereItSaysIsNotWaitedFor(t *testing.T) {
	for _, n := range []int{3, 5, 10} {
		for seed := range uint64(20) {
			l := newLAN(t, seed)
			for i := range n {
				l.add(time.Duration(i) * 7 * time.Millisecond)
			}
			wrong := l.hosts[0]
			for _, h := range l.hosts {
				if bytes.Compare(h.process.Host[:], wrong.process.Host[:]) < 0 {
					wrong = h
				}
			}
			wrong.says = netip.MustParseAddrPort("10.9.9.9:7749")
			took := l.until(10*time.Second, func() bool {
				for _, h := range l.hosts {
					if h != wrong && (h.Engine == nil || h.View() == nil || h.View().Size() != n-1) {
						return false
					}
				}
				return true
			})
			if took > 2500*time.Millisecond {
				t.Errorf("%d hosts, seed %d: the others are together after %v", n, seed, took)
			}
		}
	}
}

// A copy of a member's state that starts beside it is told of by whoever refuses it and by
// the member itself, once each: the one that refuses may be cut off the next moment.
func TestTwinIsKnownToBoth(t *testing.T) {
	l := formed(t, 5, 4)
	of := l.hosts[2]
	twin := l.add(0)
	twin.process = views.Process{Host: of.process.Host, Incarnation: of.process.Incarnation + 1}
	l.run(5 * time.Second)
	told := 0
	for _, h := range l.hosts[:4] {
		words := 0
		for _, d := range h.delivered {
			if r, ok := d.(engine.Refused); ok && r.Code == views.RefuseDuplicate && r.Who == of.process.Host && r.From == twin.addr {
				words++
			}
		}
		if words > 1 || h == of && words == 0 {
			t.Errorf("%s: told %d times", h.name, words)
		}
		told += words
	}
	if told < 2 {
		t.Errorf("%d hosts know of it", told)
	}
}
