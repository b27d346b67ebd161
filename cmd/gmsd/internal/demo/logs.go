package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// now is CLOCK_MONOTONIC, the clock of the event logs.
func now() views.Instant {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // every Linux has it
	return views.Instant(ts.Nano())
}

// log follows the event log of one host while its daemon writes it.
type log struct {
	path   string
	file   *os.File
	rest   []byte // the beginning of a line
	self   views.Process
	starts int // incarnations seen

	view     *trace.Install // of the current incarnation; nil before its first
	at       views.Instant  // when it was installed
	installs []installed
	doubts   []doubt

	sent, delivered int
}

type installed struct {
	at   views.Instant
	view trace.Install
}

type doubt struct {
	at       views.Instant
	who      views.HostID
	detector string
	evidence string
}

// poll reads what is new.
func (l *log) poll() error {
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
		if lerr := l.lines(); lerr != nil {
			return lerr
		}
		if errors.Is(err, io.EOF) || n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// lines takes the whole lines out of rest.
func (l *log) lines() error {
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return nil
		}
		line := l.rest[:i]
		if len(line) > 0 { // a restart closes a torn line with an empty one
			rec, err := trace.ParseLine(line)
			if err != nil && !errors.Is(err, trace.ErrUnknownEvent) {
				return fmt.Errorf("%s: %w", l.path, err)
			}
			if err == nil {
				l.take(rec)
			}
		}
		l.rest = append(l.rest[:0], l.rest[i+1:]...)
	}
}

func (l *log) take(rec trace.Record) {
	switch ev := rec.Event.(type) {
	case trace.Start:
		l.self, l.view = rec.Process, nil
		l.starts++
	case trace.Install:
		l.view, l.at = &ev, rec.T
		l.installs = append(l.installs, installed{rec.T, ev})
	case trace.Suspect:
		l.doubts = append(l.doubts, doubt{rec.T, ev.Who, ev.Detector, ev.Evidence})
	case trace.Send:
		l.sent++
	case trace.Deliver:
		l.delivered++
	}
}

// since counts the views installed after t.
func (l *log) since(t views.Instant) int {
	n := 0
	for _, i := range l.installs {
		if i.at > t {
			n++
		}
	}
	return n
}

func (l *log) close() {
	if l.file != nil {
		_ = l.file.Close() // only read
	}
}

// pollEvery is how often the logs are looked at while an act settles; the
// figures do not depend on it, they come from the lines.
const pollEvery = 3 * time.Millisecond

// agree reports whether the hosts of one component, numbers from 1, are in one
// view of exactly themselves, all in their present incarnations, and when the
// last of them installed it.
func agree(logs []*log, component []int) (at views.Instant, ok bool) {
	first := logs[component[0]-1].view
	if first == nil || len(first.Members) != len(component) {
		return 0, false
	}
	for _, h := range component {
		l := logs[h-1]
		in := slices.ContainsFunc(first.Members, func(m trace.HostBits) bool { return m.Process == l.self })
		if l.view == nil || !in || !sameView(l.view.View, first.View) {
			return 0, false
		}
		at = max(at, l.at)
	}
	return at, true
}

// sameView compares ids as the log writes them: without incarnations.
func sameView(a, b views.ViewID) bool { return a.Seq == b.Seq && a.Coordinator == b.Coordinator }
