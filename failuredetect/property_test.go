package failuredetect

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// step is one drawn call of a detector.
type step struct {
	after    time.Duration
	kind     int
	who      int
	evidence message.Evidence
	version  uint64
	subjects []message.Accusation
	token    uint64
}

func drawSteps(t *rapid.T, n int) []step {
	one := rapid.Custom(func(t *rapid.T) step {
		s := step{
			after:    time.Duration(rapid.IntRange(0, 480).Draw(t, "ms")) * time.Millisecond,
			kind:     rapid.IntRange(0, 9).Draw(t, "kind"),
			who:      rapid.IntRange(0, n).Draw(t, "who"), // n is a stranger
			evidence: message.Evidence(rapid.IntRange(0, 8).Draw(t, "evidence")),
			version:  uint64(rapid.IntRange(0, 9).Draw(t, "version")),
			token:    rapid.Uint64().Draw(t, "token"),
		}
		for range rapid.IntRange(0, 4).Draw(t, "subjects") {
			s.subjects = append(s.subjects, message.Accusation{
				Rank:     uint16(rapid.IntRange(0, n+1).Draw(t, "rank")), // unsorted, unknown
				Evidence: message.Evidence(rapid.IntRange(0, 7).Draw(t, "because")),
			})
		}
		return s
	})
	return rapid.SliceOfN(one, 1, 120).Draw(t, "steps")
}

// play makes one call and what is due before it.
func play(d *Detector, v *views.View, at views.Instant, s step) {
	from := process(s.who)
	switch s.kind {
	case 0, 1:
		d.HandleHeartbeat(at, from, &message.Heartbeat{View: v.ID})
	case 2:
		d.Heard(at, from)
	case 3:
		d.HandlePong(at, from, s.token)
	case 4, 5, 6:
		list := slices.Clone(s.subjects)
		if s.token%2 == 0 {
			slices.SortFunc(list, func(a, b message.Accusation) int { return int(a.Rank) - int(b.Rank) })
		}
		d.HandleAccuse(at, from, &message.Accuse{View: v.ID, Version: s.version, Subjects: list})
	case 7:
		d.HandleEvidence(at, from, s.evidence)
	case 8:
		if s.token%16 == 0 {
			d.SetView(at, v)
		}
	}
}

// advanceTo makes every call that is due until at.
func advanceTo(d *Detector, at views.Instant, each func(views.Instant, Output)) {
	for i := 0; ; i++ {
		next := d.Deadline()
		if next == 0 || next > at {
			return
		}
		if i > 100_000 {
			panic("deadlines do not move on")
		}
		d.Advance(next)
		each(max(next, d.now), d.Drain())
	}
}

// render makes an output comparable.
func render(out Output) string {
	accuse := "none"
	if out.Accuse != nil {
		accuse = fmt.Sprintf("%+v", *out.Accuse)
	}
	return fmt.Sprintf("%+v %v %v %v %v %s", out.Events, out.Beat, out.BeatTo, out.Pings, out.Changed, accuse)
}

func drawSize(t *rapid.T) int { return rapid.SampledFrom([]int{2, 3, 5, 8, 14, 20}).Draw(t, "n") }

// Two detectors with one seed and one list of calls say the same.
func TestSameCallsSameOutputs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawSize(t)
		steps := drawSteps(t, n)
		run := func() (lines []string) {
			v := viewOf(3, upTo(n)...)
			d := New(Config{Self: process(0)}, 42)
			at := views.Instant(time.Hour)
			d.SetView(at, v)
			for _, s := range steps {
				advanceTo(d, at.Add(s.after), func(_ views.Instant, out Output) { lines = append(lines, render(out)) })
				at = at.Add(s.after)
				play(d, v, at, s)
				lines = append(lines, render(d.Drain()), fmt.Sprint(d.Deadline()))
			}
			return append(lines, d.Describe())
		}
		if a, b := run(), run(); !slices.Equal(a, b) {
			t.Fatalf("%v\n%v", a, b)
		}
	})
}

// Whatever comes in: no panic, and the opinions are what counting from scratch
// gives, sorted, without the host itself.
func TestOpinionsAreSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawSize(t)
		v := viewOf(3, upTo(n)...)
		d := New(Config{Self: process(n / 2)}, 42)
		at := views.Instant(time.Hour)
		d.SetView(at, v)
		check := func(now views.Instant, _ Output) {
			failed := slices.Clone(d.Failed())
			if !slices.IsSorted(failed) || slices.Contains(failed, d.self) || !slices.IsSorted(d.Suspected()) {
				t.Fatalf("failed %v suspected %v", failed, d.Suspected())
			}
			if d.dirty {
				return // put off by settleEvery
			}
			if again := d.corroborate(); !slices.Equal(again, failed) {
				t.Fatalf("at %v failed %v, from scratch %v: %s", now, failed, again, d.Describe())
			}
			if next := d.Deadline(); next == 0 || next <= now {
				t.Fatalf("deadline %v at %v", next, now)
			}
			for i := range d.members {
				if m := &d.members[i]; m.bandAt != 0 && now.Sub(m.bandAt) > 2*d.cfg.BandDeadline {
					t.Fatalf("band of %d open for %v: %s", i, now.Sub(m.bandAt), d.Describe())
				}
			}
			d.Status()
			if d.Bound() > 2*d.cfg.SilenceMax+2*d.cfg.AccuseEvery {
				t.Fatalf("bound %v", d.Bound())
			}
		}
		for _, s := range drawSteps(t, n) {
			advanceTo(d, at.Add(s.after), check)
			at = at.Add(s.after)
			play(d, v, at, s)
			d.Drain()
		}
	})
}

// Nobody is doubted for silence before SilenceMin after it was last heard, the
// view began, or this host was paused, nor after SilenceMax by more than the call
// that notices it comes late.
func TestNoDoubtBeforeTheDeadline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := viewOf(3, 0, 1, 2)
		d := New(Config{Self: process(0)}, rapid.Uint64().Draw(t, "seed"))
		at := views.Instant(time.Hour)
		d.SetView(at, v)
		heard := map[views.HostID]views.Instant{process(1).Host: at, process(2).Host: at}
		doubts := 0
		lateBy := time.Duration(0) // since all that was due was done
		check := func(now views.Instant, out Output) {
			for _, e := range out.Events {
				s, ok := e.(trace.Suspect)
				if !ok {
					continue
				}
				if s.Detector == detectorPause {
					for h := range heard {
						heard[h] = now
					}
				}
				if s.Detector != detectorSilence {
					continue
				}
				doubts++
				if silence := now.Sub(heard[s.Who]); silence < d.cfg.SilenceMin || silence > d.cfg.SilenceMax+lateBy {
					t.Fatalf("doubted after %v, in a call that is late by at most %v", silence, lateBy)
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "frames") {
			gap := time.Duration(rapid.IntRange(1, 3000).Draw(t, "gap")) * time.Millisecond
			who := process(rapid.IntRange(1, 2).Draw(t, "who"))
			if rapid.IntRange(0, 5).Draw(t, "late") > 0 {
				advanceTo(d, at.Add(gap), check)
				lateBy = 0
			} else { // nobody calls in time: a pause, or too short for one
				lateBy += gap
			}
			at = at.Add(gap)
			d.HandleHeartbeat(at, who, &message.Heartbeat{})
			d.HandlePong(at, who, 0)
			heard[who.Host] = at
			check(at, d.Drain())
		}
		advanceTo(d, at.Add(10*time.Second), check)
		if doubts == 0 {
			t.Fatal("silence for 10 s is not doubted")
		}
	})
}

// Whatever stands accused by whom, repeated for ever: two BandDeadlines later
// it is decided and stays so, at least until a condemned host may try again.
func TestEveryBandEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawSize(t)
		v := viewOf(3, upTo(n)...)
		self := rapid.IntRange(0, n-1).Draw(t, "self")
		d := New(Config{Self: process(self)}, 7)
		at := views.Instant(time.Hour)
		d.SetView(at, v)
		lists := make([][]message.Accusation, n)
		for i := range lists {
			for r := range n {
				if r != i && rapid.IntRange(0, n).Draw(t, "accuses") == 0 {
					lists[i] = append(lists[i], message.Accusation{Rank: uint16(r), Evidence: message.EvidenceSilent})
				}
			}
		}
		var opinion []uint16
		for tick := range 44 { // 200 ms each
			for i, list := range lists {
				if i != self {
					d.HandleAccuse(at, process(i), &message.Accuse{View: v.ID, Version: 1, Subjects: list})
					d.HandlePong(at, process(i), 0)
				}
			}
			d.Drain()
			if tick*200 > 6400 {
				if d.Unsettled() {
					t.Fatalf("tick %d: unsettled: %s", tick, d.Describe())
				}
				if opinion != nil && !slices.Equal(opinion, d.Failed()) {
					t.Fatalf("tick %d: was %v: %s", tick, opinion, d.Describe())
				}
				opinion = append([]uint16{}, d.Failed()...)
			}
			at = at.Add(200 * time.Millisecond)
			advanceTo(d, at, func(views.Instant, Output) {})
		}
	})
}

// Every host settles the same broken links alike.
func TestAllResolveAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 9).Draw(t, "n")
		l := newLab(n, rapid.Uint64().Draw(t, "seed"))
		l.run(3 * time.Second)
		// A few links cut one way; not so many that a majority agrees.
		for range rapid.IntRange(1, 2).Draw(t, "cuts") {
			a := rapid.IntRange(0, n-1).Draw(t, "from")
			b := (a + rapid.IntRange(1, n-1).Draw(t, "to")) % n
			l.cut[[2]int{a, b}] = true
		}
		l.run(8 * time.Second)
		var opinion []uint16
		for _, h := range l.hosts {
			if h.d.Condemned() {
				continue
			}
			if opinion == nil {
				opinion = h.d.Failed()
			}
			if !slices.Equal(opinion, h.d.Failed()) || len(opinion) == 0 {
				t.Fatalf("h%d: %v, another: %v\n%s", h.rank, h.d.Failed(), opinion, l.story())
			}
		}
	})
}
