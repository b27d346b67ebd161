package gms

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views/trace"
)

// TestRingAgainstAList holds the ring against a plain list of all records.
func TestRingAgainstAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 9).Draw(t, "limit")
		r := newRing(limit)
		last := uint64(0)
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			var batch []trace.Record
			for range rapid.IntRange(0, 12).Draw(t, "batch") {
				last++
				batch = append(batch, trace.Record{N: last})
			}
			r.append(batch)
			since := rapid.Uint64Range(0, last+2).Draw(t, "since")
			oldest := last - min(last, uint64(limit))
			got, gap, wait := r.page(nil, since, eventsPage)
			if want := since < oldest || since > last; gap != want {
				t.Fatalf("since %d with %d..%d: gap %v, want %v", since, oldest+1, last, gap, want)
			}
			if gap {
				continue
			}
			if (wait != nil) != (since == last) {
				t.Fatalf("since %d of %d: to wait %v", since, last, wait != nil)
			}
			if uint64(len(got)) != last-since {
				t.Fatalf("since %d of %d: %d records", since, last, len(got))
			}
			for i, rec := range got {
				if rec.N != since+1+uint64(i) {
					t.Fatalf("since %d: record %d has N %d", since, i, rec.N)
				}
			}
		}
	})
}

func TestAGapIsSaidOnceAndEnds(t *testing.T) {
	r := newRing(4)
	for n := range uint64(10) {
		r.append([]trace.Record{{N: n + 1}})
	}
	times := 0
	for _, err := range r.follow(context.Background(), 3) {
		times++
		if !errors.Is(err, ErrGap) {
			t.Errorf("got %v, want ErrGap", err)
		}
	}
	if times != 1 {
		t.Errorf("yielded %d times, want once", times)
	}
	if got := r.since(3); len(got) != 4 || got[0].N != 7 {
		t.Errorf("what is left: %v, want 7 to 10", got)
	}
}

func TestAnObserverTooSlowSkips(t *testing.T) {
	r := newRing(4)
	r.append([]trace.Record{{N: 1}, {N: 2}})
	var seen []uint64
	skipped := uint64(0)
	r.observe(func(rec trace.Record) {
		seen = append(seen, rec.N)
		if rec.N == 2 {
			for n := range uint64(10) {
				r.append([]trace.Record{{N: 3 + n}})
			}
			r.close()
		}
	}, func(n uint64) { skipped += n })
	if len(seen) != 6 || seen[2] != 9 || skipped != 6 {
		t.Errorf("saw %v, skipped %d; want 1 2 9 10 11 12 and 6", seen, skipped)
	}
}
