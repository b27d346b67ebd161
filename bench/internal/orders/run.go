package orders

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

var (
	// ErrOrder: two hosts delivered in different orders.
	ErrOrder = errors.New("ErrOrder: hosts delivered in different orders")
	// ErrLost: not all that was sent was delivered everywhere.
	ErrLost = errors.New("ErrLost: not all was delivered")
)

const (
	// bufferWanted is the receive buffer asked for; the kernel may give less.
	bufferWanted = 4 << 20
	// datagramMax is the longest that UDP carries.
	datagramMax = 65507
	// drainWithin is how long what was sent may take to arrive.
	drainWithin = 5 * time.Second
	pollEvery   = time.Millisecond
)

// Options say what to measure.
type Options struct {
	// Kind is one of [Kinds], Hosts how many there are, 2 to 64.
	Kind  string
	Hosts int
	Load  Load
	// WarmUp goes before the window, in which is measured; without one that is open
	// from the first message on.
	WarmUp, Window time.Duration
	// PacketMax bounds a packet in bytes, in which one message has room anyway.
	PacketMax int
}

// Result is what was measured.
type Result struct {
	// Delivered is in messages a second and host.
	Delivered float64
	// Frames is what all hosts sent a second, a packet to all counted once.
	Frames float64
	// Busiest is the bytes in and out of the busiest host by those delivered to one.
	Busiest float64
	// Own and Others are latencies of a rate, sorted: from the submission to the
	// delivery at its sender, and elsewhere.
	Own, Others []time.Duration
}

// group is the hosts of one run.
type group struct {
	hosts       []*host
	ended, open atomic.Bool
	done        chan error
}

// Run measures one way under one load.
func Run(o Options) (r Result, err error) {
	g, err := start(o)
	if err != nil {
		return r, err
	}
	time.Sleep(o.WarmUp)
	g.open.Store(true)
	began, before := time.Now(), g.counts()
	time.Sleep(o.Window)
	took, after := time.Since(began).Seconds(), g.counts()
	g.open.Store(false)
	if err := g.stop(); err != nil {
		return r, fmt.Errorf("%s, %+v: %w", o.Kind, o.Load, err)
	}
	for i, h := range g.hosts {
		got, frames, bytes := after[i][0]-before[i][0], after[i][1]-before[i][1], after[i][2]-before[i][2]
		r.Delivered += got / took / float64(o.Hosts)
		r.Frames += frames / took
		r.Busiest = max(r.Busiest, bytes/max(1, got*float64(o.Load.Size)))
		r.Own, r.Others = append(r.Own, h.own...), append(r.Others, h.others...)
	}
	slices.Sort(r.Own)
	slices.Sort(r.Others)
	return r, nil
}

// counts are, by host: messages delivered, datagrams out, bytes out and in.
func (g *group) counts() (all [][3]float64) {
	for _, h := range g.hosts {
		all = append(all, [3]float64{float64(h.got.Load()), float64(h.frames.Load()), float64(h.bytes.Load())})
	}
	return all
}

// start opens the sockets and lets the hosts go.
func start(o Options) (g *group, err error) {
	kind := slices.Index(Kinds(), o.Kind)
	if kind < 0 || o.Hosts < 2 || o.Hosts > 64 || o.Load.Senders > o.Hosts {
		return nil, fmt.Errorf("no such run: %+v", o)
	}
	g = &group{done: make(chan error, o.Hosts)}
	peers := make([]net.Addr, o.Hosts)
	window := math.MaxInt
	for r := range peers {
		h, room, err := g.listen()
		if err != nil {
			g.close()
			return nil, err
		}
		peers[r], window = h.raw.LocalAddr(), min(window, room)
	}
	tag := uint16(g.hosts[0].raw.LocalAddr().(*net.UDPAddr).Port)
	for r, h := range g.hosts {
		h.desk, h.tag = deskFor(o, r, window), tag
		h.peers, h.orderer = peers, kinds[kind].make(h.desk)
		h.arrived = h.note
		for range batchMax {
			h.in = append(h.in, ipv4.Message{Buffers: [][]byte{h.blank()}})
		}
	}
	g.open.Store(o.WarmUp == 0)
	for _, h := range g.hosts {
		go func() { g.done <- h.run() }()
	}
	return g, nil
}

// listen adds a host with a socket, and gives its room: a quarter of the receive
// buffer, of which Linux tells the double.
func (g *group) listen() (h *host, room int, err error) {
	raw, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, 0, err
	}
	h = &host{raw: raw, conn: ipv4.NewPacketConn(raw), ended: &g.ended, open: &g.open}
	g.hosts = append(g.hosts, h)
	c, err := raw.SyscallConn()
	if err = errors.Join(err, raw.SetReadBuffer(bufferWanted), raw.SetWriteBuffer(bufferWanted)); err != nil {
		return nil, 0, err
	}
	var inner error
	err = c.Control(func(fd uintptr) {
		room, inner = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	return h, room / 8, errors.Join(err, inner)
}

// deskFor gives a host its share of the window, and what it sends.
func deskFor(o Options, rank, window int) *desk {
	l := o.Load
	s := source{size: max(l.Size, stampLen), next: time.Now(), endless: l.Count == 0}
	if rank >= o.Hosts-l.Senders {
		s.left = l.Count
		if s.endless {
			s.left = math.MaxInt
		}
	}
	if l.Rate > 0 {
		s.period = time.Second / time.Duration(l.Rate)
		s.next = s.next.Add(s.period * time.Duration(rank) / time.Duration(o.Hosts)) // one after another
	}
	share := window / max(1, l.Senders)
	packetMax := min(max(headerLen+lengthLen+s.size, min(o.PacketMax, share/4)), datagramMax)
	return newDesk(rank, o.Hosts, packetMax, share, s)
}

func (g *group) close() {
	for _, h := range g.hosts {
		h.raw.Close()
	}
}

// stop ends the load, waits until all is delivered, closes the sockets and holds
// the orders against each other.
func (g *group) stop() (err error) {
	g.ended.Store(true)
	drained := g.drained()
	for late := time.Now().Add(drainWithin); !drained && time.Now().Before(late); drained = g.drained() {
		time.Sleep(pollEvery)
	}
	g.close()
	for range g.hosts {
		err = errors.Join(err, <-g.done)
	}
	switch {
	case err != nil:
		return err
	case !drained:
		return ErrLost
	}
	return g.compare()
}

// drained reports whether everything sent was delivered by all.
func (g *group) drained() bool {
	var sent uint64
	for _, h := range g.hosts {
		if !h.idle.Load() {
			return false
		}
		sent += h.told.Load()
	}
	return !slices.ContainsFunc(g.hosts, func(h *host) bool { return h.got.Load() != sent })
}

func (g *group) compare() error {
	for _, h := range g.hosts {
		if h.digest != g.hosts[0].digest {
			return fmt.Errorf("%w: host 0 and %d", ErrOrder, h.rank)
		}
	}
	return nil
}
