package gms

import (
	"maps"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/transport/tether"
	"github.com/gmsd/gmsd/views"
)

const (
	// longIdle is how long the one connection of a host is silent that is tried for
	// firewalls that forget after minutes, as most do.
	longIdle = 5 * time.Minute
	// droppedKept is how long is said of a host that such connections are dropped, unless
	// one is not.
	droppedKept = time.Hour
)

// longIdleText is longIdle for a test of it, as time.ParseDuration reads it, else empty:
// the linker sets it (internal/netlab), since nobody waits for so long.
var longIdleText string

// idling is the one connection of this host that is silent for long, to one member after
// the other.
type idling struct {
	under  bool
	cursor int
	found  chan longFact
	// once are hosts to which one was dropped, which may be chance: they are tried again.
	once, dropped map[views.HostID]views.Instant
}

// longFact is what became of it.
type longFact struct {
	host views.HostID
	tether.Examined
}

func newIdling() idling {
	return idling{found: make(chan longFact, 1), once: map[views.HostID]views.Instant{}, dropped: map[views.HostID]views.Instant{}}
}

func longIdleTime() time.Duration {
	if d, err := time.ParseDuration(longIdleText); err == nil {
		return d
	}
	return longIdle
}

// idleLong begins a long silence with the next member, or with one of whom is to be made sure.
func (l *loop) idleLong(v *views.View) {
	s := &l.doctor.idling
	if s.under || l.patient.tethers == nil || v.Size() < 2 {
		return
	}
	m := s.next(v, max(0, v.Rank(l.self.Host)))
	if m.Process == l.self {
		return // the next look goes on
	}
	s.under = true
	cfg, ctx, host, addr := *l.patient.tethers, l.patient.ctx, m.Host, m.Addr
	l.workers.Go(func() {
		one := longFact{host, tether.Examine(ctx, cfg, addr, longIdleTime())}
		select {
		case s.found <- one:
		case <-l.quit:
		}
	})
}

// next gives the member behind the one tried last, or that one where it is to be made sure.
// Each begins behind itself: one that all are silent towards has no room for them.
func (s *idling) next(v *views.View, own int) *views.Member {
	if m := &v.Members[(own+s.cursor)%v.Size()]; s.once[m.Host] != 0 {
		return m
	}
	s.cursor = (s.cursor + 1) % v.Size()
	return &v.Members[(own+s.cursor)%v.Size()]
}

// takeLong notes what became of a long silence.
func (l *loop) takeLong(one longFact) {
	s := &l.doctor.idling
	s.under = false
	old := func(_ views.HostID, at views.Instant) bool { return l.now.Sub(at) > droppedKept }
	maps.DeleteFunc(s.once, old)
	maps.DeleteFunc(s.dropped, old)
	switch {
	case one.Idle == doctor.Good:
		delete(s.once, one.host)
		delete(s.dropped, one.host)
	case one.Idle != doctor.Bad:
		delete(s.once, one.host)
	case s.once[one.host] == 0:
		s.once[one.host] = l.now
	default:
		delete(s.once, one.host)
		s.dropped[one.host] = l.now
		l.findOdd(one.host, "idle")
	}
}

// dropsIdle reports whether connections to a host that say nothing for minutes are dropped.
func (s *idling) dropsIdle(now views.Instant, host views.HostID) bool {
	at, found := s.dropped[host]
	return found && now.Sub(at) < droppedKept
}
