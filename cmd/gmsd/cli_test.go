package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{flag.ErrHelp, 0},
		{fmt.Errorf("%w: no", settings.ErrUsage), 1},
		{&gms.FieldError{}, 2},
		{errors.Join(&gms.FieldError{}, &gms.FieldError{}), 2},
		{&admin.BindError{Err: unix.EADDRINUSE}, 2},
		{fmt.Errorf("x: %w", admin.ErrUnreachable), 2},
		{fmt.Errorf("%w: old", admin.ErrCertificate), 2},
		{&admin.Error{Code: admin.CodeForbidden}, 2},
		{fmt.Errorf("interrupted: %w", context.Canceled), 2},
		{&admin.Error{Code: admin.CodeNotFound}, 2},
		{fmt.Errorf("data-dir: %w", stable.ErrLocked), 2},
		{fmt.Errorf("data-dir: %w", stable.ErrOwner), 2},
		{fmt.Errorf("listen: %w", unix.EADDRINUSE), 2},
		{&gms.DeniedError{Code: views.RefuseName}, 4},
		{fmt.Errorf("%w: %w", gms.ErrClosed, &gms.DeniedError{Code: views.RefuseVersion}), 4},
		{&admin.Error{Code: admin.CodeTimeout}, 6},
		{context.DeadlineExceeded, 6},
		{&gms.DamagedError{Err: stable.ErrDamaged}, 7},
		{&gms.DeniedError{Code: views.RefuseDuplicate}, 7},
		{&gms.DeniedError{Code: views.RefuseRolledBack}, 7},
		{fmt.Errorf("data-dir: %w", stable.ErrNewer), 7},
		{&admin.Error{Code: admin.CodeInternal}, 70},
		{&gms.FatalError{}, 70},
		{errors.New("surprise"), 70},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%T %v: %d, want %d", c.err, c.err, got, c.want)
		}
	}
}

func TestEveryCommandHasItsHelp(t *testing.T) {
	for _, c := range commands() {
		var out, errs bytes.Buffer
		if code := execute(context.Background(), []string{"help", c.name}, streams{out: &out, err: &errs}); code != 0 {
			t.Errorf("%s: exit %d", c.name, code)
		}
		for _, part := range []string{"usage: gmsd " + c.name, c.long, "Examples:"} {
			if part == "" || !strings.Contains(out.String(), part) {
				t.Errorf("%s: no %q in its help", c.name, part)
			}
		}
		var same bytes.Buffer
		if code := execute(context.Background(), []string{c.name, "--help"}, streams{out: &same, err: &errs}); code != 0 || same.String() != out.String() {
			t.Errorf("%s --help: exit %d, differs from help", c.name, code)
		}
	}
}

func TestFlagsAndWordsMix(t *testing.T) {
	c := newCall(context.Background(), sendCommand, streams{})
	if err := c.parse([]string{"news", "--order", "fifo", "--", "--json"}); err != nil {
		t.Fatal(err)
	}
	if strings.Join(c.words, " ") != "news --json" || c.order != "fifo" || c.json {
		t.Errorf("words %q, order %s, json %v", c.words, c.order, c.json)
	}
}

func TestTarget(t *testing.T) {
	for _, c := range []struct{ admin, dir, envAdmin, envDir, want string }{
		{"", "", "", "", "/var/lib/gmsd/admin.sock"},
		{"", "", "", "/e", "/e/admin.sock"},
		{"", "", "h:1", "/e", "h:1"},
		{"", "/d", "h:1", "/e", "/d/admin.sock"},
		{"/a", "/d", "h:1", "/e", "/a"},
	} {
		t.Setenv("GMSD_ADMIN", c.envAdmin)
		t.Setenv("GMSD_DATA_DIR", c.envDir)
		if got := (&call{admin: c.admin, dataDir: c.dir}).target(); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := newNotifier().send("READY=1"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "READY=1" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	if err := newNotifier().send("READY=1"); err != nil {
		t.Errorf("the socket is taken from the environment once: %v", err)
	}
	if err := (notifier{"/nowhere"}).send("READY=1"); err == nil {
		t.Error("nobody listens and that is no error")
	}
}

func record(n int, e trace.Event) trace.Record {
	return trace.Record{N: uint64(n), T: views.Instant(n) * 1e6, Process: views.Process{Host: views.HostID{1}, Incarnation: 1}, Event: e}
}

func TestFindCause(t *testing.T) {
	records := []trace.Record{
		record(1, trace.Start{}),
		record(2, trace.Install{View: views.ViewID{Seq: 1}}),
		record(3, trace.Join{Who: views.HostID{2}, Verdict: trace.JoinAccept}),
		record(4, trace.Deliver{}),
		record(5, trace.Install{View: views.ViewID{Seq: 2}}),
		record(6, trace.Suspect{Who: views.HostID{2}, Detector: "socket", Evidence: "closed"}),
	}
	last, err := findCause(records, 0)
	if err != nil || last.install.N != 5 || len(last.events) != 1 || last.events[0].N != 3 {
		t.Errorf("got %+v, %v", last, err)
	}
	if first, err := findCause(records, 1); err != nil || len(first.events) != 0 {
		t.Errorf("got %+v, %v", first, err)
	}
	if _, err := findCause(records, 9); exitCode(err) != exitRefused {
		t.Errorf("an unknown view: %v", err)
	}
}

func TestDescribeLine(t *testing.T) {
	id := views.ViewID{Seq: 12, Coordinator: views.HostID{0x1a, 0x2b, 0x3c, 0x4d}}
	line := trace.AppendJSON(nil, record(7, trace.Suspect{Who: id.Coordinator, Detector: "socket", Evidence: "it closed"}))
	if got, want := describeLine(line), `     7      0.007000  suspect  detector=socket evidence="it closed" who=1a2b3c4d`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	line = trace.AppendJSON(nil, record(8, trace.Block{View: id}))
	if got := describeLine(line); !strings.HasSuffix(got, "block    view=12@1a2b3c4d") {
		t.Errorf("got %s", got)
	}
	if got := describeLine([]byte("garbage")); got != "garbage" {
		t.Errorf("got %s", got)
	}
}

func TestDrawViewTellsWhoCameAndWent(t *testing.T) {
	m := func(b byte, name string) admin.Member {
		return admin.Member{Name: name, Host: views.HostID{b}, Addr: "10.77.0.1:7749", Started: true, Version: "0.1.0"}
	}
	before := &admin.View{ID: admin.ViewID{Seq: 4}, Members: []admin.Member{m(1, "h1"), m(2, "h2")}}
	now := &admin.View{
		ID: admin.ViewID{Seq: 5}, Prev: &before.ID, Trans: []views.HostID{{1}}, Kind: "merge", Reason: "merge",
		Members:   []admin.Member{m(1, "h1"), m(3, "h3")},
		Subgroups: []admin.Subgroup{{Members: []views.HostID{{1}}}, {Members: []views.HostID{{3}}}},
	}
	var b bytes.Buffer
	drawView(&b, &admin.ViewAnswer{Self: views.HostID{1}, State: "zombie", View: now}, []*admin.View{before, now})
	for _, want := range []string{"came: h3   went: h2   merged: {h1} + {h3}", "  0*  h1    01000000  10.77.0.1:7749  S..   0.1.0", "not primary"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestListening(t *testing.T) {
	l := &listening{names: hostNames{}}
	text, escape := "hello\n", "\x1b[31mred"
	view := &admin.View{ID: admin.ViewID{Seq: 5, Coordinator: views.HostID{1}}, Members: []admin.Member{{Name: "h1", Host: views.HostID{1}}}}
	for _, c := range []struct {
		e    admin.GroupEvent
		want string
	}{
		{admin.GroupEvent{Ev: "view", View: view}, "-- view 5@01000000 {h1}"},
		{admin.GroupEvent{Ev: "block"}, "-- block"},
		{admin.GroupEvent{Ev: "message", GroupMessage: &admin.GroupMessage{From: views.HostID{1}, Text: &text}}, "h1: hello"},
		{admin.GroupEvent{Ev: "message", GroupMessage: &admin.GroupMessage{From: views.HostID{2}, Payload: []byte{255}}}, "02000000: (1 bytes that are no text)"},
		{admin.GroupEvent{Ev: "message", GroupMessage: &admin.GroupMessage{From: views.HostID{1}, Text: &escape}}, `h1: "\x1b[31mred"`},
		{admin.GroupEvent{Ev: "view", Group: &admin.GroupView{Name: "g", ID: admin.GroupID{View: view.ID, K: 7}, Members: []admin.GroupPort{
			{Host: views.HostID{1}, Port: 3, Name: "shop"}, {Host: views.HostID{2}, Port: 1, Name: "a\nb"},
		}, Left: []admin.GroupPort{{Host: views.HostID{1}, Port: 2, Name: "till", Why: "crashed"}}}}, `-- view 5@01000000.7 {shop@h1:3 "a\nb"@02000000:1}, out: till@h1:2 crashed`},
		{admin.GroupEvent{Ev: "parted", Why: "cut"}, "-- parted: cut"},
	} {
		if got := l.describe(&c.e); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, args := range [][]string{{}, {"veiw"}, {"view", "--jsno"}, {"send", "g"}, {"send", "g", "a", "b"}, {"why", "x"}, {"send", "g", "m", "--order", "best"}, {"send", "", "m"}, {"send", "a\nb", "m"}, {"send", strings.Repeat("g", 256), "m"}, {"listen", "\xff"}, {"view", "--timeout", "-1s"}} {
		var errs bytes.Buffer
		if code := execute(context.Background(), args, streams{out: io.Discard, err: &errs}); code != exitUsage || errs.Len() == 0 {
			t.Errorf("%v: exit %d, said %q", args, code, errs.String())
		}
	}
}

// A usage that is wrong says what is missing, or which value is wrong and what is wanted.
func TestUsageErrorsSayWhat(t *testing.T) {
	for want, args := range map[string][]string{
		"gmsd evict: HOST, who is to go, is missing\n":                                         {"evict"},
		"gmsd keys: what to do (gen, list, install, use ID, remove ID or client) is missing\n": {"keys"},
		"gmsd topology: physical, what there is to show, is missing\n":                         {"topology"},
		"gmsd send: MESSAGE (- reads standard input) is missing\n":                             {"send", "g"},
		"gmsd demo: --hosts \"x\": want a whole number\n":                                      {"demo", "--hosts", "x"},
		"gmsd view: --timeout \"x\": want a time like 500ms, 30s or 2m\n":                      {"view", "--timeout", "x"},
		"gmsd view: --json \"x\": want true or false\n":                                        {"view", "--json=x"},
		"gmsd view: --timeout needs a value\n":                                                 {"view", "--timeout"},
		"gmsd keys: --role is missing: read (look) or operate":                                 {"keys", "client"},
		"gmsd keys: --role \"god\": want read or operate":                                      {"keys", "client", "--role", "god"},
	} {
		var errs bytes.Buffer
		if code := execute(context.Background(), args, streams{out: io.Discard, err: &errs}); code != exitUsage || !strings.HasPrefix(errs.String(), want) {
			t.Errorf("%v: exit %d, said %q, want %q", args, code, errs.String(), want)
		}
	}
}

// keys gen prints JSON where it is asked to: the ring, or where it is.
func TestKeysGenJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	for _, args := range [][]string{{"keys", "gen", "--json"}, {"keys", "gen", "--json", "--out", file}} {
		var out bytes.Buffer
		code := execute(context.Background(), args, streams{out: &out, err: io.Discard})
		var made newRing
		if err := json.Unmarshal(out.Bytes(), &made); code != exitOK || err != nil || len(made.Key) != 8 || (made.Ring == "") == (made.File == "") {
			t.Errorf("%v: exit %d, %v, %s", args, code, err, out.String())
		}
	}
}

// Of doctor --admin is where the daemon is, not where run listens.
func TestDoctorHelpSaysWhereTheDaemonIs(t *testing.T) {
	var out bytes.Buffer
	execute(context.Background(), []string{"doctor", "-h"}, streams{out: &out, err: io.Discard})
	if !strings.Contains(out.String(), "the running daemon's socket") || strings.Contains(out.String(), "read-only HTTP API and metrics, or none") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestDescribeSlow(t *testing.T) {
	f := admin.StatusFlow{WindowBytes: 100, RoomBytes: 100}
	if got := describeSlow(&f); got != "" {
		t.Errorf("nobody is slow: %q", got)
	}
	f.Slow, f.RoomBytes = &admin.StatusSlow{Name: "h2"}, 50
	if got := describeSlow(&f); !strings.Contains(got, "h2 (00000000): 50 of 100 bytes") {
		t.Errorf("got %q", got)
	}
	f.RoomBytes = 0
	if got := describeSlow(&f); !strings.HasPrefix(got, "the group waits for h2") {
		t.Errorf("got %q", got)
	}
}

func TestDescribeDiscovery(t *testing.T) {
	var d admin.StatusDiscovery
	if describeAlone(&d)+describeDeaf(&d) != "" {
		t.Errorf("nothing is wrong: %q, %q", describeAlone(&d), describeDeaf(&d))
	}
	d.AloneSeconds, d.Absent, d.MulticastDeaf = 9, 3, []admin.StatusDeaf{{Name: "h2"}, {Name: "h3"}}
	if got := describeAlone(&d); !strings.HasPrefix(got, "ALONE for 9 s") || !strings.Contains(got, "3 known") {
		t.Errorf("got %q", got)
	}
	if got := describeDeaf(&d); !strings.Contains(got, "this host and h2, h3;") {
		t.Errorf("got %q", got)
	}
}

func TestDrawGroupsIsBounded(t *testing.T) {
	g := admin.GroupView{Name: "orders", Members: make([]admin.GroupPort, 2*portsShown)}
	var b bytes.Buffer
	drawGroups(&b, slices.Repeat([]admin.GroupView{g}, groupsShown+5), hostNames{})
	if lines := strings.Count(b.String(), "\n"); lines != groupsShown+2 || !strings.Contains(b.String(), "and 5 more") || !strings.Contains(b.String(), "and 16 more}") {
		t.Errorf("%d lines: %s", lines, b.String())
	}
}

// full is an output on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestAnOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	var errs strings.Builder
	if code := execute(t.Context(), []string{"version"}, streams{out: full{}, err: &errs}); code != exitRefused || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
