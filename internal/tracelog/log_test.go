package tracelog_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

func process(b byte, inc views.Incarnation) views.Process {
	return views.Process{Host: views.HostID{0: b}, Incarnation: inc}
}

func install(seq views.Seq, coordinator byte, who ...views.Process) trace.Install {
	in := trace.Install{View: views.ViewID{Seq: seq, Coordinator: views.HostID{0: coordinator}}, Reason: views.ReasonJoin}
	for _, p := range who {
		in.Members = append(in.Members, trace.HostBits{Process: p})
	}
	return in
}

// lines are what a process writes, its first record numbered from.
func lines(self views.Process, from uint64, at views.Instant, events ...trace.Event) []byte {
	var text []byte
	for i, e := range events {
		text = trace.AppendJSON(text, trace.Record{N: from + uint64(i), T: at, Process: self, Event: e})
	}
	return text
}

// writer appends to a log and has it read.
type writer struct {
	*testing.T
	*tracelog.Log
	also []string
}

func newWriter(t *testing.T) *writer {
	w := &writer{T: t}
	w.Log = tracelog.Follow(filepath.Join(t.TempDir(), "h1.jsonl"), func(r *trace.Record) { w.also = append(w.also, r.Event.Name()) })
	t.Cleanup(w.Close)
	return w
}

func (w *writer) write(b []byte) {
	w.Helper()
	f, err := os.OpenFile(w.Path(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		w.Fatal(err)
	}
	if err := w.Poll(); err != nil {
		w.Fatal(err)
	}
}

func TestHalfALineIsLeftForLater(t *testing.T) {
	w := newWriter(t)
	if err := w.Poll(); err != nil || w.View != nil {
		t.Fatalf("before there is a file: %v", err)
	}
	one := process(1, 1)
	text := lines(one, 1, 10, trace.Start{}, install(1, 1, one))
	cut := len(text) - 5
	w.write(text[:cut])
	if w.View != nil || w.Self != one {
		t.Fatalf("half a line was taken: %+v", w.View)
	}
	w.write(text[cut:])
	if w.View == nil || w.At != 10 {
		t.Fatal("the whole line was not taken")
	}
}

func TestARestartBehindATornLine(t *testing.T) {
	w := newWriter(t)
	one, two := process(1, 1), process(1, 2)
	w.write(lines(one, 1, 10, trace.Start{}, install(1, 1, one), trace.Suspect{Who: views.HostID{2}}))
	w.write([]byte(`{"n":4,"t":`))
	w.write(append([]byte("\n\n"), lines(two, 1, 20, trace.Start{})...))
	if w.View != nil || w.Self != two || w.Stopped {
		t.Errorf("after a restart: view %v of %v", w.View, w.Self)
	}
	w.write(lines(two, 2, 30, install(3, 1, two), trace.Send{}, trace.Deliver{}, trace.Deliver{}, trace.Stop{How: trace.StopGraceful}))
	if !w.Stopped || w.Sent != 1 || w.Delivered != 2 || len(w.also) != 9 {
		t.Errorf("stopped %v, %d sent, %d delivered, records %v", w.Stopped, w.Sent, w.Delivered, w.also)
	}
	if len(w.InstallsSince(0)) != 2 || len(w.InstallsSince(10)) != 1 || len(w.InstallsSince(30)) != 0 {
		t.Errorf("installs %+v", w.Installs)
	}
	if len(w.DoubtsSince(9)) != 1 || len(w.DoubtsSince(10)) != 0 {
		t.Errorf("doubts %+v", w.Doubts)
	}
}

func TestAgree(t *testing.T) {
	a, b, oldB := process(1, 1), process(2, 2), process(2, 1)
	both := install(5, 1, a, b)
	logs := func(va, vb *trace.Install) []*tracelog.Log {
		return []*tracelog.Log{{Self: a, View: va, At: 7}, {Self: b, View: vb, At: 9}}
	}
	if at, ok := tracelog.Agree(logs(&both, &both)); !ok || at != 9 {
		t.Errorf("agreed at %d, %v", at, ok)
	}
	alone, older, other := install(4, 2, b), install(5, 1, a, oldB), install(5, 2, a, b)
	stopped := logs(&both, &both)
	stopped[1].Stopped = true
	for name, l := range map[string][]*tracelog.Log{
		"nobody":              nil,
		"one has no view yet": logs(&both, nil),
		"a smaller view":      logs(&both, &alone),
		"an old incarnation":  logs(&older, &older),
		"two views of a seq":  logs(&both, &other),
		"one has stopped":     stopped,
		"one too many in it":  logs(&both, &both)[:1],
	} {
		if _, ok := tracelog.Agree(l); ok {
			t.Errorf("%s: agreed", name)
		}
	}
}
