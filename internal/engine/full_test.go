package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

func longAttrs() []views.Attr {
	long := make([]views.Attr, 3)
	for i := range long {
		long[i] = views.Attr{Key: string(rune('a' + i)), Value: strings.Repeat("v", views.AttrValueMax)}
	}
	return long
}

// A view whose members say so much of themselves that no more fit into a
// datagram refuses the next host, by name, and goes on as it is.
func TestFullByBytes(t *testing.T) {
	long := longAttrs()
	const fit, tooMany = 120, 140 // 460 bytes each, 61,411 in all
	l := newLAN(t, 7)
	for i := range tooMany {
		h := l.add(time.Duration(i) * time.Millisecond)
		h.attrs = long
	}
	l.run(20 * time.Second)
	refused := 0
	for _, h := range l.hosts {
		if h.stop == nil {
			continue
		}
		refused++
		if h.stop.Code != views.RefuseFull || !strings.Contains(h.stop.Detail, "full") {
			t.Errorf("%s stopped with %v: %q", h.process, h.stop.Code, h.stop.Detail)
		}
	}
	size := l.hosts[0].View().Size()
	if refused == 0 || size < fit || size+refused != tooMany || !l.oneView() {
		t.Fatalf("%d refused, a view of %d, one view: %v", refused, size, l.oneView())
	}
	t.Logf("a view of %d, %d refused", size, refused)
}

// Attributes set later that would make the view outgrow a datagram are refused:
// each is told of its own, all see the same, and a loss still makes one view.
func TestAttributesThatDoNotFitAreRefused(t *testing.T) {
	const size, lost = 150, 77
	l := newLAN(t, 7)
	for i := range size {
		l.add(time.Duration(i) * time.Millisecond)
	}
	l.expectOneView(10*time.Second, "form")
	l.run(3 * time.Second)
	long := longAttrs()
	for _, h := range l.hosts {
		h.step(engine.SetState{SetAttrs: true, Attrs: long})
	}
	l.run(3 * time.Second)
	expectAttrsOrRefused(t, l)
	l.kill(l.hosts[lost])
	l.expectOneView(5*time.Second, "one is killed")
	l.run(time.Second)
	expectAttrsOrRefused(t, l)
}

// expectAttrsOrRefused: every member's attributes are in the view of all, or it
// knows that they are not; and some are of each kind.
func expectAttrsOrRefused(t *testing.T, l *lan) {
	t.Helper()
	taken, refused := 0, 0
	for _, h := range l.hosts {
		if h.dead {
			continue
		}
		for _, o := range l.hosts {
			mine, theirs := h.View().Members, o.View().Members
			r := h.View().Rank(h.process.Host)
			if !o.dead && !slices.Equal(mine[r].Attrs, theirs[r].Attrs) {
				t.Fatalf("%s and %s do not see the same attributes", h.process, o.process)
			}
		}
		switch in := len(h.View().Members[h.View().Rank(h.process.Host)].Attrs) > 0; {
		case in && h.refused == nil:
			taken++
		case !in && errors.Is(h.refused, views.ErrViewFull):
			refused++
		default:
			t.Errorf("%s: attributes in the view: %v, told: %v", h.process, in, h.refused)
		}
	}
	if taken < 100 || refused == 0 {
		t.Errorf("%d taken, %d refused", taken, refused)
	}
	for _, d := range l.hosts[0].Status().Drops {
		if d.Reason == "attributes-do-not-fit" {
			return
		}
	}
	t.Error("no drop tells of it")
}

// The same where a member is lost while the changes are under way: what the next
// view holds decides, and each is told by then.
func TestAttributesThatDoNotFitBesideALoss(t *testing.T) {
	for _, after := range []time.Duration{0, 50 * time.Microsecond, 100 * time.Microsecond} {
		t.Run(after.String(), func(t *testing.T) {
			l := newLAN(t, 7)
			for i := range 150 {
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
			expectAttrsOrRefused(t, l)
		})
	}
}
