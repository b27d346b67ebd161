package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

var hosts = []views.HostID{{}, {1}, {2}, {3}, {4}}

func bitsOf(numbers ...int) (out []trace.HostBits) {
	for _, n := range numbers {
		out = append(out, trace.HostBits{Process: views.Process{Host: hosts[n], Incarnation: 1}})
	}
	return out
}

// at is a record of host 1 at so many milliseconds.
func at(ms int, e trace.Event) trace.Record {
	r := record(ms, e)
	r.T = views.Instant(ms) * 1e6
	return r
}

func whyOf(t *testing.T, records []trace.Record, seq views.Seq, askedBy string) string {
	t.Helper()
	found, err := findCause(records, seq)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	view := found.install.Event.(trace.Install)
	(&call{streams: streams{out: &out}}).printCause(found, []*admin.View{{
		ID: admin.ViewID{Seq: view.View.Seq, Coordinator: view.View.Coordinator}, AskedBy: askedBy,
		Members: []admin.Member{{Name: "h1", Host: hosts[1]}, {Name: "h2", Host: hosts[2]}, {Name: "h3", Host: hosts[3]}},
	}})
	return out.String()
}

func joined(who int, verdict, code string) trace.Join {
	return trace.Join{Who: hosts[who], Verdict: verdict, Code: code}
}

func madeBy(seq views.Seq, reason views.Reason, members ...int) trace.Install {
	return trace.Install{View: views.ViewID{Seq: seq, Coordinator: hosts[1]}, Reason: reason, Members: bitsOf(members...), Trans: []views.HostID{hosts[1], hosts[2]}}
}

// Refusals of a minute before have nothing to do with a crash, neither those of others
// nor the one by which another host does not read this one.
func TestWhyLeavesOutUnrelatedRefusals(t *testing.T) {
	records := []trace.Record{at(0, madeBy(1, views.ReasonJoin, 1, 2, 3))}
	for i := range 6 {
		records = append(records, at(1000+10_000*i, joined(1, trace.JoinReject, "wrong-key")), at(1001+10_000*i, joined(4, trace.JoinReject, "wrong-key")))
	}
	records = append(records,
		at(61_500, joined(4, trace.JoinReject, "old-key")), // within three seconds before it began
		at(62_000, trace.Suspect{Who: hosts[3], Detector: "socket", Evidence: "closed"}),
		at(62_003, madeBy(2, views.ReasonCrash, 1, 2)))
	got := whyOf(t, records, 2, "")
	if strings.Contains(got, "wrong-key") || strings.Count(got, "\n") != 4 {
		t.Errorf("got\n%s", got)
	}
	for _, want := range []string{
		"      -503ms  did not read the frames of 04000000 (old-key): they are sealed with a key that was removed\n",
		"        -3ms  suspected h3 (socket): closed\n", "          0s  installed it\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A pause of this host, and a doubt that was taken back, of minutes before are no part
// of a change, and its beginning least of all; those just before it, or during it, are.
func TestWhyLeavesOutUnrelatedPauses(t *testing.T) {
	paused := func(ms int, of string) trace.Record {
		return at(ms, trace.Suspect{Who: hosts[1], Detector: "pause", Evidence: "paused " + of})
	}
	records := []trace.Record{
		at(0, madeBy(1, views.ReasonJoin, 1, 2, 3)),
		paused(1_000, "1s"),
		at(1_500, joined(4, trace.JoinReject, "wrong-key")),
		at(2_000, trace.Suspect{Who: hosts[2], Detector: "silence", Evidence: "silent 2s"}),
		at(2_500, trace.Trust{Who: hosts[2], Detector: "silence", Evidence: "heard after 2.5s"}),
		at(3_000, trace.Suspect{Who: hosts[3], Detector: "silence", Evidence: "silent 3s"}),
		at(3_500, trace.Trust{Who: hosts[3], Detector: "silence", Evidence: "heard after 3.5s"}),
		at(4_000, trace.Phase{Ballot: views.ViewID{Seq: 9}, Phase: "nack"}),
		paused(300_000, "4s"),
		at(302_900, trace.Suspect{Who: hosts[3], Detector: "socket", Evidence: "closed"}),
		at(307_000, trace.Block{View: views.ViewID{Seq: 1}}),
		paused(307_001, "5s"),
		at(307_002, madeBy(2, views.ReasonCrash, 1, 2)),
	}
	got := whyOf(t, records, 2, "")
	for _, unrelated := range []string{"paused 1s", "wrong-key", "h2", "nack"} {
		if strings.Contains(got, unrelated) {
			t.Errorf("there is %q in\n%s", unrelated, got)
		}
	}
	for _, want := range []string{"h3 (silence): silent 3s", "h3 again", "itself was paused 4s", "h3 (socket): closed", "stopped sending", "itself was paused 5s"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// Who was refused and then came in: once, with how often; each from its own side.
func TestWhyTellsRefusalsOfWhoCameIn(t *testing.T) {
	records := []trace.Record{at(0, madeBy(1, views.ReasonJoin, 1, 2))}
	for i := range 3 {
		records = append(records, at(10_000*(i+1), joined(3, trace.JoinReject, "duplicate-id")))
	}
	records = append(records, at(60_000, trace.Phase{Ballot: views.ViewID{Seq: 2}, Phase: "propose", Cause: "strangers-met"}),
		at(60_001, joined(3, trace.JoinAccept, "")), at(60_002, madeBy(2, views.ReasonJoin, 1, 2, 3)))
	got := whyOf(t, records, 2, "")
	for _, want := range []string{
		"    -50.002s  refused h3: duplicate-id, 3 times until -30.002s\n", "propose for view 2@00000000: hosts outside the view were met, and are taken in\n", "took in h3\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	own := []trace.Record{at(100, joined(1, trace.JoinReject, "wrong-key")), at(200, madeBy(1, views.ReasonMerge, 1, 2))}
	if got := whyOf(t, own, 1, ""); !strings.Contains(got, "was told by another host that it does not read this one's frames (wrong-key)") {
		t.Errorf("got\n%s", got)
	}
}

func TestWhyOfAnEviction(t *testing.T) {
	before, after := at(0, madeBy(1, views.ReasonJoin, 1, 2, 3)), at(100, madeBy(2, views.ReasonEvict, 1, 2))
	slow := at(90, trace.Suspect{Who: hosts[3], Detector: "flow", Evidence: "acknowledges nothing for 30s"})
	elsewhere := madeBy(2, views.ReasonEvict, 1, 2)
	elsewhere.View.Coordinator = hosts[2]
	for _, c := range []struct {
		records []trace.Record
		askedBy string
		want    string
	}{
		{[]trace.Record{before, after}, "uid 0 (pid 7)", "an operator asked for it at this host: uid 0 (pid 7)"},
		{[]trace.Record{before, after}, "", "an operator asked for it by way of this host"},
		{[]trace.Record{before, slow, after}, "", "no operator asked for it: it held up the whole group"},
		{[]trace.Record{before, slow, after}, "", "put out h3, for which all waited: it acknowledges nothing for 30s"},
		{[]trace.Record{before, at(100, elsewhere)}, "", "an operator asked for it at h2, whose log says who"},
	} {
		if got := whyOf(t, c.records, 2, c.askedBy); !strings.Contains(got, c.want) {
			t.Errorf("no %q in\n%s", c.want, got)
		}
	}
}

// Where what came first is forgotten it is not said that nothing came.
func TestWhySaysWhatIsForgotten(t *testing.T) {
	forgotten := trace.Drop{Reason: gms.DropForgotten, Count: 7}
	records := []trace.Record{at(0, forgotten), at(1, madeBy(1, views.ReasonJoin, 1, 2)), at(5, madeBy(2, views.ReasonJoin, 1, 2, 3))}
	const nothing, gone = "nothing came before it on this host\n", "what came before is no longer remembered\n"
	if got := whyOf(t, records, 1, ""); strings.Contains(got, nothing) || !strings.Contains(got, gone) {
		t.Errorf("got\n%s", got)
	}
	if got := whyOf(t, records, 2, ""); !strings.Contains(got, nothing) || strings.Contains(got, gone) {
		t.Errorf("got\n%s", got)
	}
}
