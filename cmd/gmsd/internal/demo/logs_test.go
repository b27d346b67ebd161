package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

func process(b byte, inc views.Incarnation) views.Process {
	return views.Process{Host: views.HostID{0: b}, Incarnation: inc}
}

func install(seq views.Seq, coordinator byte, who ...views.Process) trace.Install {
	in := trace.Install{View: views.ViewID{Seq: seq, Coordinator: views.HostID{0: coordinator}}, Reason: views.ReasonStart}
	if len(who) > 1 {
		in.Reason = views.ReasonJoin
	}
	for _, p := range who {
		in.Members = append(in.Members, trace.HostBits{Process: p})
	}
	return in
}

// diary writes the event log of one process.
type diary struct {
	n    uint64
	self views.Process
	text []byte
}

func (d *diary) add(at views.Instant, events ...trace.Event) {
	for _, e := range events {
		d.n++
		d.text = trace.AppendJSON(d.text, trace.Record{N: d.n, T: at, Process: d.self, Event: e})
	}
}

func TestLogFollowsTornLinesAndRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.ndjson")
	l := &log{path: path}
	defer l.close()
	if err := l.poll(); err != nil || l.view != nil {
		t.Fatalf("before there is a file: %v", err)
	}
	one := &diary{self: process(1, 1)}
	one.add(10, trace.Start{}, install(1, 1, one.self))
	cut := len(one.text) - 5
	write := func(b []byte) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := l.poll(); err != nil {
			t.Fatal(err)
		}
	}
	write(one.text[:cut])
	if l.view != nil || l.starts != 1 {
		t.Fatalf("half a line was taken: %+v", l.view)
	}
	write(one.text[cut:])
	if l.view == nil || l.at != 10 {
		t.Fatalf("the whole line was not taken")
	}
	two := &diary{self: process(1, 2)}
	two.add(20, trace.Start{})
	write(append([]byte("\n"), two.text...))
	if l.view != nil || l.self.Incarnation != 2 || l.starts != 2 {
		t.Errorf("after a restart: view %v, %v", l.view, l.self)
	}
}

func TestAgree(t *testing.T) {
	a, b, oldB := process(1, 1), process(2, 2), process(2, 1)
	both := install(5, 1, a, b)
	logs := func(va, vb *trace.Install) []*log {
		return []*log{{self: a, view: va, at: 7}, {self: b, view: vb, at: 9}}
	}
	if at, ok := agree(logs(&both, &both), []int{1, 2}); !ok || at != 9 {
		t.Errorf("agreed at %d, %v", at, ok)
	}
	alone, older, other := install(4, 2, b), install(5, 1, a, oldB), install(5, 2, a, b)
	for name, l := range map[string][]*log{
		"one has no view yet": logs(&both, nil),
		"a smaller view":      logs(&both, &alone),
		"an old incarnation":  logs(&older, &older),
		"two views of a seq":  logs(&both, &other),
	} {
		if _, ok := agree(l, []int{1, 2}); ok {
			t.Errorf("%s: agreed", name)
		}
	}
	if _, ok := agree(logs(&both, &both), []int{1}); ok {
		t.Error("a view with one too many: agreed")
	}
}

// story of two hosts that form a view and send one message each.
func twoDiaries() (*diary, *diary) {
	a, b := &diary{self: process(1, 1)}, &diary{self: process(2, 1)}
	first := func(d *diary) trace.Install {
		in := install(1, d.self.Host[0], d.self)
		in.Subgroups = nil
		return in
	}
	for _, d := range []*diary{a, b} {
		in := first(d)
		in.Trans = []views.HostID{d.self.Host}
		d.add(10, trace.Start{HostName: "h"}, in)
	}
	return a, b
}

func TestJudgeReadsLogsAndFindsViolations(t *testing.T) {
	dir := t.TempDir()
	a, b := twoDiaries()
	write := func(host int, d *diary) {
		t.Helper()
		if err := os.MkdirAll(hostDir(dir, host), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(eventLogOf(dir, host), d.text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(1, a)
	write(2, b)
	v, err := judge(dir, 3) // the third never ran
	if err != nil || v.Records != 4 || v.Properties == 0 {
		t.Fatalf("got %+v, %v", v, err)
	}
	clean := len(v.Violations)

	// A view without the host itself, and ids that fall, must be seen.
	a.add(20, trace.Block{View: views.ViewID{Seq: 1, Coordinator: a.self.Host}}, install(1, 2, b.self))
	write(1, a)
	v, err = judge(dir, 2)
	if err != nil || len(v.Violations) <= clean {
		t.Errorf("a wrong install was not found: %+v, %v", v, err)
	}
	write(2, &diary{text: []byte("garbage\n{\n")})
	if _, err = judge(dir, 2); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("garbage: %v", err)
	}
}
