package gms

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// fullDisk is a log file on a disk that takes room more bytes; negative: any.
type fullDisk struct {
	*os.File
	room int
}

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.room < 0 {
		return f.File.Write(p)
	}
	n := min(f.room, len(p))
	f.room -= n
	if _, err := f.File.Write(p[:n]); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, errFake
	}
	return n, nil
}

func readRecords(t *testing.T, name string) []trace.Record {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []trace.Record
	for line := range bytes.Lines(data) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		rec, err := trace.ParseLine(line)
		if err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		out = append(out, rec)
	}
	return out
}

// TestAFullDiskDoesNotStopTheHost also reads what is in the log afterwards: no
// torn line, and a count of what is missing.
func TestAFullDiskDoesNotStopTheHost(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events")
	lines := &logLines{}
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.cfg.EventLog = name
		r.cfg.Logger = slog.New(lines)
		r.cfg.EnsureDefaults()
		l, err := assemble(&r.cfg)
		if err != nil {
			t.Fatal(err)
		}
		h := l.host
		disk := &fullDisk{File: l.eventLog.file.(*os.File), room: -1}
		l.eventLog.file = disk
		go l.run()
		<-h.first
		send := func() {
			t.Helper()
			if _, err := h.Send(t.Context(), "g", views.FIFO, nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		send()
		disk.room = 10
		send()
		send()
		if s, err := h.Status(t.Context()); err != nil || s.EventLog != errFake.Error() {
			t.Errorf("status says %q (%v), want the fault", s.EventLog, err)
		}
		disk.room = -1
		send()
		if s := h.Stats(); s.EventLogErrors != 2 || s.EventLogLost != 4 {
			t.Errorf("counted %d errors and %d lost, want 2 and 4", s.EventLogErrors, s.EventLogLost)
		}
		if err := h.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	records := readRecords(t, name)
	var ns []uint64
	for _, rec := range records {
		ns = append(ns, rec.N)
	}
	// start, install, send, deliver; 5 to 8 lost; send, deliver, drop, stop
	if want := []uint64{1, 2, 3, 4, 9, 10, 11, 12}; !slices.Equal(ns, want) {
		t.Fatalf("the log has %v, want %v", ns, want)
	}
	if want := (trace.Drop{Reason: dropEventLog, Count: 4}); records[6].Event != trace.Event(want) {
		t.Errorf("record 11 is %v, want %v", records[6].Event, want)
	}
	if got := lines.count("the event log cannot be written; the host goes on without it"); got != 1 {
		t.Errorf("told %d times, want once", got)
	}
}

func TestALogThatEndsTornIsMended(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(name, []byte(`{"n":1,"t`), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := openEventLog(name, slog.New(slog.DiscardHandler), &counts{})
	if err != nil {
		t.Fatal(err)
	}
	rec := trace.Record{N: 1, T: 5, Process: selfProcess, Event: trace.Stop{How: trace.StopGraceful}}
	e.write([]trace.Record{rec})
	e.write([]trace.Record{rec})
	if err := e.end(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	parts := bytes.Split(data, []byte("\n"))
	if len(parts) != 4 || string(parts[0]) != `{"n":1,"t` {
		t.Fatalf("the log is %q, want the torn line alone and two whole ones", data)
	}
	for _, line := range parts[1:3] {
		if got, err := trace.ParseLine(line); err != nil || got != rec {
			t.Errorf("line %q reads as %v, %v", line, got, err)
		}
	}
}

func TestAnEventLogThatCannotBeOpened(t *testing.T) {
	r := newRig()
	r.cfg.EventLog = filepath.Join(t.TempDir(), "no", "such", "dir")
	if _, err := Start(t.Context(), r.cfg); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start: %v, want that it does not exist", err)
	}
}
