package failuredetect

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// benchGroup is host 0 of n; everyone's beat comes every 250 ms, spread out.
func benchGroup(n int) (*Detector, *views.View, views.Instant) {
	v := viewOf(3, upTo(n)...)
	d := New(Config{Self: process(0)}, 1)
	at := views.Instant(time.Hour)
	d.SetView(at, v)
	return d, v, at
}

func BenchmarkHandleHeartbeat(b *testing.B) {
	d, v, at := benchGroup(5)
	hb := &message.Heartbeat{View: v.ID}
	from := v.Members[3].Process
	b.ReportAllocs()
	for b.Loop() {
		at += 1000
		d.next = at // not the timers, only the arrival
		d.HandleHeartbeat(at, from, hb)
	}
}

// BenchmarkStep is what the engine does for one heartbeat of a healthy group.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{5, 12, 1000} {
		b.Run(map[int]string{5: "n=5", 12: "n=12", 1000: "n=1000"}[n], func(b *testing.B) {
			d, v, at := benchGroup(n)
			hb := &message.Heartbeat{View: v.ID}
			var heard []views.Process
			for _, r := range d.watched {
				heard = append(heard, v.Members[r].Process)
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				at += views.Instant(250*time.Millisecond) / views.Instant(len(heard))
				d.HandleHeartbeat(at, heard[i%len(heard)], hb)
				d.Advance(at)
				d.Drain()
				_ = d.Deadline()
				i++
			}
			if len(d.Suspected()) > 0 {
				b.Fatal(d.Describe())
			}
		})
	}
}

// BenchmarkAdvanceDue is a call at the deadline: a beat or a round of checks.
func BenchmarkAdvanceDue(b *testing.B) {
	d, _, _ := benchGroup(5)
	b.ReportAllocs()
	for b.Loop() {
		at := d.Deadline()
		for i := range d.members {
			d.members[i].clock = at
		}
		d.Advance(at)
		d.Drain()
	}
}
