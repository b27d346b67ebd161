package check

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// honest writes random films of a group that keeps all promises: cohorts of
// hosts that share a view send, deliver, split and merge.
type honest struct {
	script  strings.Builder
	seq     int
	cohorts []cohort
	sent    map[string]int
	lives   map[string]int
}

type cohort struct {
	hosts []string
	k     int
}

func drawHonest(t *rapid.T) string {
	h := &honest{seq: 1, sent: map[string]int{}, lives: map[string]int{}}
	for _, name := range []string{"a", "b", "c", "d", "e"}[:rapid.IntRange(2, 5).Draw(t, "hosts")] {
		h.lives[name] = 1
		fmt.Fprintf(&h.script, "up %s\n", name)
		h.cohorts = append(h.cohorts, cohort{hosts: []string{name}})
	}
	for range rapid.IntRange(5, 40).Draw(t, "steps") {
		switch rapid.IntRange(0, 9).Draw(t, "step") {
		case 0, 1:
			h.merge(t)
		case 2:
			h.divide(t)
		case 3:
			h.restart(t)
		default:
			h.talk(t)
		}
	}
	// All end in a further view, so that what is missing shows.
	for i := range h.cohorts {
		h.install(i)
	}
	return h.script.String()
}

func (h *honest) draw(t *rapid.T, label string) int {
	return rapid.IntRange(0, len(h.cohorts)-1).Draw(t, label)
}

func (h *honest) talk(t *rapid.T) {
	c := &h.cohorts[h.draw(t, "cohort")]
	from := rapid.SampledFrom(c.hosts).Draw(t, "from")
	h.sent[from]++
	order, at := "", ""
	if rapid.Bool().Draw(t, "agreed") {
		c.k++
		order, at = "agreed", fmt.Sprintf("k=%d", c.k)
	}
	fmt.Fprintf(&h.script, "%s send %d %s\n", from, h.sent[from], order)
	for _, to := range rapid.Permutation(c.hosts).Draw(t, "order") {
		fmt.Fprintf(&h.script, "%s dlv %s/%d:%d %s\n", to, from, h.lives[from], h.sent[from], at)
	}
}

func (h *honest) merge(t *rapid.T) {
	i, j := h.draw(t, "one"), h.draw(t, "other")
	if i == j {
		return
	}
	h.cohorts[i].hosts = append(h.cohorts[i].hosts, h.cohorts[j].hosts...)
	h.install(i)
	h.remove(j)
}

func (h *honest) divide(t *rapid.T) {
	i := h.draw(t, "cohort")
	hosts := h.cohorts[i].hosts
	if len(hosts) < 2 {
		return
	}
	at := rapid.IntRange(1, len(hosts)-1).Draw(t, "at")
	h.cohorts = append(h.cohorts, cohort{hosts: hosts[at:]})
	h.cohorts[i].hosts = hosts[:at:at]
	h.install(i)
	h.install(len(h.cohorts) - 1)
}

// restart gives a host another incarnation, alone.
func (h *honest) restart(t *rapid.T) {
	i := h.draw(t, "cohort")
	if len(h.cohorts[i].hosts) < 2 {
		return
	}
	last := len(h.cohorts[i].hosts) - 1
	name := h.cohorts[i].hosts[last]
	h.cohorts[i].hosts = h.cohorts[i].hosts[:last]
	h.lives[name]++
	h.sent[name] = 0
	h.install(i)
	h.seq++
	fmt.Fprintf(&h.script, "up %s inc=%d seq=%d\n", name, h.lives[name], h.seq)
	h.cohorts = append(h.cohorts, cohort{hosts: []string{name}})
}

func (h *honest) install(i int) {
	h.seq++
	c := &h.cohorts[i]
	c.k = 0
	fmt.Fprintf(&h.script, "view %d%s %s\n", h.seq, c.hosts[0], strings.Join(c.hosts, ","))
}

func (h *honest) remove(i int) { h.cohorts = append(h.cohorts[:i], h.cohorts[i+1:]...) }

func TestHonestRunsAreClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		script := drawHonest(t)
		if r := record(script).report(); !r.Clean() {
			t.Fatalf("%v\n%s", r.Violations[0], script)
		}
	})
}

// TestLostRecordsAreSeen: any single delivery, install, block, unblock or send
// that vanishes from an honest run breaks a promise, and so does any exchange
// of two agreed deliveries at one host.
func TestLostRecordsAreSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		script := drawHonest(t)
		run := record(script)
		i := rapid.IntRange(0, len(run)-1).Draw(t, "victim")
		if !matters(run, i) {
			t.Skip("its loss shows nothing")
		}
		if r := run.without(i).report(); r.Clean() {
			t.Fatalf("record %d, %s of %s, is missing unseen\n%s", i, run[i].Event.Name(), run[i].Process, script)
		}
		for j := i + 1; j < len(run); j++ {
			if run[j].Process == run[i].Process && isAgreed(run[i].Event) && isAgreed(run[j].Event) {
				if r := run.swapped(i, j).report(); r.Clean() {
					t.Fatalf("records %d and %d are exchanged unseen\n%s", i, j, script)
				}
				break
			}
		}
	})
}

func isAgreed(e trace.Event) bool {
	d, ok := e.(trace.Deliver)
	return ok && d.Order == views.Agreed
}

// matters reports whether the loss of a record must show. An unlogged stop or
// verdict need not; a delivery shows if the host went on together with another,
// or if the message was its own and it went on at all.
func matters(run tape, i int) bool {
	later := func(match func(trace.Event) bool) bool {
		for _, r := range run[i+1:] {
			if r.Process == run[i].Process && match(r.Event) {
				return true
			}
		}
		return false
	}
	switch e := run[i].Event.(type) {
	case trace.Start, trace.Send:
		return true
	case trace.Deliver:
		return later(func(o trace.Event) bool {
			next, ok := o.(trace.Install)
			return ok && (len(next.Trans) > 1 && sameID(next.Prev, e.View) || e.Msg.From == run[i].Process)
		})
	case trace.Install:
		return later(func(trace.Event) bool { return true })
	case trace.Block, trace.Unblock:
		return later(func(o trace.Event) bool { _, ok := o.(trace.Install); return ok })
	}
	return false
}

func TestActivity(t *testing.T) {
	r := record("up a b\nview 2a a,b\na send 1\na,b dlv a1\nview 3a a,b").report()
	if err := r.Activity(4, 1, VirtualSynchrony, SelfDelivery); err != nil {
		t.Error(err)
	}
	var inactive *InactiveError
	if err := r.Activity(5, 2, TotalOrder); !errors.As(err, &inactive) || len(inactive.Missing) != 3 {
		t.Errorf("got %v", err)
	}
	if s := r.String(); !strings.Contains(s, "P19") || !strings.Contains(s, "never applied") {
		t.Errorf("the report hides what never applied:\n%s", s)
	}
}

func TestPropertyCodesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Properties() {
		if p.String() == "" || p.Says() == "" || seen[p.String()] {
			t.Errorf("property %d: code %q, says %q", p, p, p.Says())
		}
		seen[p.String()] = true
		if back, ok := ParseProperty(p.String()); !ok || back != p {
			t.Errorf("%s does not parse", p)
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d properties", len(seen))
	}
}

// BenchmarkObserve feeds five hosts that talk under both orders, with a view
// change every thousand messages.
func BenchmarkObserve(b *testing.B) {
	var script strings.Builder
	script.WriteString("up a b c d e\nview 2a a,b,c,d,e\n")
	k, seq := 0, 2
	for i := 1; i <= 4000; i++ {
		from := "abcde"[i%5 : i%5+1]
		n := (i + 4) / 5
		order, at := "", ""
		if i%2 == 0 {
			k++
			order, at = "agreed", fmt.Sprintf("k=%d", k)
		}
		fmt.Fprintf(&script, "%s send %d %s\na,b,c,d,e dlv %s:%d %s\n", from, n, order, from, n, at)
		if i%1000 == 0 {
			seq++
			k = 0
			fmt.Fprintf(&script, "view %da a,b,c,d,e\n", seq)
		}
	}
	run := record(script.String())
	if r := run.report(); !r.Clean() {
		b.Fatal(r.Violations)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		run.report()
	}
	b.ReportMetric(float64(len(run))*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
