package demo

import (
	"errors"
	"os"
	"testing"

	"github.com/gmsd/gmsd/internal/sim/check"
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
	wrong := len(v.Violations)
	write(2, &diary{text: []byte("garbage\n{\n")})
	if v, err = judge(dir, 2); err != nil || len(v.Violations) <= wrong {
		t.Errorf("garbage was not found: %+v, %v", v, err)
	}
	if _, err = judge(t.TempDir(), 2); !errors.Is(err, check.ErrNoLogs) {
		t.Errorf("without a log: %v", err)
	}
}
