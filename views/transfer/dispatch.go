package transfer

import "github.com/gmsd/gmsd/views"

// Handle takes a message of a process. What does not fit is ignored and
// counted. The message is not kept.
func (m *Machine) Handle(now views.Instant, from views.Process, msg Message) {
	m.now = now
	if msg == nil || !msg.valid() {
		m.drop(DropMalformed)
		return
	}
	switch msg := msg.(type) {
	case *Ask:
		m.toDonor(from, msg.ID.Tag(), func(d *donation) { d.handleAsk(msg) })
	case *Want:
		m.toDonor(from, msg.Tag, func(d *donation) { d.handleWant(msg) })
	case *Have:
		m.toDonor(from, msg.Tag, func(d *donation) { d.handleHave(msg) })
	case *Done:
		m.toDonor(from, msg.Tag, func(d *donation) { d.handleDone() })
	case *Offer:
		m.toJoiner(from, msg.Tag, func(r *reception) { r.handleOffer(msg) })
	case *Chunk:
		m.toJoiner(from, msg.Tag, func(r *reception) { r.handleChunk(msg) })
	case *Same:
		m.toJoiner(from, msg.Tag, func(r *reception) { r.handleSame(msg) })
	case *End:
		m.toJoiner(from, msg.Tag, func(r *reception) { r.handleEnd(msg) })
	case *Stop:
		m.handleStop(from, msg)
	default:
		m.drop(DropMalformed)
	}
}

func (m *Machine) toDonor(from views.Process, tag Tag, do func(*donation)) {
	switch d := m.donationOf(tag); {
	case d == nil:
		m.answerLate(from, tag, Donor)
	case d.id.Joiner != from:
		m.drop(DropStranger)
	default:
		do(d)
	}
}

func (m *Machine) toJoiner(from views.Process, tag Tag, do func(*reception)) {
	switch r := m.receptionOf(tag); {
	case r == nil:
		m.answerLate(from, tag, Joiner)
	case r.donor != from:
		m.drop(DropStranger)
	default:
		do(r)
	}
}

func (m *Machine) handleStop(from views.Process, msg *Stop) {
	if msg.ByDonor {
		if r := m.receptionOf(msg.Tag); r != nil && r.donor == from {
			r.stopped(donorStop(msg.Reason))
			return
		}
	} else if d := m.donationOf(msg.Tag); d != nil && d.id.Joiner == from {
		d.stopped(joinerStop(msg.Reason))
		return
	}
	m.drop(DropUnknown)
}

func donorStop(why StopReason) Reason {
	if why == StopDisk {
		return DonorFailed
	}
	return DonorStopped
}

func joinerStop(why StopReason) Reason {
	if why == StopDisk {
		return JoinerFailed
	}
	return JoinerStopped
}
