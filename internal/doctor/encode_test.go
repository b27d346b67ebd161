package doctor

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestReportRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.IntRange(1, 6).Draw(t, "hosts"), rapid.Uint64().Draw(t, "seed"))
		injuries[rapid.IntRange(0, len(injuries)-1).Draw(t, "injury")].do(w, 0, len(w.hosts)-1)
		for _, r := range w.reports() {
			for i := range r.Links {
				r.Links[i].Clock = -time.Duration(rapid.Int64Range(0, 1<<60).Draw(t, "clock"))
			}
			for i := range r.Refusals {
				r.Refusals[i].Proved = false // it does not travel
			}
			b := r.Append(nil)
			back, err := ParseReport(b)
			if err != nil || !reflect.DeepEqual(*back, r) {
				t.Fatalf("%v: wrote %+v\nread %+v", err, r, back)
			}
			for n := range b {
				if _, err := ParseReport(b[:n]); !errors.Is(err, ErrReport) {
					t.Fatalf("%d of %d bytes: %v", n, len(b), err)
				}
			}
		}
	})
}

// What is beyond the bounds is left out, not refused by who gets it.
func TestReportIsCut(t *testing.T) {
	r := Report{Name: strings.Repeat("n", 2*WordMax), Sections: make([]Section, 2*SectionsMax), Links: make([]Link, 2*LinksMax)}
	back, err := ParseReport(r.Append(nil))
	if err != nil || len(back.Name) != WordMax || len(back.Sections) != SectionsMax || len(back.Links) != LinksMax {
		t.Fatalf("%v", err)
	}
}

func TestReportOfALaterVersion(t *testing.T) {
	r := Report{}
	b := r.Append(nil)
	b[0]++
	if _, err := ParseReport(b); !errors.Is(err, ErrReport) || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("%v", err)
	}
}

func FuzzParseReport(f *testing.F) {
	w := newWorld(3, 1)
	for _, r := range w.reports() {
		f.Add(r.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReport(b)
		if err != nil {
			return
		}
		again := r.Append(nil)
		back, err := ParseReport(again)
		if err != nil || !bytes.Equal(back.Append(nil), again) {
			t.Fatalf("%v: %+v", err, r)
		}
		Diagnose([]Report{*r, *back})
	})
}
