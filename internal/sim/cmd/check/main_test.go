package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

func id(b byte) views.HostID { return views.HostID{b, 15: b} }

// writeLogs writes the logs of two hosts that join; the second delivers what
// the first sent, unless told not to.
func writeLogs(t *testing.T, lose bool) string {
	t.Helper()
	dir := t.TempDir()
	joined := views.ViewID{Seq: 2, Coordinator: id(1)}
	next := views.ViewID{Seq: 3, Coordinator: id(1)}
	alone := [3]views.ViewID{1: {Seq: 1, Coordinator: id(1)}, 2: {Seq: 1, Coordinator: id(2)}}
	both := []trace.HostBits{{Process: proc(1)}, {Process: proc(2)}}
	msg := trace.MsgID{From: proc(1), N: 1}
	for b := byte(1); b <= 2; b++ {
		events := []trace.Event{
			trace.Start{HostName: string('a' - 1 + rune(b))},
			trace.Install{View: alone[b], Trans: []views.HostID{id(b)}, Members: []trace.HostBits{{Process: proc(b)}}, Reason: views.ReasonStart},
		}
		if b == 1 {
			events = append(events, trace.Join{Who: id(2), Verdict: trace.JoinAccept})
		}
		events = append(events, trace.Block{View: alone[b]}, trace.Install{
			View: joined, Prev: alone[b], Trans: []views.HostID{id(b)}, Members: both, Reason: views.ReasonJoin,
			Subgroups: []views.Subgroup{{ID: alone[1], Members: []views.HostID{id(1)}}, {ID: alone[2], Members: []views.HostID{id(2)}}},
		}, trace.Unblock{View: joined})
		if b == 1 {
			events = append(events, trace.Send{Msg: msg, Group: "g", View: joined, Len: 2, Sum: 9})
		}
		if b == 1 || !lose {
			events = append(events, trace.Deliver{Msg: msg, Group: "g", View: joined, Len: 2, Sum: 9})
		}
		events = append(events, trace.Block{View: joined}, trace.Install{
			View: next, Prev: joined, Trans: []views.HostID{id(1), id(2)}, Members: both, Reason: views.ReasonRestate,
			Subgroups: []views.Subgroup{{ID: joined, Members: []views.HostID{id(1), id(2)}}},
		}, trace.Unblock{View: next})
		var out []byte
		for i, e := range events {
			out = trace.AppendJSON(out, trace.Record{N: uint64(i + 1), T: views.Instant(i + 1), Process: proc(b), Event: e})
		}
		// The receiver's file comes first: the order of files must not matter.
		if err := os.WriteFile(filepath.Join(dir, string('z'-rune(b))+".jsonl"), out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func proc(b byte) views.Process { return views.Process{Host: id(b), Incarnation: 1} }

func TestRun(t *testing.T) {
	good, bad, empty := writeLogs(t, false), writeLogs(t, true), t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"clean", []string{good}, exitClean, "CLEAN"},
		{"files", []string{filepath.Join(good, "x.jsonl"), filepath.Join(good, "y.jsonl")}, exitClean, "CLEAN"},
		{"enough", []string{"--min-views", "4", "--min-messages", "1", "--want", "P14,P16", good}, exitClean, "CLEAN"},
		{"a message is lost", []string{bad}, exitViolated, "P14 [a b] view 2@a: both install 3@a next; a delivered a#1, b did not"},
		{"left out", []string{"--skip", "P14", bad}, exitClean, "CLEAN"},
		{"too few views", []string{"--min-views", "5", good}, exitViolated, "INVALID: run is invalid, too little happened: 4 view changes of 5"},
		{"core never applied", []string{"--want", "core", good}, exitViolated, "P19 never applied"},
		{"no path", nil, exitUsage, "usage"},
		{"no such flag", []string{"--odd", good}, exitUsage, "odd"},
		{"no such property", []string{"--want", "P99", good}, exitUsage, "P99"},
		{"no such property to skip", []string{"--skip", "P99", good}, exitUsage, "P99"},
		{"no such file", []string{filepath.Join(good, "none")}, exitUsage, "none"},
		{"no logs", []string{empty}, exitUsage, "no event log"},
	} {
		var out, errs bytes.Buffer
		if code := run(c.args, &out, &errs); code != c.code {
			t.Errorf("%s: exit %d, want %d\n%s%s", c.name, code, c.code, &out, &errs)
		}
		if said := out.String() + errs.String(); !strings.Contains(said, c.says) {
			t.Errorf("%s: %q is missing in\n%s", c.name, c.says, said)
		}
	}
}

func TestJSON(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"--json", "--min-views", "9", writeLogs(t, true)}, &out, &errs); code != exitViolated {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	var got struct {
		Violations []struct{ Property, View, Detail string }
		Counts     map[string]int
		Inactive   string
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Violations) != 1 || got.Violations[0].Property != "P14" || got.Counts["V1"] != 6 || got.Inactive == "" {
		t.Errorf("got %+v", got)
	}
}
