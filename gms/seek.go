package gms

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// seeker knows where hosts may be that are not in the view, and sends there what
// the engine has for whoever may be out there: a portion each time, in turn, so
// that many who are absent for long cost little. With nobody absent it sends
// nothing.
type seeker struct {
	layers *discovery.Layers
	cache  *discovery.Cache
	// given is what routers name; nil: there are none.
	given *discovery.Given
	own   []netip.AddrPort
	// listed are the peers of the settings, where all are addresses.
	listed []netip.AddrPort
	// blind: the transport finds nobody whose address is not known.
	blind bool
	// here are the addresses of the members.
	here map[netip.AddrPort]struct{}
	// known counts the addresses known, absent are those of no member of the view,
	// the likeliest first; both as of the last look.
	known  int
	absent []netip.AddrPort
	// round are those not sought yet since all were.
	round []netip.AddrPort
	// lookAt is when to look again though nothing happens.
	lookAt views.Instant
	told   bool // what the engine knows of absent
	alone  solitude
	ears   earshot
	out    []transport.Outbound
}

// look finds out who is known and absent.
func (l *loop) look() {
	s := &l.seeker
	if s.here == nil {
		s.here = make(map[netip.AddrPort]struct{})
	}
	clear(s.here)
	if snap := l.host.board.current(); snap != nil {
		for i := range snap.View.Members {
			s.here[snap.View.Members[i].Addr] = struct{}{}
		}
	}
	s.absent = s.layers.Places(s.absent[:0])
	s.known = len(s.absent)
	s.absent = slices.DeleteFunc(s.absent, s.isHere)
}

// seek sends a frame to whoever may be out there: by the transport's own way, and to
// a portion of those who are known and absent.
func (l *loop) seek(frame []byte) {
	l.sent(l.tr.Seek(frame))
	s := &l.seeker
	l.look()
	for _, to := range s.portion() {
		s.out = append(s.out, transport.Outbound{To: []netip.AddrPort{to}, Frame: frame})
	}
	if len(s.out) == 0 {
		return
	}
	// That there is no way to a place where nobody may be any more need not be said.
	if err := l.tr.SendBatch(s.out); err != nil {
		l.host.counts.sendErrors.Add(1)
	}
	clear(s.out)
	s.out = s.out[:0]
}

func (s *seeker) isHere(a netip.AddrPort) bool {
	_, in := s.here[a]
	return in
}

// portion gives the next of those to be sought, after a look.
func (s *seeker) portion() []netip.AddrPort {
	s.round = slices.DeleteFunc(s.round, s.isHere)
	if len(s.round) == 0 {
		s.round = append(s.round, s.absent...)
	}
	n := min(len(s.round), seekPortion)
	next := slices.Clone(s.round[:n])
	s.round = slices.Delete(s.round, 0, n)
	return next
}

// lookAround looks who is absent when that is due, and tells the engine, which
// makes itself known to them only if there are some.
func (l *loop) lookAround() {
	s := &l.seeker
	if l.ended || s.layers == nil {
		return
	}
	if s.lookAt <= l.now {
		l.look()
		l.watchSolitude()
		l.watchEarshot()
		s.lookAt = l.now.Add(s.lookAgain(l.host.board.current()))
		if s.ears.sayAt != 0 {
			s.lookAt = min(s.lookAt, s.ears.sayAt)
		}
	}
	if some := len(s.absent) > 0; some != s.told {
		s.told = some
		l.step(engine.Absent{Some: some})
	}
}

// lookAgain is how long what was found may be old.
func (s *seeker) lookAgain(snap *Snapshot) time.Duration {
	switch {
	case snap == nil || snap.View.Size() == 1:
		return time.Second
	case len(s.absent) > 0:
		return 10 * time.Second
	}
	return 30 * time.Second
}

// remember notes whom this host is with, and writes it down where it is with
// somebody, or has forgotten one whom the operator put out.
func (l *loop) remember(v *views.View, before *views.View) {
	s := &l.seeker
	s.lookAt = l.now
	out := l.putOut(v, before)
	if v.Size() == 1 && len(out) == 0 {
		return
	}
	now := time.Now()
	if before != nil {
		s.cache.Meet(before.Members, l.self.Host, now) // they were here until now
	}
	for _, host := range out {
		s.cache.Forget(host)
	}
	s.cache.Meet(v.Members, l.self.Host, now)
	l.disk.peers(written(s.cache.Records()))
}

// forget lets a host that is in no view go from those who are sought.
func (l *loop) forget(host views.HostID) {
	l.seeker.cache.Forget(host)
	l.forgetLost(host)
	l.disk.peers(written(l.seeker.cache.Records()))
}

// putOut are those who are gone by an operator's word: whom he named here, or, where
// that is what the view was made for, all who are gone.
func (l *loop) putOut(v *views.View, before *views.View) (out []views.HostID) {
	if before == nil {
		return nil
	}
	for i := range before.Members {
		host := before.Members[i].Host
		named := slices.ContainsFunc(l.calls.evicts, func(e eviction) bool { return e.of.Host == host })
		if v.Rank(host) < 0 && (named || v.Reason == views.ReasonEvict) {
			out = append(out, host)
		}
	}
	return out
}

func written(records []discovery.Record) []stable.Peer {
	out := make([]stable.Peer, len(records))
	for i, r := range records {
		out[i] = stable.Peer(r)
	}
	return out
}
