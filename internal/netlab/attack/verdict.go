package attack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
)

// Verdict is what came of a siege.
type Verdict struct {
	Recorded Recorded
	Report   Report
	Begun    views.Instant
	// Killed and Rejoined are how long the others took to go on without the member
	// that was killed, and all with it again, from its start.
	Killed, Rejoined time.Duration
	// Watched is by host; Accounts are those of the hosts that lived through it all.
	Watched  map[int]*Watched
	Accounts []Account
	// Faults are what a group must not do, whatever the machine: none, if it held.
	Faults []string
}

// Account lays what one host was sent beside what it counted.
type Account struct {
	Host int
	Sent Done
	// Datagrams were thrown away with a reason, by daemon and kernel. Opened is by
	// how many fewer that is than were sent: frames of members that were sent to
	// somebody for whom they were not, and who can make nothing of them. Less than
	// none: the members threw away some of each other's.
	Datagrams, Opened int
	// Connections were refused with a reason, Lost those that the kernel dropped, or
	// that were reset before it had the caller's last word of the handshake.
	Connections, Lost int
	Admin             int
	// Before and Most are resident bytes.
	Before, Most uint64
	// Said are lines for people, Logged those of the event log of what was thrown
	// away and who was turned away.
	Said, Logged int
	// Dropped, Refused and Kernel are by reason.
	Dropped, Refused, Kernel map[string]uint64
}

// Reasons of connections; all others are of frames.
var ofConnections = []string{
	"tether-hello", "tether-group", "tether-full", "greeting", "greeting-group", "connections", "stream",
}

// ofOurs are reasons that have nothing to do with what came.
var ofOurs = []string{"send", "send-error", "unsent", "queue"}

func (v *Verdict) take(c *course, host int, now *counts) {
	d := now.since(c.before[host])
	a := Account{
		Host: host, Sent: v.Report.Targets[host-1],
		Datagrams:   others(d.dropped, slices.Concat(ofConnections, ofOurs)...) + of(d.kernel, "Udp.NoPorts", "Udp.InCsumErrors"),
		Connections: of(d.dropped, ofConnections...),
		Lost:        of(d.kernel, "TcpExt.ListenDrops", "TcpExt.EmbryonicRsts"),
		Admin:       others(d.refused),
		Before:      c.before[host].rss, Most: v.Watched[host].Most,
		Said: d.said, Logged: d.drops + d.joins,
		Dropped: d.dropped, Refused: d.refused, Kernel: d.kernel,
	}
	a.Opened = a.Sent.Datagrams - a.Datagrams
	v.Accounts = append(v.Accounts, a)
	v.judgeAccount(&a)
}

const (
	// residentMore is how much more a daemon may keep in memory.
	residentMore = 64 << 20
	// linesMost bounds the lines of a host, all together, a second: each reason has its
	// own bound, and this is far above all of them, and far below what comes.
	linesMost = 150
	// overcounted allows for what members throw away of each other's.
	overcounted = 1000
)

// judgeAccount wants a reason for all that was sent, and bounds.
func (v *Verdict) judgeAccount(a *Account) {
	name, sent := netlab.Name(a.Host), &a.Sent
	if a.Opened > sent.Astray || a.Opened < -overcounted-sent.Datagrams/10 {
		v.fault("%s: %d of %d datagrams are in no counter, and %d could open at most", name, a.Opened, sent.Datagrams, sent.Astray)
	}
	if n := sent.Connections - sent.Silent - a.Connections - a.Lost; n > 0 {
		v.fault("%s: %d of %d connections are in no counter", name, n, sent.Connections)
	}
	if n := sent.Admin - a.Admin; n > 0 {
		v.fault("%s: %d of %d connections to admin-tls are in no counter", name, n, sent.Admin)
	}
	if a.Most > a.Before+residentMore {
		v.fault("%s: %d bytes are resident, before %d", name, a.Most, a.Before)
	}
	if most := int(linesMost * v.Report.Span.Seconds()); a.Said+a.Logged > most {
		v.fault("%s: %d lines in %s, want at most %d", name, a.Said+a.Logged, v.Report.Span, most)
	}
	if n := v.Watched[a.Host].Unanswered; n > 0 {
		v.fault("%s: %d questions were not answered", name, n)
	}
}

func (v *Verdict) fault(format string, args ...any) {
	v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
}

// String tells all of it, a line each.
func (v *Verdict) String() string {
	var b strings.Builder
	r := &v.Report
	fmt.Fprintf(&b, "recorded %d frames of %.1f MiB in %s, lost %d\n", v.Recorded.Frames, float64(v.Recorded.Bytes)/(1<<20), v.Recorded.Span.Round(time.Millisecond), v.Recorded.Lost)
	fmt.Fprintf(&b, "in %s: %d changed datagrams %v, %d frames again (%d astray), %d broken connections %v, %d idle held\n",
		r.Span.Round(time.Millisecond), r.Datagrams, r.Mutations, r.Replayed, r.Astray, sumOf(r.Broken), r.Broken, r.IdleHeld)
	fmt.Fprintf(&b, "a member killed: view after %s; started again: in the view after %s\n", v.Killed.Round(time.Millisecond), v.Rejoined.Round(time.Millisecond))
	for _, i := range slices.Sorted(maps.Keys(v.Watched)) {
		w := v.Watched[i]
		fmt.Fprintf(&b, "%s: %d answers, slowest %s, unanswered %d, resident at most %.1f MiB\n", netlab.Name(i), w.Answers, w.Slowest.Round(time.Millisecond), w.Unanswered, float64(w.Most)/(1<<20))
	}
	for i := range v.Accounts {
		a := &v.Accounts[i]
		fmt.Fprintf(&b, "%s: sent %+v\n  datagrams counted %d, opened %d; connections counted %d, lost %d; admin %d; resident %+.1f MiB; lines %d, logged %d\n  dropped %v\n  refused %v\n  kernel %v\n",
			netlab.Name(a.Host), a.Sent, a.Datagrams, a.Opened, a.Connections, a.Lost, a.Admin,
			(float64(a.Most)-float64(a.Before))/(1<<20), a.Said, a.Logged, a.Dropped, a.Refused, a.Kernel)
	}
	for _, f := range v.Faults {
		fmt.Fprintf(&b, "FAULT: %s\n", f)
	}
	return b.String()
}

func sumOf(m map[string]int) int {
	total := 0
	for _, n := range m {
		total += n
	}
	return total
}
