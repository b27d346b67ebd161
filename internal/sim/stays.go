package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Stays say, by host number, who is healed first (the core) and how the others
// stay broken for good meanwhile. One-way cuts are the interesting ones: the
// host goes on talking to a core that it cannot hear, or listening to one that
// cannot hear it.
type Stays [HostsMax + 1]Stay

// Stay is how a host lives through the first part of liveness.
type Stay uint8

// Stays of a host.
const (
	Healed Stay = iota
	Dead
	Frozen
	Deaf
	Mute
	CutOff
	stayEnd
)

var stayNames = [stayEnd]string{"healed", "dead", "frozen", "deaf", "mute", "cut-off"}

// String gives the name used in kept seeds.
func (f Stay) String() string { return stayNames[f] }

// String writes "2=deaf 4=dead": those who are not healed.
func (f *Stays) String() string {
	var words []string
	for number, stay := range f {
		if stay != Healed {
			words = append(words, fmt.Sprintf("%d=%s", number, stay))
		}
	}
	return strings.Join(words, " ")
}

// parseStays reads what String wrote.
func parseStays(text string) (Stays, error) {
	var f Stays
	for word := range strings.FieldsSeq(text) {
		number, name, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(number)
		stay := slices.Index(stayNames[:], name)
		if err != nil || n < 1 || n > HostsMax || stay < 0 {
			return f, fmt.Errorf("stay %q: want a host number and one of %v", word, stayNames)
		}
		f[n] = Stay(stay)
	}
	return f, nil
}

// drawStays draws who is healed for good, and what becomes of the others. With
// a star of configured peers the centre is in the core: without it nobody could
// find anybody.
func (w *World) drawStays() *Stays {
	var f Stays
	if w.opts.Profile == Quiet || chance(w.fault, 300_000) {
		return &f
	}
	n := int(w.opts.Hosts)
	for _, p := range w.fault.Perm(n)[1+w.fault.IntN(n):] {
		f[p+1] = Dead + Stay(w.fault.IntN(int(stayEnd-Dead)))
	}
	if w.opts.Multicast == 0 && w.opts.Star != 0 {
		f[1] = Healed
	}
	return &f
}

// coreOf is the set of those who are healed: never empty.
func (w *World) coreOf(f *Stays) HostSet {
	core := w.All()
	for _, number := range core.Numbers() {
		if f[number] != Healed {
			core &^= hosts(number)
		}
	}
	if core == 0 {
		return hosts(1)
	}
	return core
}

// breakForGood gives a host outside the core its stay.
func (w *World) breakForGood(number int, core HostSet, stay Stay) {
	h := w.hosts[number]
	one := hosts(number)
	w.net.each(core, one, func(l *link) { l.cuts, l.mtu = 0, 0 })
	w.net.each(one, core, func(l *link) { l.cuts, l.mtu = 0, 0 })
	switch stay {
	case Dead:
		h.down++
		h.Kill(false)
	case Frozen:
		h.frozen++
		h.Pause()
		if h.proc == nil {
			h.down++
			h.wish++
		}
	case Deaf, CutOff:
		w.net.cut(core, one, 1)
	default:
	}
	if stay == Mute || stay == CutOff {
		w.net.cut(one, core, 1)
	}
}
