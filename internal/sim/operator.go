package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

// operator changes keys while the group runs, at any host, without looking who is
// away, and helps those that cannot come back by themselves.
//
// What the product promises: a host that was away while a key was installed and used
// comes back by itself, as long as the key that it says things with was not removed, or
// another one that it has was not. Who was away while all its keys were removed, and who
// was expelled, gets the ring by hand; and so do those of whom no key is known to all the
// others.
type operator struct {
	w *World
	r *rand.Rand
	// off: keys are left alone, and only help is given.
	off    bool
	token  uint64
	answer engine.KeysChanged
	helped views.Instant
}

const (
	// helpEvery is the mean time until somebody looks after those that are left out,
	// in the safety phase; tendEvery how often once the group is healed.
	helpEvery = 40 * time.Second
	tendEvery = 2 * time.Second
	// installMost: an operator does not collect keys.
	installMost = 5
)

func newOperator(w *World) operator {
	return operator{w: w, r: newStream(w.opts.Seed, "operator", 0)}
}

// begin starts the acts of the safety phase.
func (o *operator) begin() {
	if o.w.opts.Sealed == 0 || o.w.opts.KeysEvery == 0 {
		return
	}
	o.next()
	o.helpLater()
}

func (o *operator) next() {
	o.w.after(exponential(o.r, o.w.opts.KeysEvery)+1, func() {
		if !o.off {
			o.act(o.w.hosts[1+o.r.IntN(int(o.w.opts.Hosts))])
			o.next()
		}
	})
}

func (o *operator) helpLater() {
	o.w.after(exponential(o.r, helpEvery)+1, func() {
		if !o.off {
			o.help(o.w.All())
			o.helpLater()
		}
	})
}

// keepsKeys decides about an eviction.
func (o *operator) keepsKeys() bool { return o.w.opts.Sealed == 0 || chance(o.r, o.w.opts.KeepKeys) }

// act does one thing to the ring at a running host.
func (o *operator) act(h *Host) {
	if !h.Running() {
		return
	}
	ring, _ := h.ringOf()
	list := ring.Keys()
	if len(list) == 0 {
		return // a machine of the tests, without keys
	}
	key := list[o.r.IntN(len(list))].Key.ID()
	switch d := o.r.IntN(100); {
	case d < 35 && len(list) < installMost:
		o.change(h, engine.ChangeKeys{Op: engine.InstallKey, At: o.w.unix()})
	case d < 65:
		o.change(h, engine.ChangeKeys{Op: engine.UseKey, ID: key})
	case key != ring.Using().ID():
		o.change(h, engine.ChangeKeys{Op: engine.RemoveKey, ID: key})
	}
}

func (o *operator) change(h *Host, c engine.ChangeKeys) {
	o.token++
	c.Token = o.token
	h.step(c)
}

// give hands a ring to a machine: to its daemon, or into the file.
func (o *operator) give(h *Host, r keys.Ring) {
	o.w.cover.hit(coverGiven)
	switch {
	case h.proc == nil:
		h.disk.rings.ring = keys.Merge(h.disk.rings.ring, r)
	case h.proc.paused:
		o.w.work.clients.later(h, h.proc, 0, func() { o.change(h, engine.ChangeKeys{Op: engine.MergeRing, Ring: r}) })
	default:
		o.change(h, engine.ChangeKeys{Op: engine.MergeRing, Ring: r})
	}
}

// tend helps the hosts of a healed set now and then.
func (o *operator) tend(set HostSet, begin views.Instant) {
	if o.w.opts.Sealed != 0 && (o.helped < begin || o.w.now.Sub(o.helped) >= tendEvery) {
		o.helped = o.w.now
		o.help(set)
	}
}

// help gives the newest ring to those of set that cannot come by themselves.
func (o *operator) help(set HostSet) {
	newest := o.w.newestRing(set)
	met := o.w.meeting(set, newest)
	apart := o.apart(set)
	for _, number := range set.Numbers() {
		h := o.w.hosts[number]
		ring := o.ringOfView(h, set)
		_, knows := ring.Key(newest.Using().ID())
		behind := ring.Digest() != newest.Digest()
		if behind && (apart.Has(number) || newest.Barred(h.disk.id) || !met && !knows) {
			o.give(h, newest)
		}
	}
}

// apart are those that say things with a key that others have removed, and these, where they
// have no other key in common under which they could ask each other.
func (o *operator) apart(set HostSet) (apart HostSet) {
	for _, a := range set.Numbers() {
		theirs, sending := o.w.hosts[a].ringOf()
		for _, b := range set.Numbers() {
			if ring := o.ringOfView(o.w.hosts[b], set); ring.Removed(sending) && !shareKey(theirs, ring) {
				apart |= hosts(a, b)
			}
		}
	}
	return apart
}

func shareKey(a, b keys.Ring) bool {
	return slices.ContainsFunc(a.Keys(), func(e keys.Entry) bool {
		_, live := b.Key(e.Key.ID())
		return live
	})
}

// newestRing is all that the hosts of set know.
func (w *World) newestRing(set HostSet) (r keys.Ring) {
	for _, number := range set.Numbers() {
		one, _ := w.hosts[number].ringOf()
		r = keys.Merge(r, one)
	}
	return r
}

// ringOfView is what a host knows or will be told by those in one view with it.
func (o *operator) ringOfView(h *Host, set HostSet) keys.Ring {
	r, _ := h.ringOf()
	for _, number := range set.Numbers() {
		other := o.w.hosts[number]
		if other != h && h.View() != nil && other.View() != nil && h.View().ID == other.View().ID {
			theirs, _ := other.ringOf()
			r = keys.Merge(r, theirs)
		}
	}
	return r
}

// meeting reports whether there is a key that nobody has removed and all of set have.
func (w *World) meeting(set HostSet, newest keys.Ring) bool {
	for _, e := range newest.Keys() {
		all := true
		for _, number := range set.Numbers() {
			_, has := w.operator.ringOfView(w.hosts[number], set).Key(e.Key.ID())
			all = all && has
		}
		if all {
			return true
		}
	}
	return false
}
