package netlab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// classes of message: each order has its own sequence.
const classes = 2

func classOf(o views.Order) int {
	if o == views.Agreed {
		return 1
	}
	return 0
}

// log follows the event log of one host while its daemon writes it.
type log struct {
	path string
	file *os.File
	rest []byte // the beginning of a line

	// Of the present incarnation:
	self    views.Process
	stopped bool
	view    *trace.Install // nil before the first
	at      views.Instant  // when it was installed
	// sent is the number of the last message sent in view, by class.
	sent [classes]uint64
	// delivered is the number of the last message delivered, by sender and class.
	delivered map[views.Process][classes]uint64

	// Of all incarnations:
	installs []Installed
	doubts   []Doubt
	messages int
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
	begin := 0
	for {
		i := bytes.IndexByte(l.rest[begin:], '\n')
		if i < 0 {
			l.rest = append(l.rest[:0], l.rest[begin:]...)
			return nil
		}
		if err := l.line(l.rest[begin : begin+i]); err != nil {
			return err
		}
		begin += i + 1
	}
}

// line takes one line. One that a crash has torn is the checkers' to judge.
func (l *log) line(line []byte) error {
	rec, err := trace.ParseLine(line)
	switch {
	case errors.Is(err, trace.ErrUnknownEvent), errors.Is(err, trace.ErrBadLine):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", l.path, err)
	}
	l.take(&rec)
	return nil
}

func (l *log) take(rec *trace.Record) {
	switch ev := rec.Event.(type) {
	case trace.Start:
		l.forget()
		l.self = rec.Process
	case trace.Stop:
		l.stopped = true
	case trace.Install:
		l.view, l.at, l.sent = &ev, rec.T, [classes]uint64{}
		l.installs = append(l.installs, Installed{rec.T, ev})
	case trace.Suspect:
		l.doubts = append(l.doubts, Doubt{rec.T, ev})
	case trace.Send:
		l.sent[classOf(ev.Order)] = ev.Msg.N
		l.messages++
	case trace.Deliver:
		last := l.delivered[ev.Msg.From]
		last[classOf(ev.Order)] = ev.Msg.N
		l.delivered[ev.Msg.From] = last
	}
}

// forget makes the log that of an incarnation which has not spoken yet.
func (l *log) forget() {
	l.self, l.view, l.stopped = views.Process{}, nil, false
	l.sent, l.delivered = [classes]uint64{}, map[views.Process][classes]uint64{}
}

func (l *log) close() {
	if l.file != nil {
		_ = l.file.Close() // only read
		l.file = nil
	}
}
