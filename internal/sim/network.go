package sim

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
)

// link is the way from one machine to another; each direction has its own.
// Faults add to its fields when they begin and take away when they end, so
// that overlapping ones compose.
type link struct {
	cuts      int32
	loss, dup int32
	// bent of the frames are changed on their way.
	bent  int32
	extra time.Duration
	// clogged: what is sent now arrives no earlier.
	clogged views.Instant
	// last is the latest arrival so far: without reordering none comes before it.
	last     views.Instant
	inflight int32
	// mtu, if not 0, is the longest frame that passes.
	mtu int32
}

// network carries frames between machines. Multicast is a path of its own: it
// can be blocked on a host while unicast works, and one loss at the sender
// loses it for all.
type network struct {
	w        *World
	r        *rand.Rand
	bends    *rand.Rand
	links    []link
	stride   int
	delayMin time.Duration
	mean     time.Duration
	// multicastOut and multicastIn are the machines whose multicast is blocked.
	multicastOut, multicastIn HostSet
	// multicastAlone are those whose unicast is.
	multicastAlone HostSet
	// gate, if set, decides the fate of each frame first (scenarios).
	gate func(from, to int, frame []byte) Fate
}

// Fate is what a scenario's gate does with a frame.
type Fate uint8

// Fates of a frame.
const (
	Pass Fate = iota
	Drop
	// Hold: the gate has copied the frame and will inject it later.
	Hold
)

func newNetwork(w *World, machines int) *network {
	n := &network{
		w: w, r: newStream(w.opts.Seed, "net", 0), bends: newStream(w.opts.Seed, "bends", 0), stride: machines + 1,
		delayMin: w.opts.DelayMin, mean: w.opts.DelayMean,
	}
	n.links = make([]link, n.stride*n.stride)
	n.restore(allHosts(machines))
	return n
}

func (n *network) link(from, to int) *link { return &n.links[from*n.stride+to] }

// restore gives the links among the machines of set their nature as drawn for the seed.
func (n *network) restore(set HostSet) {
	for _, a := range set.Numbers() {
		for _, b := range set.Numbers() {
			l := n.link(a, b)
			*l = link{
				loss: int32(n.w.opts.Loss), dup: int32(n.w.opts.Dup),
				last: l.last, inflight: l.inflight,
			}
		}
		n.multicastOut &^= 1 << a
		n.multicastIn &^= 1 << a
		n.multicastAlone &^= 1 << a
	}
}

// addrOf gives the address of a machine: 10.77.0.0 plus its number.
func addrOf(number int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(number)}), 7749)
}

// machineAt gives the machine that has an address, or 0: no map on this path.
func (n *network) machineAt(a netip.AddrPort) int {
	if !a.Addr().Is4() || a.Port() != 7749 {
		return 0
	}
	b := a.Addr().As4()
	if b[0] != 10 || b[1] != 77 || b[2] != 0 || int(b[3]) >= n.stride {
		return 0
	}
	return int(b[3])
}

// send carries one packet of an engine's output.
func (n *network) send(from int, p *engine.Packet) {
	w := n.w
	w.stats.FramesSent++
	w.stats.BytesSent += uint64(len(p.Frame))
	w.note(hashFrame, uint64(from), uint64(checksum(p.Frame)))
	if len(p.Frame) > views.DatagramMax {
		w.cover.hit(coverTooLong)
		return
	}
	if w.opts.Sealed != 0 {
		w.hosts[from].judgeFrame(p)
		w.recorder.note(from, p)
	}
	id := w.frames.put(p.Frame)
	switch {
	case p.Scope == engine.Direct:
		if len(p.To) > 0 {
			n.route(from, n.machineAt(p.To[0]), id)
		}
	case w.opts.Multicast != 0:
		n.multicast(from, id)
	case p.Scope == engine.All:
		for _, to := range p.To {
			n.route(from, n.machineAt(to), id)
		}
	default:
		n.seek(from, id)
	}
	w.frames.release(id)
}

// seek sends to the configured peers.
func (n *network) seek(from int, id uint32) {
	for to := 1; to < n.stride; to++ {
		if n.knows(from, to) {
			n.route(from, to, id)
		}
	}
}

// knows reports whether machine to is among the configured peers of from.
func (n *network) knows(from, to int) bool {
	if n.w.opts.Star != 0 {
		return to == 1
	}
	return to != from
}

// multicast sends to every machine that listens, whoever it is.
func (n *network) multicast(from int, id uint32) {
	if n.multicastOut.Has(from) || chance(n.r, n.w.opts.SenderLoss) {
		n.w.cover.hit(coverMulticastLost)
		return
	}
	n.w.frames.frames[id].multicast = true
	for to := 1; to < n.stride; to++ {
		if to == from && n.w.opts.Loopback == 0 || n.multicastIn.Has(to) {
			continue
		}
		n.route(from, to, id)
	}
}

// route puts a frame on the way from one machine to another, or loses it.
func (n *network) route(from, to int, id uint32) {
	if to == 0 {
		n.w.cover.hit(coverNobody)
		return
	}
	l := n.link(from, to)
	frame := n.w.frames.frames[id].bytes
	if n.gate != nil {
		switch n.gate(from, to, frame) {
		case Drop, Hold:
			return
		case Pass:
		}
	}
	switch {
	case l.cuts > 0, (n.multicastAlone.Has(from) || n.multicastAlone.Has(to)) && from != to && !n.w.frames.frames[id].multicast:
		n.w.cover.hit(coverCut)
		return
	case l.mtu > 0 && len(frame) > int(l.mtu):
		n.w.cover.hit(coverMTU)
		return
	case int64(l.inflight) >= n.w.opts.Inflight:
		n.w.cover.hit(coverFull)
		return
	case chance(n.r, int64(l.loss)) && from != to:
		n.w.cover.hit(coverLost)
		return
	}
	if chance(n.bends, int64(l.bent)) && from != to {
		id = n.bend(id)
		defer n.w.frames.release(id)
	}
	n.travel(l, from, to, id, n.w.now.Add(n.delay(l)))
	if chance(n.r, int64(l.dup)) {
		n.w.cover.hit(coverDuplicated)
		again := n.w.now.Add(n.delay(l) + exponential(n.r, n.w.opts.Replay))
		l.inflight++
		n.w.frames.retain(id)
		n.w.heap.push(event{at: again, kind: evFrame, host: uint16(to), from: uint16(from), arg: id})
	}
}

// bend gives a copy of a frame of which some bytes are others, and some are missing
// at times. A checksum, where there is one, is made right again by chance.
func (n *network) bend(id uint32) uint32 {
	n.w.cover.hit(coverBent)
	b := slices.Clone(n.w.frames.frames[id].bytes)
	if chance(n.bends, 100_000) {
		b = b[:n.bends.IntN(len(b))+1]
	}
	for range between(n.bends, 1, 4) {
		b[n.bends.IntN(len(b))] ^= byte(between(n.bends, 1, 255))
	}
	if h, err := wire.DecodeHeader(b); err == nil && !h.Sealed && chance(n.bends, 500_000) {
		wire.Sum(b)
	}
	bent := n.w.frames.put(b)
	n.w.frames.frames[bent].bent, n.w.frames.frames[bent].multicast = true, n.w.frames.frames[id].multicast
	return bent
}

func (n *network) delay(l *link) time.Duration {
	return n.delayMin + l.extra + exponential(n.r, n.mean)
}

// travel schedules the arrival, in order unless this frame may overtake.
func (n *network) travel(l *link, from, to int, id uint32, at views.Instant) {
	switch {
	case at >= l.last:
		l.last = at
	case chance(n.r, n.w.opts.Reorder):
		n.w.cover.hit(coverReordered)
	default:
		at = l.last
	}
	if at < l.clogged {
		n.w.cover.hit(coverClogged)
		at = l.clogged
	}
	l.inflight++
	n.w.frames.retain(id)
	n.w.heap.push(event{at: at, kind: evFrame, host: uint16(to), from: uint16(from), arg: id})
}

// inject delivers bytes now, past every fault: a held frame released.
func (n *network) inject(from, to int, b []byte) *frame {
	id := n.w.frames.put(b)
	n.link(from, to).inflight++
	n.w.heap.push(event{at: n.w.now, kind: evFrame, host: uint16(to), from: uint16(from), arg: id})
	return &n.w.frames.frames[id]
}

// arrive hands a frame to whatever runs at its address now.
func (n *network) arrive(e *event) {
	w := n.w
	n.link(int(e.from), int(e.host)).inflight--
	h := w.hosts[e.host]
	switch {
	case h.proc == nil:
		w.cover.hit(coverNobody)
	case h.proc.paused:
		h.proc.queue(queued{kind: evFrame, from: e.from, arg: e.arg}, int(w.opts.Inbox))
		return
	default:
		h.receive(int(e.from), e.arg, false)
	}
	w.frames.release(e.arg)
}

// reaches reports whether packets can go both ways between two machines: what
// a TCP connection needs.
func (n *network) reaches(a, b int) bool {
	return n.link(a, b).cuts == 0 && n.link(b, a).cuts == 0
}

// cut drops, from now on, what the hosts of a send to those of b.
func (n *network) cut(a, b HostSet, by int32) {
	n.each(a, b, func(l *link) { l.cuts += by })
}

// each visits the links from a to b, none from a machine to itself.
func (n *network) each(a, b HostSet, do func(*link)) {
	for _, from := range a.Numbers() {
		for _, to := range b.Numbers() {
			if from != to && from < n.stride && to < n.stride {
				do(n.link(from, to))
			}
		}
	}
}

// touching visits the links that start or end in a.
func (n *network) touching(a HostSet, do func(*link)) {
	all := allHosts(n.stride - 1)
	n.each(a, all, do)
	n.each(all&^a, a, do)
}
