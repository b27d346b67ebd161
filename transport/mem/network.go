package mem

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/evidence"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Network connects the transports opened on it. Any goroutine may use it.
type Network struct {
	mu    sync.Mutex
	ports map[netip.AddrPort]*Transport
	cut   map[link]bool
	loss  func(from, to netip.AddrPort, frame []byte) bool
}

// link is one direction between two addresses.
type link struct{ from, to netip.AddrPort }

// NewNetwork gives a network without faults.
func NewNetwork() *Network {
	return &Network{ports: make(map[netip.AddrPort]*Transport), cut: make(map[link]bool)}
}

// Open gives the transport of a process at an address that nobody else has.
func (n *Network) Open(addr netip.AddrPort, self views.Process) (*Transport, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ports[addr] != nil {
		return nil, fmt.Errorf("mem: %v is in use by %v", addr, n.ports[addr].self)
	}
	t := &Transport{
		network: n, addr: addr, self: self,
		found: evidence.NewQueue(),
		wake:  make(chan struct{}, 1),
		done:  make(chan struct{}),
	}
	n.ports[addr] = t
	n.eachWatcher(addr, func(w *Transport, target transport.Target) { w.meet(target, t) })
	return t, nil
}

// Cut stops the frames of one direction, and what tethers would see; Heal undoes it.
func (n *Network) Cut(from, to netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[link{from, to}] = true
}

// Heal opens one direction again.
func (n *Network) Heal(from, to netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cut, link{from, to})
}

// HealAll opens every direction again.
func (n *Network) HealAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
}

// Partition cuts every link between different sides, both ways; addresses that
// are on no side keep their links.
func (n *Network) Partition(sides ...[]netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, side := range sides {
		for _, other := range sides[i+1:] {
			for _, a := range side {
				for _, b := range other {
					n.cut[link{a, b}], n.cut[link{b, a}] = true, true
				}
			}
		}
	}
}

// SetLoss sets a hook that is asked for every frame and says whether to lose
// it; nil removes it. The hook must not call the network.
func (n *Network) SetLoss(lose func(from, to netip.AddrPort, frame []byte) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = lose
}

// route gives the receiver of a frame, or nil if it is lost. The caller holds n.mu.
func (n *Network) route(from *Transport, to netip.AddrPort, frame []byte) *Transport {
	if n.cut[link{from.addr, to}] || n.loss != nil && n.loss(from.addr, to, frame) {
		from.tally.Drop(transport.DropLabCut, 1)
		return nil
	}
	return n.ports[to]
}

// others lists the other addresses in a fixed order. The caller holds n.mu.
func (n *Network) others(than netip.AddrPort) []netip.AddrPort {
	var out []netip.AddrPort
	for a := range n.ports {
		if a != than {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

// eachWatcher calls f for everybody who watches the address over a link that
// is not cut. The caller holds n.mu.
func (n *Network) eachWatcher(addr netip.AddrPort, f func(w *Transport, target transport.Target)) {
	for at, w := range n.ports {
		if n.cut[link{at, addr}] || n.cut[link{addr, at}] {
			continue
		}
		for _, target := range w.targets {
			if target.Addr == addr {
				f(w, target)
			}
		}
	}
}

// gone takes a closed transport out and tells those who tethered it.
func (n *Network) gone(t *Transport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.ports, t.addr)
	n.eachWatcher(t.addr, func(w *Transport, target transport.Target) {
		if target.Process == t.self {
			w.found.Report(target.Process, message.EvidenceClosed)
			w.found.Report(target.Process, message.EvidenceRefused)
		}
	})
}
