package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
)

// absentShown bounds how many hosts that are away are named.
const absentShown = 16

func firstOf(list []admin.AbsentAnswer) []admin.AbsentAnswer {
	return list[:min(len(list), absentShown)]
}

// warnAbsent names those who were away when the keys were changed, and says what
// becomes of them. It goes to the error stream, so that it is seen beside --json.
func (c *call) warnAbsent(verb string, absent []admin.AbsentAnswer) {
	if len(absent) == 0 {
		return
	}
	var list []string
	for _, h := range firstOf(absent) {
		list = append(list, describeAbsent(&h))
	}
	if more := len(absent) - absentShown; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(c.err, "gmsd keys %s: warning: away now, and not told: %s\n", verb, strings.Join(list, ", "))
	what := "they get the new key by themselves when they come back, as long as none removes the one they have"
	if verb == "remove" {
		what = "a host that has no other key than the one removed is LOCKED OUT: nothing it sends is read, and it cannot get the new key by itself. " +
			"Copy the key file of a member to it (mode 0600), then start it, or send SIGHUP where it runs"
	}
	fmt.Fprintf(c.err, "  %s\n", what)
}

// describeAbsent is "h3 (1a2b3c4d at 10.0.0.3:7749, seen 2026-01-02 15:04:05)".
func describeAbsent(h *admin.AbsentAnswer) string {
	if h.Host == "" {
		return fmt.Sprintf("%s (named by %s)", h.Addr, h.Source)
	}
	text := fmt.Sprintf("%s (%.8s at %s", cmp.Or(h.Name, "a host"), h.Host, h.Addr)
	if seen, err := time.Parse(time.RFC3339, h.Seen); err == nil {
		text += ", seen " + seen.Local().Format(time.DateTime)
	}
	return text + ")"
}
