package trace

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
)

var update = flag.Bool("update", false, "rewrite testdata/golden.jsonl")

func host(b byte) views.HostID { return views.HostID{b, 0xbe, 15: b} }

func process(b byte, inc views.Incarnation) views.Process {
	return views.Process{Host: host(b), Incarnation: inc}
}

func view(seq views.Seq, b byte) views.ViewID {
	return views.ViewID{Seq: seq, Coordinator: host(b)}
}

// oneOfEach holds every event of the package at least once.
func oneOfEach() []Event {
	msg := MsgID{From: process(1, 3), N: 7}
	return []Event{
		Start{HostName: `h"1\`, Version: "0.1.0", PID: 4711},
		Install{
			View: view(1, 1), Trans: []views.HostID{host(1)}, Members: []HostBits{{Process: process(1, 3)}},
			Subgroups: []views.Subgroup{{Members: []views.HostID{host(1)}}}, Reason: views.ReasonStart,
		},
		Block{View: view(1, 1)},
		Install{
			View: view(12, 1), Prev: view(1, 1), Trans: []views.HostID{host(1)}, Kind: views.Merge,
			Members: []HostBits{
				{Process: process(1, 3), Bits: views.Started},
				{Process: process(2, 1), Bits: views.Started | views.HasDB | views.Synced},
			},
			Subgroups: []views.Subgroup{
				{ID: view(1, 1), Members: []views.HostID{host(1)}},
				{ID: view(9, 2), Members: []views.HostID{host(2)}},
			},
			Reason: views.ReasonMerge,
		},
		Unblock{View: view(12, 1)},
		Primary{View: view(12, 1), K: 4, Primary: true, Epoch: 5, MetaIndex: 99, Synced: []views.HostID{host(2)}},
		BitsChanged{View: view(12, 1), K: 2, Who: host(2), Bits: views.HasDB},
		Send{Msg: msg, Port: 9, Group: "chat", View: view(12, 1), Order: views.Agreed, Len: 3, Sum: 0x0badcafe},
		Deliver{Msg: msg, Group: "chat", View: view(12, 1), K: 3, Order: views.Agreed, Len: 3, Sum: 0x0badcafe, Transitional: true},
		Suspect{Who: host(2), Detector: "heartbeat", Evidence: "silent\n1.2s"},
		Trust{Who: host(2), Detector: "heartbeat", Evidence: "heard"},
		Join{Who: host(2), Verdict: JoinReject, Code: "duplicate-id"},
		Drop{Reason: "malformed", Count: 2},
		Phase{Ballot: view(13, 1), Phase: "flush", Cause: "crash of ü"},
		Laggard{Ballot: view(13, 1), Who: host(2), Step: "relay"},
		Pause{For: 1500 * time.Millisecond},
		GroupView{Group: "chat", ID: GroupID{View: view(12, 1), K: 4}, Ports: []uint32{7}, Members: []Port{{process(1, 3), 7, 2}}, Trans: []Port{{process(1, 3), 7, 2}}},
		GroupView{
			Group: "chat", ID: GroupID{View: view(13, 1), Side: 2}, Prev: GroupID{View: view(12, 1), K: 4}, Ports: []uint32{7, 8},
			Members: []Port{{process(1, 3), 7, 2}, {process(2, 1), 1, 1}}, Trans: []Port{{process(1, 3), 7, 2}},
		},
		GroupLeft{Group: "chat", Port: 7, Why: "left"},
		Stop{How: StopGraceful},
	}
}

func TestGoldenLines(t *testing.T) {
	var out []byte
	seen := map[string]bool{}
	for i, e := range oneOfEach() {
		out = AppendJSON(out, Record{N: uint64(i + 1), T: views.Instant(1000 * i), Process: process(1, 3), Event: e})
		seen[e.Name()] = true
	}
	if len(seen) != 18 {
		t.Errorf("%d kinds of event in the golden file, want 18", len(seen))
	}
	if *update {
		if err := os.WriteFile("testdata/golden.jsonl", out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	wantLines, gotLines := strings.Split(string(want), "\n"), strings.Split(string(out), "\n")
	if len(wantLines) != len(gotLines) {
		t.Fatalf("%d lines, want %d", len(gotLines), len(wantLines))
	}
	for i, line := range gotLines {
		if line != wantLines[i] {
			t.Errorf("line %d\n got %s\nwant %s", i+1, line, wantLines[i])
		}
	}
}

func TestParseGoldenLines(t *testing.T) {
	golden, err := os.ReadFile("testdata/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	events := oneOfEach()
	for i, line := range strings.Split(strings.TrimSpace(string(golden)), "\n") {
		r, err := ParseLine([]byte(line))
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		if r.N != uint64(i+1) || r.Process != process(1, 3) || !reflect.DeepEqual(r.Event, events[i]) {
			t.Errorf("line %d: got %+v, want %+v", i+1, r, events[i])
		}
	}
}

func TestParseLineErrors(t *testing.T) {
	common := `{"n":1,"t":5,"host":"` + host(1).String() + `","inc":1,`
	for _, c := range []struct {
		name, line string
		want       error
	}{
		{"empty", ``, ErrBadLine},
		{"no object", `[]`, ErrBadLine},
		{"cut off", common[:20], ErrBadLine},
		{"no common keys", `{"ev":"block"}`, ErrBadLine},
		{"no ev", common + `"x":1}`, ErrBadLine},
		{"foreign event", common + `"ev":"gate","state":"open"}`, ErrUnknownEvent},
		{"bad kind", common + `"ev":"install","kind":"odd","reason":"join"}`, ErrBadLine},
		{"bad reason", common + `"ev":"install","kind":"merge","reason":"odd"}`, ErrBadLine},
		{"bad order", common + `"ev":"send","msg":"/1/1","order":"odd","sum":"00000000"}`, ErrBadLine},
		{"short sum", common + `"ev":"send","msg":"/1/1","order":"fifo","sum":"00"}`, ErrBadLine},
		{"bad sum", common + `"ev":"send","msg":"/1/1","order":"fifo","sum":"zzzzzzzz"}`, ErrBadLine},
		{"bad msg", common + `"ev":"deliver","msg":"1","order":"fifo","sum":"00000000"}`, ErrBadLine},
		{"negative len", common + `"ev":"send","msg":"/1/1","order":"fifo","sum":"00000000","len":-1}`, ErrBadLine},
		{"bits with a list", common + `"ev":"bits","synced":[]}`, ErrBadLine},
		{"primary with a bool", common + `"ev":"primary","synced":true}`, ErrBadLine},
		{"unknown keys", common + `"ev":"block","view":null,"more":{"a":[1]}}`, nil},
	} {
		r, err := ParseLine([]byte(c.line))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if errors.Is(err, ErrUnknownEvent) && (r.N != 1 || r.Host != host(1)) {
			t.Errorf("%s: the common keys are lost: %+v", c.name, r)
		}
	}
}

// TestRoundTrip: what is written is valid JSON and comes back the same.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecord(t)
		line := AppendJSON([]byte("before"), want)[len("before"):]
		if !json.Valid(line) || line[len(line)-1] != '\n' || strings.Count(string(line), "\n") != 1 {
			t.Fatalf("no JSON line: %q", line)
		}
		got, err := ParseLine(line)
		if err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		// An empty list and none are the same in a log.
		if g, w := normal(got), normal(want); !reflect.DeepEqual(g, w) {
			t.Fatalf("got  %+v\nwant %+v\n%s", g, w, line)
		}
	})
}

func normal(r Record) Record {
	switch e := r.Event.(type) {
	case Install:
		e.Trans = some(e.Trans)
		e.Members = some(e.Members)
		e.Subgroups = some(e.Subgroups)
		for i := range e.Subgroups {
			e.Subgroups[i].Members = some(e.Subgroups[i].Members)
		}
		r.Event = e
	case Primary:
		e.Synced = some(e.Synced)
		r.Event = e
	case GroupView:
		e.Ports, e.Members, e.Trans = some(e.Ports), some(e.Members), some(e.Trans)
		r.Event = e
	}
	return r
}

func some[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}

func drawRecord(t *rapid.T) Record {
	hosts := rapid.Custom(func(t *rapid.T) views.HostID { return host(byte(rapid.IntRange(1, 9).Draw(t, "host"))) })
	hostList := rapid.SliceOfN(hosts, 0, 4)
	incs := rapid.Uint32Min(1)
	ids := rapid.Custom(func(t *rapid.T) views.ViewID {
		if rapid.Bool().Draw(t, "none") {
			return views.ViewID{}
		}
		return views.ViewID{Seq: views.Seq(rapid.Uint64().Draw(t, "seq")), Coordinator: hosts.Draw(t, "coordinator")}
	})
	text := rapid.String()
	bits := rapid.Custom(func(t *rapid.T) views.Bits { return views.Bits(rapid.IntRange(0, 7).Draw(t, "bits")) })
	processes := rapid.Custom(func(t *rapid.T) views.Process {
		return views.Process{Host: hosts.Draw(t, "host"), Incarnation: views.Incarnation(incs.Draw(t, "inc"))}
	})
	msgs := rapid.Custom(func(t *rapid.T) MsgID {
		return MsgID{From: processes.Draw(t, "from"), N: rapid.Uint64().Draw(t, "n")}
	})
	orders := rapid.SampledFrom([]views.Order{views.FIFO, views.Agreed})
	k := func() views.Position { return views.Position(rapid.Uint64().Draw(t, "k")) }

	r := Record{N: rapid.Uint64Min(1).Draw(t, "n"), T: views.Instant(rapid.Int64().Draw(t, "t")), Process: processes.Draw(t, "process")}
	switch rapid.IntRange(0, 15).Draw(t, "event") {
	case 0:
		r.Event = Start{HostName: text.Draw(t, "name"), Version: text.Draw(t, "version"), PID: rapid.Int().Draw(t, "pid")}
	case 1:
		r.Event = Stop{How: text.Draw(t, "how")}
	case 2:
		e := Install{View: ids.Draw(t, "view"), Prev: ids.Draw(t, "prev"), Trans: hostList.Draw(t, "trans"), Kind: views.Kind(rapid.IntRange(0, 1).Draw(t, "kind"))}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			e.Members = append(e.Members, HostBits{Process: processes.Draw(t, "member"), Bits: bits.Draw(t, "bits")})
			e.Subgroups = append(e.Subgroups, views.Subgroup{ID: ids.Draw(t, "from"), Members: hostList.Draw(t, "group")})
		}
		e.Reason = views.Reason(rapid.IntRange(0, int(views.ReasonMerge)).Draw(t, "reason"))
		r.Event = e
	case 3:
		r.Event = Primary{
			View: ids.Draw(t, "view"), K: k(), Primary: rapid.Bool().Draw(t, "on"), Epoch: views.Epoch(rapid.Uint64().Draw(t, "epoch")),
			MetaIndex: rapid.Uint64().Draw(t, "index"), Synced: hostList.Draw(t, "synced"),
		}
	case 4:
		r.Event = BitsChanged{View: ids.Draw(t, "view"), K: k(), Who: hosts.Draw(t, "who"), Bits: bits.Draw(t, "bits")}
	case 5:
		r.Event = Block{View: ids.Draw(t, "view")}
	case 6:
		r.Event = Unblock{View: ids.Draw(t, "view")}
	case 7:
		r.Event = Send{
			Msg: msgs.Draw(t, "msg"), Port: rapid.Uint32().Draw(t, "port"), Group: text.Draw(t, "group"), View: ids.Draw(t, "view"), Order: orders.Draw(t, "order"),
			Len: rapid.IntMin(0).Draw(t, "len"), Sum: rapid.Uint32().Draw(t, "sum"),
		}
	case 8:
		r.Event = Deliver{
			Msg: msgs.Draw(t, "msg"), Port: rapid.Uint32().Draw(t, "port"), Group: text.Draw(t, "group"), View: ids.Draw(t, "view"), K: k(), Order: orders.Draw(t, "order"),
			Len: rapid.IntMin(0).Draw(t, "len"), Sum: rapid.Uint32().Draw(t, "sum"), Transitional: rapid.Bool().Draw(t, "transitional"),
		}
	case 9:
		r.Event = Suspect{Who: hosts.Draw(t, "who"), Detector: text.Draw(t, "detector"), Evidence: text.Draw(t, "evidence")}
	case 10:
		r.Event = Trust{Who: hosts.Draw(t, "who"), Detector: text.Draw(t, "detector"), Evidence: text.Draw(t, "evidence")}
	case 11:
		r.Event = Join{Who: hosts.Draw(t, "who"), Verdict: text.Draw(t, "verdict"), Code: text.Draw(t, "code")}
	case 12:
		r.Event = Drop{From: hosts.Draw(t, "from"), Reason: text.Draw(t, "reason"), Count: rapid.Uint64().Draw(t, "count")}
	case 13:
		r.Event = Phase{Ballot: ids.Draw(t, "ballot"), Phase: text.Draw(t, "phase"), Cause: text.Draw(t, "cause")}
	case 14:
		r.Event = Laggard{Ballot: ids.Draw(t, "ballot"), Who: hosts.Draw(t, "who"), Step: text.Draw(t, "step")}
	case 15:
		r.Event = Pause{For: time.Duration(rapid.Int64().Draw(t, "for"))}
	}
	return r
}

// FuzzParseLine: no line can cause a panic, and what was read once reads the
// same after it was written again.
func FuzzParseLine(f *testing.F) {
	for i, e := range oneOfEach() {
		f.Add(AppendJSON(nil, Record{N: uint64(i + 1), T: 5, Process: process(1, 3), Event: e}))
	}
	f.Add([]byte(`{"n":1,"host":"00be0000000000000000000000000001","inc":1,"ev":"gate"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := ParseLine(line)
		if err != nil {
			return
		}
		again, err := ParseLine(AppendJSON(nil, r))
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if !reflect.DeepEqual(normal(r), normal(again)) {
			t.Fatalf("got %+v, want %+v", again, r)
		}
	})
}

func TestInvalidTextStaysJSON(t *testing.T) {
	line := AppendJSON(nil, Record{N: 1, Process: process(1, 1), Event: Stop{How: "a\xffb\x00"}})
	r, err := ParseLine(line)
	if err != nil || r.Event != (Stop{How: "a\ufffdb\x00"}) {
		t.Fatalf("got %+v, %v from %q", r, err, line)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	r := Record{N: 1, T: 5, Process: process(1, 3), Event: oneOfEach()[8]}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendJSON(buf[:0], r)
	}
}

func BenchmarkParseLine(b *testing.B) {
	line := AppendJSON(nil, Record{N: 1, T: 5, Process: process(1, 3), Event: oneOfEach()[8]})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseLine(line); err != nil {
			b.Fatal(err)
		}
	}
}
