package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// longAttrs are of 387 bytes, so that a view of 150 does not fit into a datagram.
func longAttrs() []views.Attr {
	long := make([]views.Attr, 3)
	for i := range long {
		long[i] = views.Attr{Key: string(rune('a' + i)), Value: strings.Repeat("v", views.AttrValueMax)}
	}
	return long
}

// A view of 300 hosts that say much of themselves, 150 kB in all, forms, takes one
// more and loses one, through frames that no path takes apart, also where one of
// twenty is lost.
func TestLargeView(t *testing.T) {
	for _, c := range []struct {
		path int
		loss float64
	}{{1472, 0}, {576 - 28, 0}, {576 - 28, 0.05}} {
		t.Run(fmt.Sprintf("path=%d,loss=%v", c.path, c.loss), func(t *testing.T) {
			l := newLAN(t, 7)
			l.path, l.loss = c.path, c.loss
			for i := range 300 {
				l.add(time.Duration(i) * time.Millisecond).attrs = longAttrs()
			}
			l.expectOneView(5*time.Second, "form")
			l.run(3 * time.Second)
			l.add(0).attrs = longAttrs()
			l.expectOneView(2*time.Second, "one joins")
			l.run(time.Second)
			l.kill(l.hosts[77])
			l.expectOneView(2*time.Second, "one is killed")
			l.run(time.Second)
			l.expectAttrs(longAttrs())
			l.expectPieces(c.loss > 0)
		})
	}
}

// Attributes set later by all at once, half a view, are in the view of all, also
// beside a loss.
func TestAttributesOfManyAtOnce(t *testing.T) {
	for _, after := range []time.Duration{0, 50 * time.Microsecond, 3 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			l := newLAN(t, 7)
			for i := range 200 {
				l.add(time.Duration(i) * time.Millisecond)
			}
			l.expectOneView(10*time.Second, "form")
			l.run(3 * time.Second)
			for _, h := range l.hosts {
				h.step(engine.SetState{SetAttrs: true, Attrs: longAttrs()})
			}
			l.run(after)
			l.kill(l.hosts[77])
			l.run(5 * time.Second)
			l.expectOneView(5*time.Second, "one is killed")
			l.expectAttrs(longAttrs())
		})
	}
}

// expectAttrs: all see these attributes of everyone.
func (l *lan) expectAttrs(want []views.Attr) {
	l.t.Helper()
	for _, h := range l.hosts {
		if h.dead {
			continue
		}
		for _, m := range h.View().Members {
			if !slices.Equal(m.Attrs, want) {
				l.t.Fatalf("%s sees %v of %s", h.process, m.Attrs, m.Name)
			}
		}
	}
}

// expectPieces: no frame was longer than the path, installs went in pieces, and
// nothing was thrown away that a network without hosts of ill will brings.
func (l *lan) expectPieces(lossy bool) {
	l.t.Helper()
	var in [message.TypeEnd]uint64
	for _, h := range l.hosts {
		s := h.Status()
		for typ, n := range s.Traffic.In {
			in[typ] += n
		}
		for _, d := range s.Drops {
			if strings.HasPrefix(d.Reason, "piece") && (!lossy || d.Reason != "pieces-pushed-out") {
				l.t.Errorf("%s: %d times %s", h.process, d.Count, d.Reason)
			}
		}
	}
	if l.tooLong > 0 || in[message.TypePiece] == 0 || in[message.TypeInstall] < uint64(len(l.hosts)) {
		l.t.Errorf("%d frames too long, %d pieces, %d installs", l.tooLong, in[message.TypePiece], in[message.TypeInstall])
	}
	l.t.Logf("%d pieces, %d installs, %d rosters came", in[message.TypePiece], in[message.TypeInstall], in[message.TypeRoster])
}
