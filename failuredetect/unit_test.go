package failuredetect

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func TestConfig(t *testing.T) {
	c := Config{Self: process(1)}
	c.EnsureDefaults()
	if err := c.Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for _, beat := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, time.Second} {
		c := Config{Self: process(1), Beat: beat}
		c.EnsureDefaults()
		if err := c.Validate(); err != nil {
			t.Errorf("beat %v: %v", beat, err)
		}
	}
	bad := Config{Beat: time.Millisecond, SilenceMin: time.Millisecond, AccuseExpiry: time.Millisecond, High: 1, ObserversMax: 3, AllToAll: 1}
	bad.EnsureDefaults()
	err := bad.Validate()
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("%v", err)
	}
	for _, name := range []string{"Self", "Beat", "SilenceMin", "AccuseExpiry", "High", "ObserversMax", "AllToAll"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %q", name, err)
		}
	}
}

// Each member has k observers, each host k subjects, and who observes whom is
// the same seen from either side.
func TestRing(t *testing.T) {
	cfg := Config{Self: process(0)}
	cfg.EnsureDefaults()
	none := func(uint16) bool { return false }
	for _, n := range []int{2, 3, 12, 13, 16, 100, 1000, views.MembersMax} {
		r := newRing(n, &cfg)
		if n <= 12 && !r.everyone() || n > 12 && (r.k < 6 || r.k > 10) || len(r.offsets) != n-1 {
			t.Errorf("n=%d: k=%d of %d candidates", n, r.k, len(r.offsets))
		}
		seen := map[uint16]bool{}
		r.eachObserver(1, none, func(o uint16) bool {
			if seen[o] || o == 1 {
				t.Errorf("n=%d: observer %d again", n, o)
			}
			seen[o] = true
			if !r.observes(o, 1, none) {
				t.Errorf("n=%d: %d does not know that it observes", n, o)
			}
			return true
		})
		for i := range r.k {
			if s := r.subject(5%uint16(n), i); r.observer(s, i) != 5%uint16(n) {
				t.Errorf("n=%d: subject %d", n, s)
			}
		}
		if len(seen) != r.k {
			t.Errorf("n=%d: %d observers", n, len(seen))
		}
	}
}

func TestNeed(t *testing.T) {
	d := New(Config{Self: process(0)}, 1)
	for left, want := range map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4, 7: 4, 11: 4} {
		if got := d.need(left); got != want {
			t.Errorf("need of %d is %d, want %d", left, got, want)
		}
	}
}

func accuse(v *views.View, version uint64, ev message.Evidence, of ...uint16) *message.Accuse {
	m := &message.Accuse{View: v.ID, Version: version}
	for _, r := range of {
		m.Subjects = append(m.Subjects, message.Accusation{Rank: r, Evidence: ev})
	}
	return m
}

// fresh is host 0 of n, a millisecond into its view.
func fresh(n int) (*Detector, *views.View, views.Instant) {
	v := viewOf(3, upTo(n)...)
	d := New(Config{Self: process(0)}, 1)
	at := views.Instant(time.Hour)
	d.SetView(at, v)
	d.Drain()
	return d, v, at.Add(time.Millisecond)
}

func TestAccusations(t *testing.T) {
	d, v, at := fresh(5)
	give := func(from int, m *message.Accuse) {
		d.HandleAccuse(at, process(from), m)
		d.Drain()
	}
	want := func(what string, failed ...uint16) {
		t.Helper()
		if !slices.Equal(d.Failed(), failed) {
			t.Errorf("%s: %s", what, d.Describe())
		}
	}
	give(1, accuse(v, 2, message.EvidenceClosed, 4))
	want("one closed socket")
	give(1, accuse(v, 3, message.EvidenceClosed, 4))
	want("the same one again")
	give(2, accuse(v, 1, message.EvidenceClosed, 4))
	want("a second observer", 4)
	give(2, accuse(v, 1, message.EvidenceNone))
	want("the same version changes nothing", 4)
	give(1, accuse(v, 2, message.EvidenceRefused, 3))
	want("an older version changes nothing", 4)
	give(1, accuse(v, 4, message.EvidenceNone))
	want("taken back")
	give(1, accuse(v, 5, message.EvidenceRefused, 1, 2, 99)) // itself, unknown
	want("sure of one", 2)
	give(1, accuse(viewOf(4, 0), 6, message.EvidenceRefused, 3))
	want("another view", 2)
	give(9, accuse(v, 7, message.EvidenceRefused, 3))
	want("a stranger", 2)
	give(0, accuse(v, 7, message.EvidenceRefused, 3))
	want("our own", 2)
}

// Of two that are sure of each other's end the higher rank goes, whichever
// accusation came first.
func TestMutualAccusations(t *testing.T) {
	for _, first := range []int{1, 2} {
		d, v, at := fresh(5)
		d.HandleAccuse(at, process(first), accuse(v, 1, message.EvidenceRefused, uint16(3-first)))
		d.Drain()
		d.HandleAccuse(at, process(3-first), accuse(v, 1, message.EvidenceRefused, uint16(first)))
		d.Drain()
		if !slices.Equal(d.Failed(), []uint16{2}) {
			t.Errorf("h%d first: %s", first, d.Describe())
		}
	}
}

// A list nobody repeats does not stand for ever, and one repeated does.
func TestAccusationsExpire(t *testing.T) {
	d, v, at := fresh(5)
	hear := func() {
		for i := 1; i < 5; i++ {
			d.HandlePong(at, process(i), 0)
		}
	}
	d.HandleAccuse(at, process(1), accuse(v, 1, message.EvidenceSilent, 4))
	d.HandleAccuse(at, process(2), accuse(v, 1, message.EvidenceSilent, 4))
	d.HandleAccuse(at, process(3), accuse(v, 1, message.EvidenceSilent, 4))
	d.Drain()
	for range 20 {
		at = at.Add(100 * time.Millisecond)
		advanceTo(d, at, func(views.Instant, Output) {})
		d.HandleAccuse(at, process(1), accuse(v, 1, message.EvidenceSilent, 4))
		hear()
		d.Drain()
	}
	if got := d.members[4].votes; len(got) != 1 || got[0].from != 1 {
		t.Errorf("left: %s", d.Describe())
	}
	d.HandleAccuse(at, process(2), accuse(v, 1, message.EvidenceSilent, 4))
	d.Drain()
	if got := d.members[4].votes; len(got) != 2 {
		t.Errorf("the same list, heard again: %s", d.Describe())
	}
}

// Who is accused says at once that it lives, but not at every frame.
func TestRefutation(t *testing.T) {
	for _, n := range []int{5, 40} {
		d, v, at := fresh(n)
		m := accuse(v, 1, message.EvidenceSilent, 0)
		d.HandleAccuse(at, process(3), m)
		out := d.Drain()
		if !out.Beat || n > 12 && !slices.Contains(out.BeatTo, 3) || n <= 12 && out.BeatTo != nil {
			t.Errorf("n=%d: beat %v to %v", n, out.Beat, out.BeatTo)
		}
		d.HandleAccuse(at.Add(time.Millisecond), process(2), m)
		if out := d.Drain(); out.Beat {
			t.Errorf("n=%d: again at once", n)
		}
		d.HandleAccuse(at.Add(200*time.Millisecond), process(2), m)
		if out := d.Drain(); !out.Beat {
			t.Errorf("n=%d: never again", n)
		}
		if len(d.Failed()) > 0 {
			t.Errorf("n=%d: %s", n, d.Describe())
		}
	}
}

// A doubt is sent at once, three times quickly, then every AccuseEvery; what is
// taken back is sent some times too, then no more.
func TestAccuseIsRepeated(t *testing.T) {
	d, _, at := fresh(5)
	d.HandleEvidence(at, process(2), message.EvidenceClosed)
	var sent []time.Duration
	var last *message.Accuse
	doubting := true
	note := func(now views.Instant, out Output) {
		if out.Accuse != nil && (len(out.Accuse.Subjects) > 0) == doubting {
			sent = append(sent, now.Sub(at))
			last = out.Accuse
		}
	}
	note(at, d.Drain())
	hear := func(until time.Duration) {
		for now := at; now < at.Add(until); now = now.Add(50 * time.Millisecond) {
			advanceTo(d, now, note)
			for _, i := range []int{1, 3, 4} {
				d.Heard(max(now, d.now), process(i))
			}
			d.Drain()
		}
	}
	hear(time.Second)
	if len(sent) < 5 || len(sent) > 9 || sent[0] != 0 || sent[2] > 250*time.Millisecond {
		t.Errorf("sent at %v", sent)
	}
	if last.Version != 1 || len(last.Subjects) != 1 || last.Subjects[0].Rank != 2 {
		t.Errorf("said %+v", last)
	}
	at = d.now
	sent, doubting = nil, false
	d.HandleEvidence(at, process(2), message.EvidenceNone)
	d.Heard(at, process(2))
	note(at, d.Drain())
	for now := at; now < at.Add(3*time.Second); now = now.Add(50 * time.Millisecond) {
		advanceTo(d, now, note)
		for i := 1; i < 5; i++ {
			d.Heard(max(now, d.now), process(i))
		}
	}
	if len(sent) != withdrawals || len(last.Subjects) != 0 || last.Version != 2 {
		t.Errorf("taken back at %v: %+v", sent, last)
	}
}

// Lists of thousands of accusations from everyone in the largest view are
// taken in bounded time and change nothing they should not.
func TestLargestView(t *testing.T) {
	n := views.MembersMax
	v := viewOf(3, upTo(n)...)
	d := New(Config{Self: process(512)}, 1)
	at := views.Instant(time.Hour)
	d.SetView(at, v)
	var all []uint16
	for i := range n {
		all = append(all, uint16(i))
	}
	began := time.Now()
	for i := range 50 {
		at = at.Add(time.Millisecond)
		d.HandleAccuse(at, process(i), accuse(v, 1, message.EvidenceSilent, all...))
		d.Advance(at)
		d.Drain()
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if len(d.watched) > 2*checksMax+d.ring.k {
		t.Errorf("watches %d", len(d.watched))
	}
}
