package sim

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// errDisk is what a failing disk answers.
var errDisk = errors.New("input/output error")

// record is what a host's state directory holds.
type record struct {
	id views.HostID
	// incarnation is the one of the last start.
	incarnation views.Incarnation
	seq         views.Seq
}

// write is one write under way.
type write struct {
	token uint64
	seq   views.Seq
	done  views.Instant
	err   error
}

// disk is the state directory of a machine: what is synced, and the writes that
// may or may not survive a crash. Writes end in the order in which they began.
type disk struct {
	r       *rand.Rand
	synced  record
	writes  []write
	min     time.Duration
	mean    time.Duration
	extra   time.Duration
	failing bool
	// old is an earlier copy, kept by an operator who means well.
	old record
	// real is what an old copy has replaced, with the stream it logged to.
	real       record
	realStream uint32
}

// begin starts a write; the caller schedules its end.
func (d *disk) begin(now views.Instant, p *engine.Persist, late time.Duration) write {
	done := now.Add(d.min + d.extra + late + exponential(d.r, d.mean))
	if n := len(d.writes); n > 0 {
		done = max(done, d.writes[n-1].done)
	}
	w := write{token: p.Token, seq: p.Seq, done: done}
	if d.failing {
		d.failing = false
		w.err = errDisk
	}
	d.writes = append(d.writes, w)
	return w
}

// end takes the oldest write from the queue and, unless it failed, makes it durable.
func (d *disk) end() write {
	w := d.writes[0]
	d.writes = d.writes[:copy(d.writes, d.writes[1:])]
	if w.err == nil {
		d.synced.seq = w.seq
	}
	return w
}

// crash forgets the writes under way; the machine may find any number of the
// first of them done.
func (d *disk) crash() {
	if n := len(d.writes); n > 0 {
		if kept := d.r.IntN(n + 1); kept > 0 && d.writes[kept-1].err == nil {
			d.synced.seq = d.writes[kept-1].seq
		}
	}
	d.writes = d.writes[:0]
}
