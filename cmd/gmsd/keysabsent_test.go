package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/internal/admin"
)

// Who is away is named with every change, and for a remove what follows is said plainly.
func TestWarnAbsent(t *testing.T) {
	h3 := admin.AbsentAnswer{Host: "1a2b3c4d5e6f00000000000000000000", Name: "h3", Addr: "10.0.0.3:7749", Source: "cache", Seen: "2026-01-02T03:04:05Z"}
	addr := admin.AbsentAnswer{Addr: "10.0.0.9:7749", Source: "peers"}
	for _, c := range []struct {
		verb   string
		absent []admin.AbsentAnswer
		want   []string
	}{
		{"install", nil, nil},
		{"install", []admin.AbsentAnswer{h3, addr}, []string{"gmsd keys install: warning: away now", "h3 (1a2b3c4d at 10.0.0.3:7749, seen 2026-01-0", "10.0.0.9:7749 (named by peers)", "by themselves"}},
		{"remove", []admin.AbsentAnswer{h3}, []string{"LOCKED OUT", "Copy the key file of a member"}},
		{"use", slices.Repeat([]admin.AbsentAnswer{addr}, absentShown+3), []string{"and 3 more"}},
	} {
		var errs bytes.Buffer
		(&call{streams: streams{err: &errs}}).warnAbsent(c.verb, c.absent)
		for _, want := range c.want {
			if !strings.Contains(errs.String(), want) {
				t.Errorf("%s: no %q in %s", c.verb, want, errs.String())
			}
		}
		if len(c.want) == 0 && errs.Len() > 0 {
			t.Errorf("nobody is away: %s", errs.String())
		}
	}
}
