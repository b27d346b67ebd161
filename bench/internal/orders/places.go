package orders

// span are consecutive places.
type span struct {
	first uint64
	count int
}

// places: the coordinator grants places before anything is sent.
type places struct {
	line
	spans []span
	// asked and granted count from the beginning; given is, at the coordinator, how
	// much each host asked for.
	asked, granted uint64
	given          []uint64
}

func (p *places) take(h header, b []byte) bool {
	switch h.kind {
	case kindData:
		p.hold(b)
		return true
	case kindRequest:
		n := h.number - p.given[h.origin]
		p.given[h.origin] = h.number
		p.say(h.origin, header{kind: kindGrant, count: int(n), number: p.slot})
		p.slot += n
	case kindGrant:
		p.spans = append(p.spans, span{h.number, h.count})
		p.granted += uint64(h.count)
	default:
	}
	return false
}

func (p *places) settle() {
	if p.rank == 0 {
		p.publishReady()
	} else {
		p.useGranted()
		p.ask()
	}
	p.deliverPlaced()
}

// useGranted sends what has places at once: all wait for it.
func (p *places) useGranted() {
	for len(p.spans) > 0 {
		s := &p.spans[0]
		b, count := p.pack(s.count)
		p.publish(b, s.first)
		s.first += uint64(count)
		p.owed -= count
		if s.count -= count; s.count == 0 {
			p.spans = p.spans[1:]
		}
	}
}

// ask asks for what could be sent now, once what it asked for before was granted.
func (p *places) ask() {
	n := p.ready()
	if n == 0 || p.asked != p.granted {
		return
	}
	p.owed += n
	p.asked += uint64(n)
	p.say(0, header{kind: kindRequest, number: p.asked})
}
