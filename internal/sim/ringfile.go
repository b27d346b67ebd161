package sim

import (
	"math/rand/v2"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

// ringFile is the file with the group's keys, beside the state directory: it stays
// when that is wiped. A write takes time and replaces the file as a whole.
type ringFile struct {
	ring keys.Ring
	// old is what it held when the directory was copied.
	old    keys.Ring
	writes []ringWrite
}

type ringWrite struct {
	save engine.SaveRing
	done views.Instant
	err  error
}

// saveRing starts a write of the file.
func (h *Host) saveRing(p *process, s *engine.SaveRing) {
	d := &h.disk
	h.w.learn(s.Ring)
	h.noteBarred(s.Ring)
	wr := ringWrite{save: *s, done: h.w.now.Add(d.min + d.extra + exponential(d.r, d.mean))}
	if n := len(d.rings.writes); n > 0 {
		wr.done = max(wr.done, d.rings.writes[n-1].done)
	}
	if d.failing {
		d.failing, wr.err = false, errDisk
		h.w.cover.hit(coverRingFault)
	}
	d.rings.writes = append(d.rings.writes, wr)
	h.w.after(wr.done.Sub(h.w.now), func() { h.ringSaved(p) })
}

// ringSaved ends the oldest write.
func (h *Host) ringSaved(p *process) {
	if h.proc != p {
		return
	}
	f := &h.disk.rings
	wr := f.writes[0]
	f.writes = f.writes[:copy(f.writes, f.writes[1:])]
	if wr.err == nil {
		f.ring = wr.save.Ring
	}
	h.w.work.clients.later(h, p, 0, func() { h.step(engine.RingSaved{Token: wr.save.Token, Err: wr.err}) })
}

// crash ends the daemon with writes under way: any number of the first of them are
// done, without power none.
func (f *ringFile) crash(r *rand.Rand, power bool) {
	for _, wr := range f.writes {
		if power || wr.err != nil || !chance(r, 500_000) {
			break
		}
		f.ring = wr.save.Ring
	}
	f.writes = nil
}

// rollBack puts the old ring back, as one does who restores a whole machine.
func (f *ringFile) rollBack(r *rand.Rand) {
	if !f.old.IsZero() && chance(r, 500_000) {
		f.ring = f.old
	}
}

// copied is the file on a machine that was cloned, now or some time ago.
func (f *ringFile) copied(r *rand.Rand) ringFile {
	if !f.old.IsZero() && chance(r, 300_000) {
		return ringFile{ring: f.old}
	}
	return ringFile{ring: f.ring}
}
