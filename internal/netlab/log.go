package netlab

import (
	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// classes of message: fifo, and those that have a place. Each has its own sequence.
const classes = 2

func classOf(o views.Order) int {
	if o.Placed() {
		return 1
	}
	return 0
}

// log is a host's event log, and what of its present incarnation is still on
// its way.
type log struct {
	*tracelog.Log
	// latest is the time of the last line that was read.
	latest views.Instant
	// sent is the number of the last message sent in the view, by class.
	sent [classes]uint64
	// delivered is the number of the last message delivered, by sender and class.
	delivered map[views.Process][classes]uint64
}

func followLog(path string) *log {
	l := &log{}
	l.Log = tracelog.Follow(path, l.take)
	return l
}

func (l *log) take(rec *trace.Record) {
	l.latest = rec.T
	switch ev := rec.Event.(type) {
	case trace.Start:
		l.sent, l.delivered = [classes]uint64{}, map[views.Process][classes]uint64{}
	case trace.Install:
		l.sent = [classes]uint64{}
	case trace.Send:
		l.sent[classOf(ev.Order)] = ev.Msg.N
	case trace.Deliver:
		last := l.delivered[ev.Msg.From]
		last[classOf(ev.Order)] = ev.Msg.N
		l.delivered[ev.Msg.From] = last
	}
}
