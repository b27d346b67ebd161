package mem

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/evidence"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Bounds of an inbox. What comes beyond them is dropped and counted.
const (
	// InboxMax bounds the frames that wait.
	InboxMax = 8192
	// InboxBytesMax bounds their bytes.
	InboxBytesMax = 16 << 20
)

// Transport is one port of a [Network]. Its methods are described at
// [transport.Transport].
type Transport struct {
	network *Network
	addr    netip.AddrPort
	self    views.Process
	found   *evidence.Queue
	tally   transport.Tally
	once    sync.Once
	wake    chan struct{} // something is in the inbox
	done    chan struct{} // closed

	targets []transport.Target // guarded by network.mu

	mu    sync.Mutex
	inbox []transport.Inbound // Buf is shared and never written
	bytes int
}

var (
	_ transport.Transport = (*Transport)(nil)
	_ transport.Counter   = (*Transport)(nil)
)

// Local is the address it was opened at.
func (t *Transport) Local() netip.AddrPort { return t.addr }

// Send puts a copy of frame into the receiver's inbox.
func (t *Transport) Send(frame []byte, to netip.AddrPort) error {
	return t.SendAll(frame, []netip.AddrPort{to})
}

// SendAll puts a copy of frame into every inbox of to.
func (t *Transport) SendAll(frame []byte, to []netip.AddrPort) error {
	if err := t.check(frame); err != nil {
		return err
	}
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.spread(frame, to)
	return nil
}

// SendBatch sends one frame after the other.
func (t *Transport) SendBatch(batch []transport.Outbound) error { return transport.SendEach(t, batch) }

// Seek sends to everybody on the network.
func (t *Transport) Seek(frame []byte) error {
	if err := t.check(frame); err != nil {
		return err
	}
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.spread(frame, t.network.others(t.addr))
	return nil
}

func (t *Transport) check(frame []byte) error {
	if t.isClosed() {
		return transport.ErrClosed
	}
	if len(frame) > views.DatagramMax {
		return transport.ErrTooLong
	}
	return nil
}

// spread delivers one copy to all. The caller holds network.mu.
func (t *Transport) spread(frame []byte, to []netip.AddrPort) {
	frame = bytes.Clone(frame)
	t.tally.Out(transport.Unicast, len(to), len(to)*len(frame))
	for _, a := range to {
		if receiver := t.network.route(t, a, frame); receiver != nil {
			receiver.accept(transport.Inbound{From: t.addr, Buf: frame, N: len(frame)})
		}
	}
}

func (t *Transport) accept(in transport.Inbound) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.inbox) == InboxMax || t.bytes+in.N > InboxBytesMax {
		t.tally.Drop(transport.DropReceiveBuffer, 1)
		return
	}
	t.inbox = append(t.inbox, in)
	t.bytes += in.N
	t.signal()
}

func (t *Transport) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Receive takes from the inbox.
func (t *Transport) Receive(batch []transport.Inbound) (int, error) {
	for len(batch) > 0 {
		if t.isClosed() {
			return 0, transport.ErrClosed
		}
		if n := t.take(batch); n > 0 {
			return n, nil
		}
		select {
		case <-t.wake:
		case <-t.done:
		}
	}
	return 0, nil
}

// take moves what fits into batch.
func (t *Transport) take(batch []transport.Inbound) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, taken := 0, 0
	for taken < len(t.inbox) && n < len(batch) {
		in := t.inbox[taken]
		taken++
		t.bytes -= in.N
		if in.N > len(batch[n].Buf) {
			t.tally.Drop(transport.DropTooLong, 1)
			continue
		}
		batch[n].From, batch[n].N, batch[n].Segment = in.From, copy(batch[n].Buf, in.Buf), 0
		batch[n].Multicast = false
		t.tally.In(transport.Unicast, 1, in.N)
		n++
	}
	t.inbox = slices.Delete(t.inbox, 0, taken)
	if len(t.inbox) > 0 {
		t.signal()
	}
	return n
}

// Watch replaces the watched processes.
func (t *Transport) Watch(targets []transport.Target) {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	before := t.targets
	t.targets = slices.DeleteFunc(slices.Clone(targets), func(target transport.Target) bool { return target.Process == t.self })
	t.found.Retain(func(p views.Process) bool {
		return slices.ContainsFunc(t.targets, func(target transport.Target) bool { return target.Process == p })
	})
	for _, target := range t.targets {
		there := t.network.ports[target.Addr]
		away := t.network.cut[link{t.addr, target.Addr}] || t.network.cut[link{target.Addr, t.addr}]
		if there != nil && !away && !slices.Contains(before, target) {
			t.meet(target, there)
		}
	}
}

// meet judges who is at a target's address. The caller holds network.mu.
func (t *Transport) meet(target transport.Target, there *Transport) {
	switch {
	case there.self == target.Process:
		t.found.Report(target.Process, message.EvidenceNone)
	case there.self.Host == target.Host && there.self.Incarnation > target.Incarnation:
		t.found.Report(target.Process, message.EvidenceReplaced)
	}
}

// Evidence gives what watching found.
func (t *Transport) Evidence() <-chan transport.Evidence { return t.found.Out() }

// Stats gives the counts. What the network lost counts at the sender.
func (t *Transport) Stats() transport.Stats { return t.tally.Stats() }

// Close leaves the network.
func (t *Transport) Close() error {
	t.once.Do(func() {
		close(t.done)
		t.network.gone(t)
		t.found.Close()
	})
	return nil
}

func (t *Transport) isClosed() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}
