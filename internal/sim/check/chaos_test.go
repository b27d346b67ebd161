package check

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// TestAnyLogIsSurvived: whatever stands in a log, however damaged, and whatever
// the harness says, in any order, the checker ends with a report.
func TestAnyLogIsSurvived(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := New(Options{Harness: rapid.Bool().Draw(t, "harness")})
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			chaosStep(t, c)
		}
		if r := c.Finish(); r.String() == "" {
			t.Fatal("no report")
		}
	})
}

func chaosStep(t *rapid.T, c *Checker) {
	hosts := rapid.SampledFrom([]views.HostID{{}, hostID("a"), hostID("b"), hostID("c")})
	list := rapid.SliceOfN(hosts, 0, 3)
	stream := Stream(rapid.IntRange(0, 1).Draw(t, "stream"))
	p := views.Process{Host: hosts.Draw(t, "host"), Incarnation: views.Incarnation(rapid.IntRange(1, 2).Draw(t, "inc"))}
	switch rapid.IntRange(0, 20).Draw(t, "what") {
	case 0:
		c.CrashIn(stream, p)
	case 1:
		c.Restore(stream, p.Host)
	case 2:
		c.Fault(p.Host, rapid.Bool().Draw(t, "open"))
	case 3:
		c.Stable(list.Draw(t, "one"), list.Draw(t, "other"))
	case 4:
		c.Settled()
	case 5:
		c.Drain()
	case 6:
		c.EndStable()
	case 7:
		c.Healthy(list.Draw(t, "healthy"), rapid.Bool().Draw(t, "on"))
	case 8:
		c.Group(p.Host, rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "group"))
	default:
		c.ObserveIn(stream, trace.Record{
			N: uint64(rapid.IntRange(0, 4).Draw(t, "n")), T: views.Instant(rapid.IntRange(0, 4).Draw(t, "t")),
			Process: p, Event: chaosEvent(t, hosts, list),
		})
	}
}

func chaosEvent(t *rapid.T, hosts *rapid.Generator[views.HostID], list *rapid.Generator[[]views.HostID]) trace.Event {
	id := func(label string) views.ViewID {
		return views.ViewID{Seq: views.Seq(rapid.IntRange(0, 4).Draw(t, label)), Coordinator: hosts.Draw(t, label)}
	}
	k := views.Position(rapid.SampledFrom([]uint64{0, 1, 2, 3, 1 << 40, ^uint64(0)}).Draw(t, "k"))
	order := views.Order(rapid.IntRange(0, 1).Draw(t, "order"))
	msg := trace.MsgID{
		From: views.Process{Host: hosts.Draw(t, "from"), Incarnation: 1},
		N:    rapid.SampledFrom([]uint64{0, 1, 2, 3, ^uint64(0)}).Draw(t, "msg"),
	}
	switch rapid.IntRange(0, 9).Draw(t, "event") {
	case 0:
		return trace.Start{}
	case 1, 2:
		e := trace.Install{
			View: id("view"), Prev: id("prev"), Trans: list.Draw(t, "trans"), Kind: views.Kind(rapid.IntRange(0, 1).Draw(t, "kind")),
			Reason: views.Reason(rapid.IntRange(0, 9).Draw(t, "reason")),
		}
		for _, h := range list.Draw(t, "members") {
			p := views.Process{Host: h, Incarnation: views.Incarnation(rapid.IntRange(1, 2).Draw(t, "member"))}
			e.Members = append(e.Members, trace.HostBits{Process: p})
			e.Subgroups = append(e.Subgroups, views.Subgroup{ID: id("sub"), Members: list.Draw(t, "group")})
		}
		return e
	case 3:
		return trace.Send{Msg: msg, View: id("view"), Order: order}
	case 4, 5:
		return trace.Deliver{Msg: msg, View: id("view"), K: k, Order: order, Transitional: rapid.Bool().Draw(t, "transitional")}
	case 6:
		return trace.BitsChanged{View: id("view"), K: k, Who: hosts.Draw(t, "who"), Bits: views.Bits(rapid.IntRange(0, 8).Draw(t, "bits"))}
	case 7:
		return trace.Primary{View: id("view"), K: k, Primary: true, Epoch: views.Epoch(rapid.IntRange(0, 3).Draw(t, "epoch"))}
	case 8:
		return trace.Join{Who: hosts.Draw(t, "who"), Verdict: trace.JoinAccept}
	}
	return rapid.SampledFrom([]trace.Event{nil, trace.Stop{}, trace.Block{View: id("view")}, trace.Unblock{View: id("view")}}).Draw(t, "other")
}
