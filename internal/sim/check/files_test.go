package check

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// logLines gives the records of one life that starts, says nothing and stops.
func logLines(inc views.Incarnation, seq views.Seq, from views.Instant) [][]byte {
	p := views.Process{Host: hostID("a"), Incarnation: inc}
	v := views.ViewID{Seq: seq, Coordinator: p.Host}
	var lines [][]byte
	for i, e := range []trace.Event{
		trace.Start{HostName: "a"},
		trace.Install{View: v, Trans: []views.HostID{p.Host}, Members: []trace.HostBits{{Process: p}}, Reason: views.ReasonStart},
		trace.Drop{Reason: "x", Count: 1},
	} {
		lines = append(lines, trace.AppendJSON(nil, trace.Record{N: uint64(i + 1), T: from + views.Instant(i), Process: p, Event: e}))
	}
	return lines
}

func checkFile(t *testing.T, facts string, parts ...[]byte) (*Report, error) {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.jsonl", bytes.Join(parts, nil))
	if facts != "" {
		write(FactsName, []byte(facts))
	}
	return Files(Options{}, dir)
}

// TestTornLines: a crash in the middle of a line is no fault of the log, a bad
// line anywhere else is (LOG7).
func TestTornLines(t *testing.T) {
	first, second := logLines(1, 1, 10), logLines(2, 2, 20)
	torn := first[2][:20]
	whole := bytes.Join(second, nil)
	foreign := []byte(`{"n":3,"t":12,"host":"` + hostID("a").String() + `","inc":1,"ev":"gate","state":"open"}` + "\n")
	for _, c := range []struct {
		name   string
		parts  [][]byte
		broken string
	}{
		{"restart appended", [][]byte{first[0], first[1], first[2], whole}, ""},
		{"torn at the end", [][]byte{first[0], first[1], torn}, ""},
		{"torn, then the successor in one line", [][]byte{first[0], first[1], torn, whole}, ""},
		{"torn, then a new line", [][]byte{first[0], first[1], torn, []byte("\n"), whole}, ""},
		{"events of later parts", [][]byte{first[0], first[1], foreign, whole}, ""},
		{"blank lines", [][]byte{first[0], []byte("\n \n"), first[1]}, ""},
		{"bad in the middle", [][]byte{first[0], []byte("x\n"), first[1]}, "LOG7"},
		{"two bad lines", [][]byte{first[0], []byte("x\ny\n"), whole}, "LOG7"},
		{"a line is gone", [][]byte{first[0], first[2]}, "LOG1"},
	} {
		r, err := checkFile(t, "", c.parts...)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		switch {
		case c.broken == "" && !r.Clean():
			t.Errorf("%s: %v", c.name, r.Violations)
		case c.broken != "" && r.Broken[c.broken] == 0:
			t.Errorf("%s: %s is not broken, but %v", c.name, c.broken, r.Violations)
		}
	}
}

// TestFacts: what the harness wrote is applied at its time, between records.
func TestFacts(t *testing.T) {
	all := bytes.Join(append(logLines(1, 1, 10), logLines(2, 2, 20)...), nil)
	for _, c := range []struct {
		name, facts, broken string
	}{
		{"crash in between", `{"t":15,"mark":"crash","hosts":["a"]}`, ""},
		{"crash too early", `{"t":12,"mark":"crash","hosts":["a"]}`, "LOG5"},
		{"by id", `{"t":12,"mark":"crash","hosts":["` + hostID("a").String() + `"]}`, "LOG5"},
		{"settled alone", `{"t":25,"mark":"stable","components":[["a"]]}` + "\n" + `{"t":26,"mark":"settled"}`, ""},
		{"settled too large", `{"t":25,"mark":"stable","components":[["a","` + hostID("b").String() + `"]]}` + "\n" + `{"t":26,"mark":"settled"}`, "L1"},
		{"flap", `{"t":12,"mark":"stable","components":[["a"]]}` + "\n" + `{"t":13,"mark":"settled"}` + "\n" + `{"t":30,"mark":"end"}`, "L3"},
		{"the rest", `{"t":1,"fault":"cut","hosts":["a"],"open":true}` + "\n" + `{"t":2,"fault":"loss","open":true}` + "\n" +
			`{"t":3,"mark":"group","hosts":["a"],"group":"x"}` + "\n" + `{"t":4,"mark":"healthy","hosts":["a"]}` + "\n" +
			`{"t":5,"mark":"unhealthy","hosts":["a"]}` + "\n" + `{"t":22,"mark":"drain"}` + "\n" + `{"t":40,"mark":"restore","hosts":["a"]}`, ""},
	} {
		r, err := checkFile(t, c.facts, all)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		switch {
		case c.broken == "" && !r.Clean():
			t.Errorf("%s: %v", c.name, r.Violations)
		case c.broken != "" && r.Broken[c.broken] == 0:
			t.Errorf("%s: %s is not broken, but %v", c.name, c.broken, r.Violations)
		}
	}
}

func TestBadFacts(t *testing.T) {
	all := bytes.Join(logLines(1, 1, 10), nil)
	for _, facts := range []string{
		"x", `{"t":1}`, `{"t":1,"mark":"odd"}`, `{"t":1,"mark":"crash","fault":"cut"}`,
		`{"t":1,"mark":"crash","hosts":["nobody"]}`, `{"t":1,"mark":"stable","components":[["nobody"]]}`,
	} {
		if _, err := checkFile(t, facts, all); err == nil {
			t.Errorf("%s: no error", facts)
		}
	}
}

func TestNoLogs(t *testing.T) {
	if _, err := Files(Options{}, t.TempDir()); !errors.Is(err, ErrNoLogs) {
		t.Errorf("got %v", err)
	}
}

// TestReplayOrder: whatever the order of the logs, a message is fed after it
// was sent; one that nobody sent holds nothing up.
func TestReplayOrder(t *testing.T) {
	tape := record(`
up a b c
view 2a a,b,c
a send 1
b dlv a1
b send 1 agreed
c dlv a1
a,c dlv b1 k=1
b dlv b1 k=1
a dlv a1
view 3a a,b,c`)
	for _, order := range []string{"abc", "cba", "bca"} {
		c := New(Options{})
		if err := c.Replay(tape.sources(order), nil); err != nil {
			t.Fatal(err)
		}
		if r := c.Finish(); !r.Clean() || r.Counts["P14"] != 2 {
			t.Errorf("%s: %v, %d times P14", order, r.Violations, r.Counts["P14"])
		}
	}
	tape = record(`
up a b
view 2a a,b
b dlv a7
a send 1
b dlv a1`)
	c := New(Options{})
	if err := c.Replay(tape.sources("ba"), nil); err != nil {
		t.Fatal(err)
	}
	if r := c.Finish(); len(r.Violations) != 1 || !strings.Contains(r.Violations[0].String(), "P10 [b a] view 2@a: a#7") {
		t.Errorf("got %v", r.Violations)
	}
}
