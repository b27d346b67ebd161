package transfer

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// answerEvery spaces the answers to one settled transfer's late messages: a
// window may still be under way.
const answerEvery = 20 * time.Millisecond

// outcome is what remains of a transfer that is over.
type outcome struct {
	tag  Tag
	role Role
	peer views.Process
	// reply is what a late message is answered with; nil for silence.
	reply    Message
	answered views.Instant
}

// settled are the last outcomes, in a ring, so that a last word which was lost
// is said again when the other side asks.
type settled struct {
	ring []outcome
	next int
}

func (s *settled) add(o outcome) {
	if len(s.ring) < settledMax {
		s.ring = append(s.ring, o)
		return
	}
	s.ring[s.next] = o
	s.next = (s.next + 1) % settledMax
}

func (s *settled) find(tag Tag, role Role) *outcome {
	for i := range s.ring {
		if o := &s.ring[i]; o.tag == tag && o.role == role {
			return o
		}
	}
	return nil
}

// answerLate takes a message for a transfer in which this host is not, or not
// any more, in the given role.
func (m *Machine) answerLate(from views.Process, tag Tag, role Role) {
	switch o := m.settled.find(tag, role); {
	case o == nil:
		m.drop(DropUnknown)
	case o.peer != from:
		m.drop(DropStranger)
	default:
		m.drop(DropSettled)
		if o.reply != nil && (o.answered == 0 || m.now.Sub(o.answered) >= answerEvery) {
			o.answered = m.now
			m.send(from, o.reply)
		}
	}
}
