package gms

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// vacancy is an address at which somebody should be, as Source says, and no member is, nor
// anybody this host was with.
type vacancy struct {
	addr   netip.AddrPort
	source string
}

// vacancies are all of them, the operator's word first.
func (l *loop) vacancies() (list []vacancy) {
	s := &l.seeker
	known := map[netip.AddrPort]bool{}
	for _, r := range s.cache.Records() {
		known[r.Addr] = true
	}
	l.look()
	for _, a := range s.layers.Addresses() {
		if !s.isHere(a.Addr) && !known[a.Addr] && len(a.By) > 0 {
			list = append(list, vacancy{a.Addr, a.By[0].Source})
		}
	}
	return list
}

// isAbsent is why who is awaited is looked at.
const isAbsent = "absent"

// awaited are those who were with this host and are not in the view, unless they went with
// a word; and, where places are meant, too, whoever should be where the operator says.
func (l *loop) awaited(places bool) (list []suspect) {
	s, w := &l.seeker, &l.doctor.watch
	if s.cache == nil || s.layers == nil {
		return nil
	}
	v := l.view()
	for _, r := range s.cache.Records() {
		if v.Rank(r.Host) < 0 && !w.left[r.Host] {
			list = append(list, suspect{host: r.Host, addr: r.Addr, why: isAbsent})
		}
	}
	if !places {
		return list
	}
	for _, p := range l.vacancies() {
		if p.source != sourceRouters { // nobody configured it, and who is registered may be on the way out
			list = append(list, suspect{host: doctor.PlaceID(p.addr), addr: p.addr, why: isAbsent})
		}
	}
	return list
}

// nextOf gives those who are next, a few at most.
func (w *watch) nextOf(all []suspect, most int) (list []suspect) {
	for i := range min(most, len(all)) {
		list = append(list, all[(w.cursor+i)%len(all)])
	}
	return list
}

// examineAwaited examines the next few of those who are awaited.
func (l *loop) examineAwaited(most int) {
	w := &l.doctor.watch
	list := w.nextOf(l.awaited(true), most)
	w.cursor += len(list)
	for _, s := range list {
		l.examine(s.host, s.addr, false)
	}
}

// missed are some of those whom a host that is alone waits for. Whoever is the first of a
// cluster waits for a while, too: places are looked at once it is said that it is alone.
func (l *loop) missed() []suspect {
	w, all := &l.doctor.watch, l.awaited(l.seeker.alone.said)
	maps.DeleteFunc(w.looked, func(h views.HostID, _ views.Instant) bool {
		return !slices.ContainsFunc(all, func(s suspect) bool { return s.host == h })
	})
	return w.nextOf(all, aloneAtOnce)
}

// meetAt has a host examined that answers at a place where nobody was known.
func (l *loop) meetAt(one *fact) {
	one.host, one.another = one.answers, false
	l.stepSoon(engine.ExamineLink{Host: one.host, Addr: one.addr})
}

// isVacancy reports whether a fact is of a place, and who answers there is no member.
func (l *loop) isVacancy(one *fact) bool {
	return one.host == doctor.PlaceID(one.addr) && l.view().Rank(one.answers) < 0
}

// placeName is what a host is called of which only the address is known.
func (l *loop) placeName(h views.HostID, at netip.AddrPort) string {
	if name := l.nameOf(h); name != h.Short() || !at.IsValid() {
		return name
	}
	return at.String()
}
