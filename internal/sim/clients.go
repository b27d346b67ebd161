package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// clients are the ports of all hosts as the workload plays them: they join and
// leave groups, die, are cut, answer when they are asked to stop, or do not, and
// send in all orders. The driver's deadline cuts who does not answer.
type clients struct {
	w *World
	r *rand.Rand
	// long is what long messages are slices of; nobody may write to it.
	long []byte
	sum  uint32
	// steady: nobody joins, leaves or dies, so that what is wished can come true.
	steady bool
	names  []string
	// swift: no application falls behind any more.
	swift bool
	// gentle: nothing goes wrong with states any more.
	gentle bool
	// sr draws what concerns states; scratch is what is read of one, waitRoom what
	// may wait for one.
	sr       *rand.Rand
	scratch  []byte
	waitRoom int
	// cr draws what is said while groups change.
	cr *rand.Rand
}

// longMax bounds the messages of ports: hundreds of packets.
const longMax = 256 << 10

// readyMax is how long a port may take to answer, readyLimit when the driver cuts
// it: before the engine's own limit.
const (
	readyMax   = 300 * time.Millisecond
	readyLimit = time.Second
)

func newClients(w *World) clients {
	k := clients{w: w, r: newStream(w.opts.Seed, "clients", 0), sr: newStream(w.opts.Seed, "states", 0), cr: newStream(w.opts.Seed, "chatter", 0)}
	k.waitRoom = logBetween(k.sr, waitRoomLeast, waitRoomMost)
	if w.opts.Ports == 0 {
		k.waitRoom = waitRoomMost
		return k
	}
	k.long = make([]byte, w.opts.longMax()+4096)
	for i := 0; i+8 <= len(k.long); i += 8 {
		x := k.r.Uint64()
		for b := range 8 {
			k.long[i+b] = byte(x >> (8 * b))
		}
	}
	k.sum = checksum(k.long)
	k.names = append(k.names, groupNames[:]...)
	for n := len(k.names); n < int(w.opts.Names); n++ {
		k.names = append(k.names, fmt.Sprintf("group-%03d", n))
	}
	k.names = k.names[:max(1, min(int(w.opts.Names), len(k.names)))]
	return k
}

// act does one thing at one port of a running host.
func (k *clients) act(h *Host) {
	if !h.Running() {
		return
	}
	d := k.r.IntN(100)
	if k.steady {
		d = 99
	}
	q := k.some(h)
	switch {
	case k.w.opts.Slow > 0 && !k.steady && !k.swift && chance(k.r, k.w.opts.Slow):
		k.slowDown(h)
	case d < 30 || q == nil && !k.steady:
		k.join(h, q)
	case q == nil:
	case d < 38:
		k.leave(h, q, groups.Left)
	case d < 41:
		k.leave(h, q, groups.Cut)
	case d < 44:
		k.w.cover.hit(coverPortGone)
		h.portGone(q)
	default:
		k.send(h, q)
	}
}

// some draws a port of a host, or nil.
func (k *clients) some(h *Host) *port {
	if n := len(h.proc.ports); n > 0 {
		return h.proc.ports[k.r.IntN(n)]
	}
	return nil
}

// join lets a port, or a new one, into a group, in large worlds into many at once.
func (k *clients) join(h *Host, q *port) {
	o := &k.w.opts
	if q == nil || len(h.proc.ports) < int(o.Ports) && chance(k.r, 500_000) {
		q = h.newPort()
	}
	p := h.proc
	for range max(1, int(o.Names)/32) {
		group := k.names[k.r.IntN(len(k.names))]
		if h.proc == p && q.wanted(group) == nil {
			k.w.cover.hit(coverJoin)
			h.join(q, group, chance(k.r, o.Blocking), chance(k.sr, o.States))
			k.chatter(group)
		}
	}
}

func (k *clients) leave(h *Host, q *port, why groups.Why) {
	i := slices.IndexFunc(q.in, func(m *membership) bool { return m.wanted })
	if i < 0 {
		return
	}
	k.w.cover.hit(coverPart)
	p, group := h.proc, q.in[i].group
	h.part(q, group, why)
	k.chatter(group)
	if chance(k.r, 200_000) && h.proc == p {
		h.join(q, group, false, chance(k.sr, k.w.opts.States)) // before it is out
	}
}

// send sends one message or a few at once to a group of the port.
func (k *clients) send(h *Host, q *port) {
	var in []*membership
	for _, m := range q.in {
		if m.mayBeSent() {
			in = append(in, m)
		}
	}
	if len(in) == 0 {
		return
	}
	m := in[k.r.IntN(len(in))]
	order := views.Order(k.r.IntN(int(views.OrderEnd)))
	payloads := [][]byte{k.payload()}
	for chance(k.r, 300_000) && len(payloads) < 16 {
		payloads = append(payloads, k.payload())
	}
	p := h.proc
	h.sendFrom(q.number, m.group, order, payloads...)
	if chance(k.r, 20_000) && !k.steady && h.proc == p {
		h.part(q, m.group, groups.Left) // its last words stand before its leave
	}
}

// chatter lets members send while their group changes, mostly in FIFO order: what
// goes before the change must come before it everywhere.
func (k *clients) chatter(group string) {
	if k.steady || len(k.names) > chatterNames || !chance(k.cr, 300_000) {
		return
	}
	for _, h := range k.w.hosts[1:] {
		if !h.Running() {
			continue
		}
		for _, q := range h.proc.ports {
			for m := q.wanted(group); m != nil && chance(k.cr, 600_000); {
				k.later(h, h.proc, exponential(k.cr, k.w.opts.DelayMin+k.w.opts.DelayMean), func() { k.chat(h, q, m) })
			}
		}
	}
}

// chatterNames bounds the groups of a world in which there is chatter.
const chatterNames = 16

func (k *clients) chat(h *Host, q *port, m *membership) {
	if !m.mayBeSent() || !slices.Contains(h.proc.ports, q) || !slices.Contains(q.in, m) {
		return
	}
	order := views.FIFO
	if chance(k.cr, 200_000) {
		order = views.Order(k.cr.IntN(int(views.OrderEnd)))
	}
	size := logBetween(k.cr, 1, 8<<10)
	if chance(k.cr, 100_000) {
		size = logBetween(k.cr, 8<<10, k.w.opts.longMax())
	}
	payloads := [][]byte{k.long[:size:size]}
	for chance(k.cr, 300_000) {
		payloads = append(payloads, k.long[:size/8:size/8])
	}
	h.sendFrom(q.number, m.group, order, payloads...)
}

// payload draws a message: most are short, a few take many packets.
func (k *clients) payload() []byte {
	size := between(k.r, 0, k.w.opts.SizeMax)
	if chance(k.r, k.w.opts.Long) {
		size = logBetween[int64](k.r, 1400, int64(k.w.opts.longMax()))
	}
	from := k.r.IntN(4096)
	return k.long[from : from+int(size) : from+int(size)]
}

// answer lets a port answer that it has stopped, sooner or later or never.
func (k *clients) answer(h *Host, p *process, q *port, group string) {
	if k.w.opts.Ports == 0 {
		return // a film answers itself
	}
	m := q.wanted(group)
	if !chance(k.r, k.w.opts.Mute) {
		k.later(h, p, k.w.opts.prompt(time.Duration(k.r.Int64N(int64(readyMax)))), func() {
			if m.asked && slices.Contains(p.ports, q) && q.wanted(group) == m {
				h.ready(q, group)
			}
		})
		return
	}
	k.later(h, p, k.w.opts.prompt(readyLimit), func() {
		if m.asked && slices.Contains(p.ports, q) && q.wanted(group) == m {
			k.w.cover.hit(coverCutOff)
			h.part(q, group, groups.Cut)
		}
	})
}

// prompt is d at the scale of the timings where these are short.
func (o *Options) prompt(d time.Duration) time.Duration { return min(d, o.scaled(d)) }

// later runs do at a running process; a stopped one gets to it when it goes on.
func (k *clients) later(h *Host, p *process, d time.Duration, do func()) {
	k.w.after(d, func() {
		switch {
		case h.proc != p:
		case p.paused:
			k.later(h, p, 100*time.Millisecond, do)
		default:
			do()
		}
	})
}

// intact reports whether nobody has written to the payloads.
func (k *clients) intact() bool { return checksum(k.long) == k.sum }

// judge fails a world in which a port of set is not where it wants to be, once
// nothing has changed for long enough: in one view of its group together with
// exactly all others that want it, and not asked to be silent (GV7).
func (k *clients) judge(set HostSet) {
	wish := make(map[string][]groups.Member)
	k.each(set, func(h *Host, q *port, m *membership) {
		wish[m.group] = append(wish[m.group], groups.Member{Process: h.proc.id, Port: q.number})
	})
	k.each(set, func(h *Host, q *port, m *membership) {
		if want := wish[m.group]; !m.viewed || m.asked || !sameMembers(m.members, want) {
			k.w.fail("GV7", fmt.Sprintf("host %d: port %d of %q has a view: %t, is asked to be silent: %t; %d want to be in, its view is %v\n%s",
				h.number, q.number, m.group, m.viewed, m.asked, len(want), m.members, k.w.DescribeHosts()))
		}
	})
}

// each calls do for every membership that is wanted at hosts of set.
func (k *clients) each(set HostSet, do func(h *Host, q *port, m *membership)) {
	for _, number := range set.Numbers() {
		h := k.w.hosts[number]
		if h.proc == nil {
			continue
		}
		for _, q := range h.proc.ports {
			for _, m := range q.in {
				if m.wanted {
					do(h, q, m)
				}
			}
		}
	}
}

func sameMembers(are, want []groups.Member) bool {
	return len(are) == len(want) && !slices.ContainsFunc(want, func(m groups.Member) bool {
		return !slices.ContainsFunc(are, func(o groups.Member) bool { return o.Process == m.Process && o.Port == m.Port })
	})
}
