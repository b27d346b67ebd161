package gms_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gmsd/gmsd/gms"
)

// TestGroupsAreThoseOfThePortsHere with all their members.
func TestGroupsAreThoseOfThePortsHere(t *testing.T) {
	onLAN(t, 2, func(t *testing.T, l *lan) {
		told := func(h *gms.Host) string {
			t.Helper()
			synctest.Wait()
			list, err := h.Groups(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, g := range list {
				fmt.Fprintf(&b, "%s %v:", g.Name, g.Ports)
				for _, m := range g.Members {
					fmt.Fprintf(&b, " %s/%d", m.Name, m.Port)
				}
				b.WriteString("; ")
				if g.ID.IsZero() {
					t.Errorf("%s has no view", g.Name)
				}
			}
			return b.String()
		}
		is := func(i int, want string) {
			t.Helper()
			if got := told(l.hosts[i]); got != want {
				t.Errorf("host %d: %q, want %q", i, got, want)
			}
		}
		is(0, "")
		a := l.open(0, "b", "a")
		l.open(0, "b")
		c := l.open(1, "b")
		c.view(3)
		is(0, "a [1]: p0/1; b [1 2]: p0/1 p0/2 p1/1; ")
		is(1, "b [1]: p0/1 p0/2 p1/1; ")
		if s, err := l.hosts[0].Status(t.Context()); err != nil || s.Ports != 2 || s.Groups != 2 || s.Stats.Window <= 0 {
			t.Errorf("%d ports, %d groups, window %d, %v", s.Ports, s.Groups, s.Stats.Window, err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		c.view(2)
		is(0, "b [2]: p0/2 p1/1; ")
	})
}
