package gms

import (
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// A stranger that is refused for weeks takes the place of no view that was; of refusals
// before one only the last are kept, and it is said that there were more.
func TestChangesOutliveRefusals(t *testing.T) {
	c, n := &changes{}, uint64(0)
	happen := func(e trace.Event) {
		n++
		c.note([]trace.Record{{N: n, Event: e}})
	}
	for seq := range views.Seq(HistoryMax + 10) {
		happen(trace.Suspect{Evidence: "closed"})
		happen(trace.Drop{Reason: "other-group", Count: 9})
		happen(trace.Install{View: views.ViewID{Seq: seq + 1}})
	}
	for range 2 * EventsMax {
		happen(trace.Join{Verdict: trace.JoinReject, Code: "wrong-key"})
	}
	happen(trace.Install{View: views.ViewID{Seq: HistoryMax + 11}})
	count := map[string]int{}
	var drops []trace.Drop
	at, first := uint64(0), views.Seq(0)
	for _, r := range c.all() {
		if r.N <= at {
			t.Fatalf("record %d after %d", r.N, at)
		}
		at = r.N
		count[r.Event.Name()]++
		switch e := r.Event.(type) {
		case trace.Drop:
			drops = append(drops, e)
		case trace.Install:
			first = min(first-1, e.View.Seq-1) + 1
		}
	}
	if first != 11 || count["install"] != HistoryMax+1 || count["suspect"] != HistoryMax-1 {
		t.Errorf("kept are %v, the first install is of view %d", count, first)
	}
	if len(drops) != 2 || drops[0] != (trace.Drop{Reason: DropForgotten, Count: 1}) ||
		drops[1].Reason != DropForgotten || int(drops[1].Count)+count["join"] != 2*EventsMax || count["join"] > ChangeEventsMax {
		t.Errorf("kept are %v, forgotten %v", count, drops)
	}
}
