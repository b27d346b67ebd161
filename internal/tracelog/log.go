package tracelog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Log follows the event log of one host. It is used by one goroutine at a time.
type Log struct {
	// Of the present incarnation; zero before its first lines:

	Self    views.Process
	Stopped bool
	View    *trace.Install // the current one
	At      views.Instant  // when View was installed

	// Of all incarnations, oldest first:

	Installs        []Installed
	Doubts          []Doubt
	Sent, Delivered int // messages

	path string
	also func(*trace.Record)
	file *os.File
	rest []byte // the beginning of a line
}

// Installed is a view and when it was installed.
type Installed struct {
	At   views.Instant
	View trace.Install
}

// Doubt is a suspicion and when it arose.
type Doubt struct {
	At views.Instant
	trace.Suspect
}

// Follow gives the log in the file at path, which need not be there yet. Also,
// unless nil, is called with each record after the Log has taken it.
func Follow(path string, also func(*trace.Record)) *Log { return &Log{path: path, also: also} }

// Path is the file's.
func (l *Log) Path() string { return l.path }

// Poll reads what is new. The error is one of reading.
func (l *Log) Poll() error {
	if l.file == nil {
		f, err := os.Open(l.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		l.file = f
	}
	var buf [64 << 10]byte
	for {
		n, err := l.file.Read(buf[:])
		l.rest = append(l.rest, buf[:n]...)
		l.lines()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", l.path, err)
		}
	}
}

// lines takes the whole lines out of rest.
func (l *Log) lines() {
	begin := 0
	for {
		i := bytes.IndexByte(l.rest[begin:], '\n')
		if i < 0 {
			l.rest = append(l.rest[:0], l.rest[begin:]...)
			return
		}
		if rec, err := trace.ParseLine(l.rest[begin : begin+i]); err == nil {
			l.take(&rec)
		}
		begin += i + 1
	}
}

func (l *Log) take(rec *trace.Record) {
	switch ev := rec.Event.(type) {
	case trace.Start:
		l.Forget()
		l.Self = rec.Process
	case trace.Stop:
		l.Stopped = true
	case trace.Install:
		l.View, l.At = &ev, rec.T
		l.Installs = append(l.Installs, Installed{rec.T, ev})
	case trace.Suspect:
		l.Doubts = append(l.Doubts, Doubt{rec.T, ev})
	case trace.Send:
		l.Sent++
	case trace.Deliver:
		l.Delivered++
	}
	if l.also != nil {
		l.also(rec)
	}
}

// Forget makes the log that of an incarnation which has not spoken yet: the
// view of the one before is not taken for its own.
func (l *Log) Forget() { l.Self, l.Stopped, l.View, l.At = views.Process{}, false, nil, 0 }

// InstallsSince gives what was installed after t, as far as was read.
func (l *Log) InstallsSince(t views.Instant) []Installed {
	return after(l.Installs, func(i Installed) bool { return i.At > t })
}

// DoubtsSince gives the suspicions after t, as far as was read.
func (l *Log) DoubtsSince(t views.Instant) []Doubt {
	return after(l.Doubts, func(d Doubt) bool { return d.At > t })
}

func after[T any](all []T, is func(T) bool) []T {
	i := slices.IndexFunc(all, is)
	if i < 0 {
		return nil
	}
	return all[i:]
}

// Close frees the file. A later Poll begins anew.
func (l *Log) Close() {
	if l.file != nil {
		_ = l.file.Close() // only read
		l.file, l.rest = nil, nil
	}
}

// Agree reports whether the hosts of some logs are in one view of exactly
// themselves, all in their present incarnations, and when the last of them
// installed it.
func Agree(logs []*Log) (at views.Instant, ok bool) {
	if len(logs) == 0 || logs[0].View == nil || len(logs[0].View.Members) != len(logs) {
		return 0, false
	}
	first := logs[0].View
	for _, l := range logs {
		in := slices.ContainsFunc(first.Members, func(m trace.HostBits) bool { return m.Process == l.Self })
		if l.View == nil || l.Stopped || !in || l.View.View != first.View {
			return 0, false
		}
		at = max(at, l.At)
	}
	return at, true
}
