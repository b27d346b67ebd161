package transporttest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Patience is how long the suite waits for what must come.
const Patience = 20 * time.Second

// HostsMax is the largest number of transports the suite opens from one factory.
const HostsMax = 8

// Factory opens transports that can reach each other and nobody else.
type Factory struct {
	// Open gives host i (0..HostsMax-1) of the factory, running as process
	// self. Its address depends on i alone. The suite closes it.
	Open func(t *testing.T, i int, self views.Process, nonce uint64) (transport.Transport, error)
	// Tethered says that the transport gives evidence.
	Tethered bool
	// Blind says that it has no way to those whose address is not known: Seek
	// reaches nobody.
	Blind bool
	// Multicast says that what is for all goes by multicast, and that is told of
	// what arrives.
	Multicast bool
	// Settled, where set, waits until the hosts that are open, all of which receive,
	// can send to each other without a detour that ends soon.
	Settled func()
}

// Process gives the process that the suite runs as host i.
func Process(i int, incarnation views.Incarnation) views.Process {
	public := Identity(i).Public().(ed25519.PublicKey)
	return views.Process{Host: views.HostIDOf(public), Incarnation: incarnation}
}

// Identity is the key of host i.
func Identity(i int) ed25519.PrivateKey {
	var seed [ed25519.SeedSize]byte
	binary.BigEndian.PutUint64(seed[:], uint64(i)+1)
	return ed25519.NewKeyFromSeed(seed[:])
}

// MemoryAddr is the address of host i on a network in memory.
func MemoryAddr(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i) + 1}), 7749)
}

// Memory gives the factory of a network in memory, whose transports open opens.
func Memory(open func(addr netip.AddrPort, self views.Process) (transport.Transport, error)) Factory {
	return Factory{
		Tethered: true,
		Open: func(_ *testing.T, i int, self views.Process, _ uint64) (transport.Transport, error) {
			return open(MemoryAddr(i), self)
		},
	}
}

var networks atomic.Uint32

// LoopbackNet gives a function from host number, up to 1,022, to an address in
// 127.0.0.0/8 and a port that no other call in this process, and hardly any
// other process, uses: so tests on sockets need not search for free ports,
// which another may take between finding and binding.
func LoopbackNet(t testing.TB) func(i int) netip.AddrPort {
	t.Helper()
	n := networks.Add(1)
	if n > 10_000 {
		t.Fatal("transporttest: a process has 10,000 loopback networks")
	}
	// From the top: 127, a one, 13 bits process, 10 bits host.
	base := 127<<24 | 1<<23 | uint32(os.Getpid())%(1<<13)<<10
	return func(i int) netip.AddrPort {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], base+uint32(i)+1)
		return netip.AddrPortFrom(netip.AddrFrom4(b), uint16(15_000+n)) // below the ephemeral ports
	}
}

// OneAddress gives hosts one address of a loopback net, and ports of their own:
// several daemons of one machine.
func OneAddress(net func(i int) netip.AddrPort) func(i int) netip.AddrPort {
	// A port in steps of the suite's hosts, still below the ephemeral ones.
	first := 25_000 + (int(net(0).Port())-15_000)*HostsMax%5_000
	return func(i int) netip.AddrPort { return netip.AddrPortFrom(net(0).Addr(), uint16(first+i)) }
}

// MulticastGroup gives a group address for tests on one machine, with the
// port of a loopback net, so that each net hears only itself.
func MulticastGroup(net func(i int) netip.AddrPort) netip.AddrPort {
	b := net(0).Addr().As4()
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192 | b[1]&1, b[2], b[3]}), net(0).Port())
}

// host is an open transport with a goroutine that receives.
type host struct {
	transport.Transport
	i      int
	self   views.Process
	frames chan transport.Inbound
	ended  chan error
}

// suite is one test of the suite.
type suite struct {
	*testing.T
	f Factory
}

func (s *suite) open(i int) *host { return s.reopen(i, 1, uint64(i)+100) }

func (s *suite) reopen(i int, incarnation views.Incarnation, nonce uint64) *host {
	s.Helper()
	self := Process(i, incarnation)
	tr, err := s.f.Open(s.T, i, self, nonce)
	if err != nil {
		s.Fatalf("open host %d: %v", i, err)
	}
	h := &host{Transport: tr, i: i, self: self, frames: make(chan transport.Inbound, 4096), ended: make(chan error, 1)}
	go h.receive()
	s.Cleanup(func() { s.shut(h) })
	if s.f.Settled != nil {
		s.f.Settled()
	}
	return h
}

func (s *suite) openAll(n int) []*host {
	s.Helper()
	var hosts []*host
	for i := range n {
		hosts = append(hosts, s.open(i))
	}
	return hosts
}

// shut closes a host and waits until its receiver has ended.
func (s *suite) shut(h *host) {
	s.Helper()
	if err := h.Close(); err != nil {
		s.Errorf("close host %d: %v", h.i, err)
	}
	select {
	case err := <-h.ended:
		h.ended <- err
	case <-time.After(Patience):
		s.Fatalf("host %d: Receive did not return after Close", h.i)
	}
}

// receive hands copies of what comes to the test, up to what the test can hold.
func (h *host) receive() {
	batch := NewBatch(3)
	for {
		n, err := h.Receive(batch)
		if err != nil {
			h.ended <- err
			return
		}
		for i := range batch[:n] {
			for frame := range batch[i].Frames() {
				h.take(&batch[i], frame)
			}
		}
	}
}

func (h *host) take(in *transport.Inbound, frame []byte) {
	select {
	case h.frames <- transport.Inbound{From: in.From, Buf: bytes.Clone(frame), N: len(frame), Multicast: in.Multicast}:
	default:
	}
}

// NewBatch gives a batch of n buffers of the size that Receive wants.
func NewBatch(n int) []transport.Inbound {
	batch := make([]transport.Inbound, n)
	for i := range batch {
		batch[i].Buf = make([]byte, views.DatagramMax)
	}
	return batch
}

func (s *suite) next(h *host) transport.Inbound {
	s.Helper()
	select {
	case in := <-h.frames:
		return in
	case <-time.After(Patience):
		s.Fatalf("host %d: no frame came", h.i)
		return transport.Inbound{}
	}
}

// nothingMore checks that no further frame waits at h. A frame sent behind on
// the same way has come already, so there is nothing to wait for.
func (s *suite) nothingMore(h *host) {
	s.Helper()
	select {
	case in := <-h.frames:
		s.Errorf("host %d: a frame of %d bytes from %v came besides", h.i, in.N, in.From)
	default:
	}
}

// await reads evidence until found is said of p; it returns what came before.
func (s *suite) await(h *host, p views.Process, found message.Evidence) (before []message.Evidence) {
	s.Helper()
	limit := time.After(Patience)
	for {
		select {
		case e, open := <-h.Evidence():
			switch {
			case !open:
				s.Fatalf("host %d: evidence ended before Close", h.i)
			case e.Process == p && e.Found == found:
				return before
			case e.Process == p:
				before = append(before, e.Found)
			}
		case <-limit:
			s.Fatalf("host %d: %v was not found %v; before came %v", h.i, p, found, before)
		}
	}
}

// awaitCount reads evidence until found was said of n processes; it returns
// what was said last of each.
func (s *suite) awaitCount(h *host, found message.Evidence, n int) map[views.Process]message.Evidence {
	s.Helper()
	last := map[views.Process]message.Evidence{}
	limit := time.After(Patience)
	for count := 0; count < n; {
		select {
		case e := <-h.Evidence():
			last[e.Process] = e.Found
			if e.Found == found {
				count++
			}
		case <-limit:
			s.Fatalf("host %d: want %d found %v, have %v", h.i, n, found, last)
		}
	}
	return last
}
