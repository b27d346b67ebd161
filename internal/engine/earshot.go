package engine

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// What goes to all goes by one multicast, which a network may lose for one host or
// for all while unicast works. Only the receiver knows that it hears nothing, only
// the sender whether there was anything to hear, so both are asked:
//
//	B heard A by unicast, and by multicast nothing for 1.75 s
//	B --Unheard{for 1,750 ms}--> A    A did multicast at five moments of that: B is deaf to A
//	B <--Spoken{at 5 moments}--- A    both know; A sends copies to B by unicast from now on
//	B hears a multicast of A again
//	B --Unheard{for 0 ms}------> A    no more copies
//
// Each direction of each pair stands for itself (ADR 15).
const (
	// unheardAfter is how long nothing must have come by multicast: seven heartbeats
	// of a small group, which a loss of five per cent takes in a row once in weeks.
	unheardAfter = 1750 * time.Millisecond
	// momentsApart is between two moments that count, momentsWanted how many say
	// that the other should have heard one: so neither a burst nor a few losses do.
	momentsApart  = 200 * time.Millisecond
	momentsWanted = 5
	// unheardAgain is when one who is sent copies repeats its word, copiesLast how
	// long they go on without it, unheardMost the longest wait between two questions
	// to one who says that there was nothing to hear.
	unheardAgain = 3 * time.Second
	copiesLast   = 10 * time.Second
	unheardMost  = 2 * time.Minute
)

// ear is what is known of multicast between this host and one other member.
type ear struct {
	process views.Process
	name    string
	to      []netip.AddrPort // one
	// since is when we began to listen, multicast and unicast when it was heard so last.
	since, multicast, unicast views.Instant
	// askedAt is when we last said that it is unheard, tries how often in vain.
	askedAt views.Instant
	tries   uint8
	// unheard: it speaks by multicast and we do not hear it.
	unheard bool
	// deafAt is when it said last that it does not hear us, 0: it does.
	deafAt views.Instant
}

// earshot is who of the view hears whose multicast, as far as this host is part of it.
type earshot struct {
	ears []ear // by rank
	// moments are the last ones at which this host did multicast, newest first.
	moments [momentsWanted]views.Instant
	deaf    int // how many are
	changed bool
}

// setView keeps what is known of those who stay.
func (s *earshot) setView(now views.Instant, v *views.View) {
	before := make(map[views.Process]*ear, len(s.ears))
	for i := range s.ears {
		before[s.ears[i].process] = &s.ears[i]
	}
	ears := make([]ear, len(v.Members))
	for r := range v.Members {
		m := &v.Members[r]
		ears[r] = ear{since: now, process: m.Process}
		if old := before[m.Process]; old != nil {
			ears[r] = *old
		}
		ears[r].name, ears[r].to = m.Name, []netip.AddrPort{m.Addr}
	}
	s.ears, s.changed = ears, s.changed || s.troubled(s.ears) != s.troubled(ears)
	s.count()
}

// troubled counts those of a list with whom multicast does not work.
func (*earshot) troubled(ears []ear) int {
	n := 0
	for i := range ears {
		if ears[i].unheard || ears[i].deafAt != 0 {
			n++
		}
	}
	return n
}

func (s *earshot) count() {
	s.deaf = 0
	for i := range s.ears {
		if s.ears[i].deafAt != 0 {
			s.deaf++
		}
	}
}

// spoke notes that this host did multicast.
func (s *earshot) spoke(now views.Instant) {
	if m := &s.moments; m[0] == 0 || now.Sub(m[0]) >= momentsApart {
		copy(m[1:], m[:])
		m[0] = now
	}
}

// heard notes a frame of a member, and reports whether it was unheard before.
func (s *earshot) heard(now views.Instant, rank int, multicast bool) (again bool) {
	e := &s.ears[rank]
	if !multicast {
		e.unicast = now
		return false
	}
	e.multicast = now
	if again = e.unheard; again {
		e.tries = 0
	}
	e.unheard, s.changed = false, s.changed || again
	return again
}

// repaired: a packet of a member came by unicast, so there was something to hear.
func (s *earshot) repaired(rank int) { s.ears[rank].tries = 0 }

// question gives for how many milliseconds a member is unheard where it is to be
// told so now, else 0.
func (s *earshot) question(now views.Instant, rank int) uint32 {
	e := &s.ears[rank]
	since := max(e.since, e.multicast)
	if e.unicast <= since || now.Sub(since) < unheardAfter {
		return 0
	}
	wait := min(unheardAfter<<min(e.tries, 8), unheardMost)
	if e.unheard {
		wait = unheardAgain
	}
	if e.askedAt != 0 && now.Sub(e.askedAt) < wait {
		return 0
	}
	e.askedAt = now
	if e.tries < 8 {
		e.tries++
	}
	return uint32(min(now.Sub(since), time.Hour) / time.Millisecond) //nolint:gosec // an hour at most
}

// answered takes a member's word whether there was anything to hear. It reports whether
// that one takes us for deaf though it has been heard since the question.
func (s *earshot) answered(rank int, moments uint32) (mistaken bool) {
	e := &s.ears[rank]
	switch {
	case e.askedAt == 0: // nobody asked
		return false
	case e.multicast > e.askedAt:
		e.askedAt = 0
		return moments > 0
	}
	s.changed = s.changed || e.unheard != (moments > 0)
	e.unheard = moments > 0
	return false
}

// asked weighs what a member says, and gives the answer.
func (s *earshot) asked(now views.Instant, rank int, span time.Duration) (moments uint32) {
	e := &s.ears[rank]
	oldest := s.moments[momentsWanted-1]
	deaf := span > 0 && oldest != 0 && now.Sub(oldest) <= span
	switch {
	case deaf:
		s.changed = s.changed || e.deafAt == 0
		e.deafAt, moments = now, momentsWanted
	case span == 0:
		s.changed = s.changed || e.deafAt != 0
		e.deafAt = 0
	}
	s.count()
	return moments
}

// expire ends copies to those who have not asked for them for long.
func (s *earshot) expire(now views.Instant) {
	for i := range s.ears {
		if e := &s.ears[i]; e.deafAt != 0 && now.Sub(e.deafAt) > copiesLast {
			e.deafAt, s.changed = 0, true
		}
	}
	s.count()
}

// OutOfEarshot is a member with whom multicast does not work, though unicast does.
type OutOfEarshot struct {
	Host views.HostID
	Name string
	// Unheard: its multicast does not reach us. Deaf: ours does not reach it, so
	// what is for all goes to it by unicast, too.
	Unheard, Deaf bool
}

// Earshot says that the list of those with whom multicast does not work is
// another one.
type Earshot struct{ Members []OutOfEarshot }

func (s *earshot) list() []OutOfEarshot {
	var out []OutOfEarshot
	for i := range s.ears {
		if e := &s.ears[i]; e.unheard || e.deafAt != 0 {
			out = append(out, OutOfEarshot{e.process.Host, e.name, e.unheard, e.deafAt != 0})
		}
	}
	return out
}

// listen notes by which way a member's frame came.
func (e *Engine) listen(from vsync.Sender, multicast bool) {
	rank := e.core.RankOf(from.Process)
	if !e.cfg.Multicast || rank < 0 || rank >= len(e.earshot.ears) {
		return
	}
	multicast = multicast || e.cfg.Hearsay
	if !multicast && len(e.frame.Messages) > 0 && e.frame.Messages[0].Type() == message.TypeEchoReply {
		return // it says nothing of who speaks to all
	}
	if e.earshot.heard(e.now, rank, multicast) {
		e.sendOne(from.Addr, &message.Unheard{})
	}
	if !multicast && len(e.frame.Messages) > 0 && e.frame.Messages[0].Type() == message.TypeData {
		e.earshot.repaired(rank)
	}
}

// takeEarshot handles what members say of multicast.
func (e *Engine) takeEarshot(from vsync.Sender, m message.Message) {
	rank := e.core.RankOf(from.Process)
	if !e.cfg.Multicast || rank < 0 || rank >= len(e.earshot.ears) || !e.core.IsMember(from) {
		return
	}
	switch m := m.(type) {
	case *message.Unheard:
		moments := e.earshot.asked(e.now, rank, time.Duration(m.Span)*time.Millisecond)
		if m.Span != 0 {
			e.sendOne(from.Addr, &message.Spoken{Count: moments})
		}
	case *message.Spoken:
		if e.earshot.answered(rank, m.Count) {
			e.sendOne(from.Addr, &message.Unheard{})
		}
	}
}

// askUnheard tells those who are not heard by multicast. It comes with the beat.
func (e *Engine) askUnheard() {
	if !e.cfg.Multicast {
		return
	}
	e.earshot.expire(e.now)
	for rank := range e.earshot.ears {
		if span := e.earshot.question(e.now, rank); span > 0 {
			e.sendOne(e.earshot.ears[rank].to[0], &message.Unheard{Span: span})
		}
	}
}

// copyToDeaf sends a frame that goes by multicast to those as well who would not hear it.
func (e *Engine) copyToDeaf(s *vsync.Send, frame []byte) {
	if s.Scope != All || !e.cfg.Multicast {
		return
	}
	e.earshot.spoke(e.now)
	if e.earshot.deaf == 0 {
		return
	}
	for i := range e.earshot.ears {
		if m := &e.earshot.ears[i]; m.deafAt != 0 && slices.Contains(s.To, m.to[0]) {
			e.out.Send = append(e.out.Send, Packet{Scope: Direct, To: m.to, Frame: frame})
		}
	}
}

// tellEarshot gives the driver the list where it has changed.
func (e *Engine) tellEarshot() {
	if e.earshot.changed {
		e.earshot.changed = false
		e.deliver(Earshot{e.earshot.list()})
	}
}
