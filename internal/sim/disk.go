package sim

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/views"
)

// errDisk is what a failing disk answers.
var errDisk = errors.New("input/output error")

// errPower ends a write in the middle.
var errPower = errors.New("power lost")

// directory is a state directory: the one that package stable keeps, in memory.
// Its id is the world's and not the hash of the key in it, so that worlds can
// have ids in the order of their hosts.
type directory struct {
	*stable.Mem
	identity
	// stream names it for the checkers.
	stream uint32
}

// write is one write under way.
type write struct {
	token uint64
	seq   views.Seq
	done  views.Instant
	err   error
}

// disk is what a machine keeps: its state directory, and the writes that may or
// may not survive a crash. The store of the daemon writes it; that a write takes
// time is ours: it reaches the store when it is done, or half when the machine
// dies. Writes end in the order in which they began.
type disk struct {
	directory
	store   *stable.Store
	r       *rand.Rand
	writes  []write
	min     time.Duration
	mean    time.Duration
	extra   time.Duration
	failing bool
	// fault is what the next sync answers.
	fault error
	// old is an earlier copy, kept by an operator who means well; real is what
	// it has replaced.
	old, real directory
	rings     ringFile
}

// open begins a new incarnation, as a starting daemon does.
func (d *disk) open() (self views.Process, err error) {
	var key [32]byte
	for i := range key {
		key[i] = byte(d.r.Uint32())
	}
	mount := stable.WithFaults(d.Mount(), func(op stable.Op, _ string) error {
		if op == stable.OpSync {
			return d.fault
		}
		return nil
	})
	if d.store, err = stable.OpenDisk(mount, rand.NewChaCha8(key)); err == nil {
		self, _ = d.store.Self()
	}
	return self, err
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

// end takes the oldest write from the queue and has the store do it.
func (d *disk) end() write {
	w := d.writes[0]
	d.writes = d.writes[:copy(d.writes, d.writes[1:])]
	w.err = d.save(w.seq, w.err)
	return w
}

func (d *disk) save(seq views.Seq, fault error) error {
	d.fault = fault
	defer func() { d.fault = nil }()
	return d.store.SaveSeq(seq)
}

// crash ends the daemon with writes under way: any number of the first of them
// are done, and the next one in part. Without power what was not synced is lost,
// or kept in any part.
func (d *disk) crash(power bool) {
	kept := d.r.IntN(len(d.writes) + 1)
	for i, w := range d.writes {
		switch {
		case i < kept:
			_ = d.save(w.seq, w.err) // nobody is left to hear of an error
		case i == kept:
			_ = d.save(w.seq, errPower)
		}
	}
	d.writes = d.writes[:0]
	d.rings.crash(d.r, power)
	if power {
		d.Crash(d.r, 50)
	} else {
		d.Kill()
	}
}

// restore puts the directory back that an old copy has replaced.
func (d *disk) restore() {
	if d.real.id == d.id {
		d.directory, d.real = d.real, directory{}
	}
}

// snapshot keeps a copy of the directory.
func (d *disk) snapshot() {
	d.old = directory{Mem: d.Clone(), identity: d.identity}
	d.rings.old = d.rings.ring
}
