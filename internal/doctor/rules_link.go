package doctor

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

// asks reports whether a host has asked another one often enough, and had no answer.
func asks(l *Link) bool { return l != nil && l.Small.Sent >= enough && l.Small.Answered == 0 }

// byTCP finds hosts that answer nobody by UDP and about which TCP says so. Kernels reject
// once in a while only: silence says nothing against it.
func (m *matrix) byTCP(end TCP, evidence string) []finding {
	var list []finding
	for _, h := range m.hosts {
		if m.heardByAny(h) {
			continue
		}
		asked, said1, first := 0, 0, ""
		for _, o := range m.seen[h] {
			if !asks(o.link) || m.strange[arrow{o.by.Host, h}] || end == TCPRejected && o.link.TCP == TCPSilent {
				continue
			}
			asked++
			if o.link.TCP == end {
				said1++
				if first == "" {
					first = said("%s asked %d times without an answer; %s", o.by.Name, o.link.Small.Sent, evidence)
				}
			}
		}
		if asked > 0 && said1*2 > asked {
			list = append(list, at(h, first, said("%d say so of %d that asked", said1, asked)))
		}
	}
	return list
}

// heardByAny reports whether anything came from a host of late, at anybody.
func (m *matrix) heardByAny(h views.HostID) bool {
	return slices.ContainsFunc(m.seen[h], func(o sight) bool {
		l := o.link
		return l.Small.Answered > 0 || l.One.Age >= 0 && l.One.Age < silence || l.All.Age >= 0 && l.All.Age < silence
	})
}

func processDown(m *matrix) []finding { return m.byTCP(TCPRefused, "its kernel refuses connections") }

func processFrozen(m *matrix) []finding {
	return m.byTCP(TCPMute, "its kernel takes connections and the process says nothing")
}

func hostRejected(m *matrix) []finding {
	return m.byTCP(TCPRejected, "connections are rejected on the way")
}

// hostUnreachable is about a host of which nothing comes. Where one alone reports, and
// nothing comes to it of several, it is that host itself.
func hostUnreachable(m *matrix) []finding {
	list := m.byTCP(TCPSilent, "connections are not answered either")
	if len(m.reports) != 1 || len(list) < 2 || len(list) < len(m.reports[0].Links) {
		return list
	}
	r := m.reports[0]
	return []finding{at(r.Host, said("%s hears none of the %d hosts that it knows, and none of them answers, by UDP or by TCP", r.Name, len(list)))}
}

// unicastBlocked: its multicast is heard by those who ask it in vain, by UDP and by TCP.
func unicastBlocked(m *matrix) []finding {
	var list []finding
	for _, h := range m.hosts {
		asked, in := 0, 0
		for _, o := range m.seen[h] {
			l := o.link
			switch {
			case l.Small.Answered > 0 || l.One.Age >= 0 && l.One.Age < silence || l.TCP != TCPSilent && l.TCP != TCPUntested:
				in++
			case asks(l) && l.TCP == TCPSilent && l.All.Age >= 0 && l.All.Age < silence && !m.strange[arrow{o.by.Host, h}]:
				asked++
			}
		}
		if asked > 1 && in == 0 {
			list = append(list, at(h, said("%d hosts hear its multicast; they asked it in vain, and connections to it are not answered", asked)))
		}
	}
	return list
}

// linkCut: nothing gets from one to the other either way.
func linkCut(m *matrix) []finding {
	var list []finding
	for _, a := range m.ways {
		back := arrow{a.to, a.from}
		if a.from.Compare(a.to) > 0 || m.unicast(a) != shut || m.unicast(back) != shut || m.tcpPasses(a) || m.tcpPasses(back) {
			continue
		}
		list = append(list, between(a, said("%d questions of %s and %d of %s had no answer", m.at(a.from, a.to).Small.Sent, m.names[a.from],
			m.at(a.to, a.from).Small.Sent, m.names[a.to])))
	}
	return list
}

func (m *matrix) tcpPasses(a arrow) bool {
	l := m.at(a.from, a.to)
	return l != nil && l.TCP.Taken()
}

// tcpAnswers reports whether the process itself answers, and not its kernel alone.
func (m *matrix) tcpAnswers(a arrow) bool {
	l := m.at(a.from, a.to)
	return l != nil && l.TCP == TCPGood
}

// oneWay: it is shut one way, and open the other.
func oneWay(m *matrix) []finding {
	var list []finding
	udp := m.udpSpread()
	for _, a := range m.ways {
		if udp.saysFrom(a.from) || udp.saysTo(a.to) {
			continue // of all its links it is UDP alone
		}
		if m.unicast(a) == shut && m.unicast(arrow{a.to, a.from}) == open && !m.tcpPasses(a) && !m.tcpPasses(arrow{a.to, a.from}) {
			list = append(list, between(a, said("%s sent %d questions and %s got none of them; %s's frames get to %s",
				m.names[a.from], m.at(a.from, a.to).Small.Sent, m.names[a.to], m.names[a.to], m.names[a.from])))
		}
	}
	return list
}

func udpBlocked(m *matrix) []finding {
	s := m.udpSpread()
	return s.findings(m, "TCP connections are answered, questions by UDP are not")
}

func (m *matrix) udpSpread() spread {
	return m.spreadOf(func(a arrow) way {
		switch {
		case !m.tcpAnswers(a) || m.strange[a] || m.streams(a):
			return unknown
		case m.unicast(a) == shut, asks(m.at(a.from, a.to)) && m.unicast(a) != open:
			return shut
		case m.unicast(a) == open:
			return open
		}
		return unknown
	})
}

// tcpSpread is how far connections end so.
func (m *matrix) tcpSpread(end TCP) spread {
	return m.spreadOf(func(a arrow) way {
		l := m.at(a.from, a.to)
		switch {
		case l == nil || l.TCP == TCPUntested || !m.both(a) || m.streams(a) || m.elsewhere(a):
			return unknown
		case l.TCP == end:
			return shut
		case l.TCP == TCPGood:
			return open
		}
		return unknown // another cause's
	})
}

func (m *matrix) tcp(end TCP) []finding {
	s := m.tcpSpread(end)
	return s.findings(m, "questions by UDP are answered, TCP connections are not")
}

// tcpBlocked: one alone that hears nothing of who rejects or refuses all others has a
// firewall that drops the rejection.
func tcpBlocked(m *matrix) []finding {
	rejecting, refusing := m.tcpSpread(TCPRejected), m.tcpSpread(TCPRefused)
	return slices.DeleteFunc(m.tcp(TCPSilent), func(f finding) bool { return rejecting.saysTo(f.to) || refusing.saysTo(f.to) })
}

func tcpRejected(m *matrix) []finding {
	return append(m.tcp(TCPRejected), m.tcp(TCPRefused)...)
}

func mtuBlackHole(m *matrix) []finding {
	s := m.spreadOf(func(a arrow) way {
		l := m.at(a.from, a.to)
		switch {
		case l == nil || l.Large.Sent < enough || !m.both(a) || m.elsewhere(a):
			return unknown
		case l.Large.Answered == 0:
			return shut
		}
		return open
	})
	evidence := "long packets have no answer, short ones do"
	for _, a := range m.ways {
		if l := m.at(a.from, a.to); l != nil && l.Large.Sent >= enough && l.Large.Answered == 0 && l.LargeBytes > 0 {
			evidence = said("questions of %d bytes have no answer, those of up to %d do", l.LargeBytes, l.Fits)
			break
		}
	}
	return s.findings(m, evidence)
}

// lossOver reports whether so much of a flow is lost that it is worth a word.
func lossOver(f *Flow) way {
	all := uint64(f.Got) + uint64(f.Lost)
	switch {
	case all < lossOf:
		return unknown
	case 100*uint64(f.Lost) > lossLeast*all:
		return shut
	}
	return open
}

func packetLoss(m *matrix) []finding {
	worst := Flow{}
	s := m.spreadOf(func(a arrow) way {
		state := unknown
		for _, f := range m.lossOf(a) {
			w := lossOver(f)
			if w == shut && f.Lost > worst.Lost {
				worst = *f
			}
			state = max(state, w)
		}
		return state
	})
	return s.findings(m, said("%d of %d frames did not come", worst.Lost, worst.Got+worst.Lost))
}

// lossOf are the counts of what was lost on the way from one host to another: of its
// own questions, and of its answers to the other's.
func (m *matrix) lossOf(a arrow) (list []*Flow) {
	if l := m.at(a.from, a.to); l != nil {
		list = append(list, &l.There)
	}
	if l := m.at(a.to, a.from); l != nil {
		list = append(list, &l.Back)
	}
	return list
}

func multicastBlocked(m *matrix) []finding {
	if m.spreadOf(m.multicast).all {
		return []finding{{evidence: []string{"unicast works between hosts that hear none of each other's multicast"}}}
	}
	return nil
}

// multicastAgeing: joining the group anew brought the multicast of others back.
func multicastAgeing(m *matrix) []finding {
	var list []finding
	for _, r := range m.reports {
		if m.renewed[r.Host] {
			list = append(list, at(r.Host, "it heard nobody's multicast any more, and heard it again once it had joined the group anew"))
		}
	}
	return list
}

func multicastDeaf(m *matrix) []finding {
	list := m.deafBefore()
	for _, h := range m.spreadOf(m.multicast).to {
		list = append(list, at(h, "it hears no multicast of others, which hear each other's, and their unicast"))
	}
	return list
}

// deafBefore: one who is no member yet is answered by unicast, and nobody's multicast comes.
func (m *matrix) deafBefore() []finding {
	if len(m.reports) != 1 || !m.reports[0].Beforehand || !m.reports[0].Multicast {
		return nil
	}
	r, answer := m.reports[0], 0
	for i := range r.Links {
		if r.Links[i].All.Got > 0 {
			return nil
		}
		if r.Links[i].Small.Answered > 0 {
			answer++
		}
	}
	if answer == 0 {
		return nil
	}
	return []finding{at(r.Host, said("no multicast came within seconds, while %d hosts answer by unicast", answer))}
}

func multicastMute(m *matrix) []finding {
	var list []finding
	for _, h := range m.spreadOf(m.multicast).from {
		list = append(list, at(h, "nobody hears its multicast, all hear its unicast"))
	}
	return list
}

func multicastOneWay(m *matrix) []finding {
	var list []finding
	for _, a := range m.spreadOf(m.multicast).rest {
		list = append(list, between(a, "its multicast does not arrive there, its unicast does"))
	}
	return list
}

// burstLeast is from how many multicasts on, of a row or of ten seconds, their loss
// says that they are limited.
const burstLeast = 24

func multicastThrottled(m *matrix) []finding {
	evidence := ""
	s := m.spreadOf(func(a arrow) way {
		l := m.at(a.to, a.from)
		if l == nil || m.renewed[a.to] || m.multicast(a) != open || m.unicast(a) != open || !m.littleLost(a) {
			return unknown
		}
		return max(fewCame(&evidence, "of a row of %d multicasts %d came, unicast passes", l.Burst.Sent, l.Burst.Answered),
			fewCame(&evidence, "of %d multicasts within ten seconds %d came, unicast passes", l.All.Got+l.All.Lost, l.All.Got),
			m.inARow(a, &evidence))
	})
	return s.findings(m, evidence)
}

// littleLost reports whether it is known that unicast loses little on a way.
func (m *matrix) littleLost(a arrow) bool {
	known := unknown
	for _, f := range m.lossOf(a) {
		known = max(known, lossOver(f))
	}
	if known == unknown {
		l := m.at(a.from, a.to)
		return l != nil && l.Small.Sent >= 2*enough && 10*uint64(l.Small.Answered) >= 8*uint64(l.Small.Sent)
	}
	return known == open
}

// inARow reports whether so many multicasts are missing as a row of them has, on a way on
// which little else is lost.
func (m *matrix) inARow(a arrow, evidence *string) way {
	f := &m.at(a.to, a.from).All
	if f.Lost < burstLeast || lossOver(&Flow{Got: 2 * f.Got, Lost: 2 * f.Lost}) != shut {
		return unknown
	}
	*evidence = said("%d multicasts within ten seconds did not come and %d did, unicast passes", f.Lost, f.Got)
	return shut
}

// fewCame reports whether less than six of ten came, and says so in evidence.
func fewCame(evidence *string, text string, sent, came uint32) way {
	switch {
	case sent < burstLeast:
		return unknown
	case 10*uint64(came) < 6*uint64(sent):
		*evidence = said(text, sent, came)
		return shut
	}
	return open
}

// shortIdle is the longest silence that is not tried twice before it is told.
const shortIdle = time.Second

func idleDropped(m *matrix) []finding {
	for _, a := range m.ways {
		l := m.at(a.from, a.to)
		if l == nil || l.Idle != Bad || l.TCP != TCPGood {
			continue
		}
		s := m.spreadOf(func(a arrow) way {
			l, back := m.at(a.from, a.to), m.at(a.to, a.from)
			switch {
			case l == nil || l.Idle == Untested || l.TCP != TCPGood:
				return unknown
			case l.Idle == Bad && l.IdleFor > shortIdle:
				return shut // that was tried twice
			case l.Idle == Bad && (back == nil || back.Idle == Untested):
				return unknown // one word may be lost by chance
			case l.Idle == Bad && back.Idle == Bad:
				return shut
			}
			return open
		})
		return s.findings(m, said("a connection that was silent for %v carried nothing any more, a fresh one is answered", l.IdleFor.Round(time.Second)))
	}
	return nil
}

// findings puts one evidence to all that a spread says.
func (s *spread) findings(m *matrix, evidence string) []finding {
	var list []finding
	if s.all && len(m.reports) == 1 && len(m.names) > 2 { // what is wrong is near it
		return []finding{at(m.reports[0].Host, evidence, "all that it sends")}
	}
	if s.all && len(m.names) > 2 {
		return []finding{{evidence: []string{evidence}}}
	}
	if s.all { // of two hosts, both ways: there is no more to be said of it
		a := m.ways[0]
		return []finding{between(a, evidence+", both ways")}
	}
	for _, h := range s.from {
		scope := "all that it sends"
		if s.saysTo(h) {
			scope = "all that it sends and all that is sent to it"
		}
		list = append(list, at(h, evidence, scope))
	}
	for _, h := range s.to {
		if !s.saysFrom(h) {
			list = append(list, at(h, evidence, "all that is sent to it"))
		}
	}
	for _, a := range s.rest {
		list = append(list, between(a, evidence))
	}
	return list
}
