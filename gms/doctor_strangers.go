package gms

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/views"
)

// What cannot be read is known of whoever sends it, and one datagram with a made up address
// is enough for that. So it is this host alone that judges it: nobody is asked, no round
// begins, and it is one place whatever it is called. It is told once it has come again from
// there a moment later, or from many. Of whom it is proved who and where they are is kept
// apart: those of the one kind do not push out the other.
const (
	// strangersKept bounds the addresses of a kind that are remembered, for factsKept; so
	// many at a time are told of though each came once.
	strangersKept = 16
	// againLeast is the least time until it has come again; otherKeyLeast that until it is
	// said that the key is another one: who was away for a rotation is refused for that,
	// too, and until then for its own key, which tells more.
	againLeast    = 900 * time.Millisecond
	otherKeyLeast = 3 * time.Second
	// provedKept bounds the refusals that are proved.
	provedKept = doctor.RefusalsMax / 2
)

type strangers struct {
	proved []refusalAt
	// unproved are those of whoever can send a datagram, by kind.
	unproved []strangeKind
}

// refusalAt is one that was told of last then, and first at since.
type refusalAt struct {
	doctor.Refusal
	since, at views.Instant
	again     bool
}

// strangeKind are the addresses of which the same is known.
type strangeKind struct {
	ours bool
	code views.RefuseCode
	list []refusalAt
}

// noteRefusal remembers whom we could not read, or who could not read us.
func (l *loop) noteRefusal(r doctor.Refusal) {
	w := &l.doctor.watch
	switch {
	case !r.Proved && r.Code.Unproven():
		w.strange.meet(l.now, r)
	case w.strange.prove(l.now, r) && !r.Proved:
		w.fresh = true // one with our key: others may know more
	}
}

// prove remembers one that is proved, and reports whether it is new.
func (s *strangers) prove(now views.Instant, r doctor.Refusal) bool {
	known := len(s.proved)
	s.proved = slices.DeleteFunc(s.proved, func(o refusalAt) bool { return o.Refusal == r })
	fresh := len(s.proved) == known
	if len(s.proved) == provedKept {
		s.proved = slices.Delete(s.proved, 0, 1)
	}
	s.proved = append(s.proved, refusalAt{Refusal: r, since: now, at: now})
	return fresh
}

// meet remembers one of whoever can send a datagram.
func (s *strangers) meet(now views.Instant, r doctor.Refusal) {
	i, found := slices.BinarySearchFunc(s.unproved, r, func(k strangeKind, r doctor.Refusal) int { return k.compare(r) })
	if !found {
		s.unproved = slices.Insert(s.unproved, i, strangeKind{ours: r.Ours, code: r.Code})
	}
	k := &s.unproved[i]
	k.forget(now)
	one := refusalAt{Refusal: r, since: now, at: now}
	if known := k.at(r.Addr.Addr()); known >= 0 {
		o := k.list[known]
		one.since, one.again = o.since, o.again || now.Sub(o.since) >= k.againLeast()
		k.list = slices.Delete(k.list, known, known+1)
	}
	if len(k.list) == strangersKept {
		k.list = slices.Delete(k.list, k.least(), k.least()+1)
	}
	k.list = append(k.list, one)
}

// forgetGroups forgets other groups that were heard while this host was alone: where it is
// not, they are ordinary. What comes by unicast comes again.
func (s *strangers) forgetGroups() {
	s.unproved = slices.DeleteFunc(s.unproved, func(k strangeKind) bool { return !k.ours && k.code == views.RefuseGroup })
}

func (k *strangeKind) againLeast() time.Duration {
	if k.code == views.RefuseKey {
		return otherKeyLeast
	}
	return againLeast
}

// compare orders kinds: what is not read here first.
func (k *strangeKind) compare(r doctor.Refusal) int {
	switch {
	case k.ours == r.Ours:
		return cmp.Compare(k.code, r.Code)
	case k.ours:
		return 1
	}
	return -1
}

func (k *strangeKind) forget(now views.Instant) {
	k.list = slices.DeleteFunc(k.list, func(o refusalAt) bool { return now.Sub(o.at) > factsKept })
}

// at finds who is at an address, whatever port it names; -1: nobody.
func (k *strangeKind) at(a netip.Addr) int {
	return slices.IndexFunc(k.list, func(o refusalAt) bool { return o.Addr.Addr() == a })
}

// least is who makes room: who came once, as long ago as possible.
func (k *strangeKind) least() int {
	return max(0, slices.IndexFunc(k.list, func(o refusalAt) bool { return !o.again }))
}

// told are those of a kind that are told of: who came again first.
func (k *strangeKind) told() []refusalAt {
	list := slices.Clone(k.list)
	slices.SortStableFunc(list, func(a, b refusalAt) int {
		switch {
		case a.again == b.again:
			return 0
		case a.again:
			return -1
		}
		return 1
	})
	if len(list) < strangersKept && (len(list) == 0 || !list[0].again) {
		return nil
	}
	return list
}

// refusals are all of not long ago, as many as a report holds: those that are proved, and
// then of each kind in turn.
func (s *strangers) refusals(now views.Instant) (list []doctor.Refusal) {
	for _, r := range s.provedOf(now) {
		list = append(list, r.Refusal)
	}
	return append(list, s.told(now, doctor.RefusalsMax-len(list))...)
}

func (s *strangers) provedOf(now views.Instant) []refusalAt {
	s.proved = slices.DeleteFunc(s.proved, func(o refusalAt) bool { return now.Sub(o.at) > factsKept })
	return s.proved
}

// isStale reports whether somebody at an address seals with a key that was removed, though
// it be known of one frame.
func (s *strangers) isStale(a netip.Addr) bool {
	return slices.ContainsFunc(s.unproved, func(k strangeKind) bool { return k.code == views.RefuseOldKey && k.at(a) >= 0 })
}

// told are at most so many of those who are not proved.
func (s *strangers) told(now views.Instant, most int) (list []doctor.Refusal) {
	kinds := make([][]refusalAt, 0, len(s.unproved))
	for i := range s.unproved {
		k := &s.unproved[i]
		k.forget(now)
		kinds = append(kinds, k.told())
	}
	for n := range strangersKept {
		for _, k := range kinds {
			if n < len(k) && len(list) < most && (k[n].Code != views.RefuseKey || !s.isStale(k[n].Addr.Addr())) {
				list = append(list, k[n].Refusal)
			}
		}
	}
	return list
}

// judgeStrangers says what is known here alone of those who cannot be read. At an address of
// one of whom a round has said so nobody is a stranger.
func (l *loop) judgeStrangers() {
	d := &l.doctor
	list := d.watch.strange.told(l.now, doctor.RefusalsMax)
	if len(list) == 0 && len(d.local) == 0 {
		return
	}
	for _, r := range d.watch.strange.provedOf(l.now) {
		if slices.ContainsFunc(d.found, func(v Verdict) bool { return v.IsAbout(r.Who) }) {
			list = append(list, r.Refusal)
		}
	}
	own := doctor.Report{Host: l.self.Host, Name: l.host.start.Name, Refusals: list}
	d.local = slices.DeleteFunc(doctor.Diagnose([]doctor.Report{own}), func(v Verdict) bool {
		return !v.IsAbout(doctor.Stranger)
	})
	l.say()
}

// tellDoctor says that two hosts did not understand each other's greetings. Who the other
// is nobody has proved: it is known by its address.
func (h *Host) tellDoctor(ours bool, code views.RefuseCode, addr string) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	r := doctor.Refusal{Ours: ours, Who: views.HostIDOf(at.Addr().AsSlice()), Addr: at, Code: code}
	_ = h.order(func(l *loop) { l.noteRefusal(r) }) // one who is too busy hears of it the next time
}
