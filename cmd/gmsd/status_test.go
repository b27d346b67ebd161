package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/internal/admin"
)

func statusOf(t *testing.T, raw string) string {
	t.Helper()
	var s admin.StatusAnswer
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := &call{streams: streams{out: &out}}
	c.printStatus(&s)
	c.printParts(&s)
	return out.String()
}

// Where all is well the status is short: units, rounded, nothing empty.
func TestStatusOfAHealthyHost(t *testing.T) {
	got := statusOf(t, `{"self":"3fd939526adeb463bab3b3d223895b11","name":"h1","group":"g","version":"0.1.0","addr":"10.0.0.1:7749","state":"zombie",
"view":{"seq":2,"coordinator":"3fd939526adeb463bab3b3d223895b11"},"members":2,"uptimeSeconds":200.015914421,"eventLog":"",
"flow":{"windowBytes":2097152,"roomBytes":2097152,"slow":null,"outboxLimitBytes":8388608},
"transport":{"packets":{"in unicast":8,"in multicast":2,"out unicast":18},"bytes":{"in unicast":61684,"out unicast":62808},"dropped":{}},
"engine":{"phase":"operational","detectionBoundSeconds":2.1,"members":[{"rank":1,"name":"h2","host":"b7e3d8652cc0eac5fd0fe2340a9af1ce","role":"observer","state":"steady","rttSeconds":0.000123456,"heardSecondsAgo":0.036339332,"silenceSeconds":1.9,"accusers":0},
{"rank":2,"name":"h3","host":"c7e3d8652cc0eac5fd0fe2340a9af1ce","role":"","state":"steady","heardSecondsAgo":-1,"silenceSeconds":1.9,"accusers":2}],"counters":{"ballots":1},"framesIn":{"Hello":2}},
"discovery":{"sources":[{"name":"peers","addresses":1}],"known":1}}`)
	want := `host h1 (3fd93952)   group g   10.0.0.1:7749   version 0.1.0   up 3m20s
zombie, in view 2@3fd93952 of 2 members: no cluster is initialised, so views and messages work, and databases are off
member  host      is                                             last heard  suspected after  round trip
h2      b7e3d865  steady                                         36 ms ago   1.9 s            123 us
h3      c7e3d865  not watched by this host, accused by 2 hosts  not yet     1.9 s            not measured
detection  a silent member is suspected within 2.1 s
flow       2.0 MiB may be under way
addresses  1 known (peers 1), a member at each
traffic    in 10 frames, 60.2 KiB; out 18 frames, 61.3 KiB
protocol   proposals 1
`
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What is unusual is said.
func TestStatusOfAHostInTrouble(t *testing.T) {
	got := statusOf(t, `{"self":"3fd939526adeb463bab3b3d223895b11","name":"h1","state":"zombie","view":null,"waiting":2,"notices":["repaired"],"eventLog":"no space","ports":3,
"flow":{"windowBytes":2097152,"outboxBytes":1024,"outboxLimitBytes":8388608,"backlogBytes":512,"backlogLimitBytes":2048,"statesTaken":1,"unsettled":["b7e3d8652cc0eac5fd0fe2340a9af1ce"]},
"counts":{"sendErrors":4},"transport":{"dropped":{"queue":2}},
"engine":{"phase":"gather","detectionBoundSeconds":2.1,"strangers":[{"view":{"seq":9,"coordinator":"b7e3d8652cc0eac5fd0fe2340a9af1ce"},"contact":"b7e3d8652cc0eac5fd0fe2340a9af1ce","size":1,"answered":false,"lacking":["a - b"]}],"dropped":{"queue":1,"forged":5}},
"discovery":{"sources":[{"name":"peers-file","addresses":2,"trouble":"peers:2: not a peer"}],"known":2,"absent":2,"sought":[{"addr":"10.0.0.9:7749","by":[{"source":"cache","why":"h9 (99)"}]}]},
"namesakes":[{"name":"twin","hosts":[{"host":"3fd939526adeb463bab3b3d223895b11","addr":"10.0.0.1:7749"},{"host":"b7e3d8652cc0eac5fd0fe2340a9af1ce","addr":"10.0.0.2:7749"}]}]}`)
	for _, want := range []string{
		"in view none of 0 members", "NOTICE repaired", "EVENT LOG is not written: no space", "a view change is under way: gather",
		"1.0 KiB of 8.0 MiB wait to be sent; 512 B of 2.0 KiB are not read by programs here; 1 state on the way here; 3 programs; 2 calls waiting for the group; nothing goes out until",
		"dropped    forged 5, queue 3", "trouble    frames not sent 4", "stranger: view 9@b7e3d865 of 1 member, heard by way of b7e3d865, which has not answered; lacking, since no ping came back: a - b",
		"trouble with peers-file: peers:2: not a peer", "sought, since no member is there: 10.0.0.9:7749 (cache: h9 (99)), and 1 more",
		"ONE NAME twin of several members: 3fd93952 at 10.0.0.1:7749, b7e3d865 at 10.0.0.2:7749",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "null") || strings.Contains(got, " 0\n") {
		t.Errorf("something empty in\n%s", got)
	}
}

func TestUnits(t *testing.T) {
	for s, want := range map[float64]string{0: "0 us", 0.0000125: "12 us", 0.0364: "36 ms", 0.9996: "1.0 s", 59.96: "1m0s", 7322.4: "2h2m2s"} {
		if got := inSeconds(s); got != want {
			t.Errorf("%v s: %q, want %q", s, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 3 << 30: "3.0 GiB"} {
		if got := inBytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
