package gms

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// bystander is a transport that says nothing to all and reads nothing of what others say to
// all: who uses it asks and is answered, and nobody invites it.
type bystander struct {
	transport.Transport
	mu    sync.Mutex
	heard map[netip.AddrPort]views.HostID
}

// heardMost bounds whose multicast is remembered.
const heardMost = views.MembersMax

// SendAll sends nothing.
func (*bystander) SendAll([]byte, []netip.AddrPort) error { return nil }

// Seek sends nothing.
func (*bystander) Seek([]byte) error { return nil }

// SendBatch sends what is for one.
func (t *bystander) SendBatch(batch []transport.Outbound) error {
	one := make([]transport.Outbound, 0, len(batch))
	for _, o := range batch {
		if !o.All && len(o.To) == 1 {
			one = append(one, o)
		}
	}
	return t.Transport.SendBatch(one)
}

// Receive gives what came to this host alone, and notes who speaks to all. What it does
// not give has no bytes.
func (t *bystander) Receive(batch []transport.Inbound) (int, error) {
	n, err := t.Transport.Receive(batch)
	for i := range batch[:n] {
		if in := &batch[i]; in.Multicast {
			t.note(in)
			in.N, in.Segment = 0, 0
		}
	}
	return n, err
}

func (t *bystander) note(in *transport.Inbound) {
	for frame := range in.Frames() {
		h, err := wire.DecodeHeader(frame)
		t.mu.Lock()
		if err == nil && len(t.heard) < heardMost {
			t.heard[in.From] = h.From.Host
		}
		t.mu.Unlock()
	}
}

// heardFrom is whose multicast came from an address, zero: none did.
func (t *bystander) heardFrom(at netip.AddrPort) views.HostID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.heard[at]
}

func (t *bystander) allHeard() (list []netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for at := range t.heard { // order-free: sorted below
		list = append(list, at)
	}
	slices.SortFunc(list, netip.AddrPort.Compare)
	return list
}

// nothings has a host hear itself: it sends frames that are for nobody.
type nothings struct {
	transport.Multicaster
	tr transport.Transport
}

// HearsItself says something to nobody until it is heard.
func (n *nothings) HearsItself(ctx context.Context, most time.Duration) (heard bool, said uint64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var speaking sync.WaitGroup
	speaking.Go(func() {
		ticker := time.NewTicker(listenedFor / 10)
		defer ticker.Stop()
		frame := wire.AppendHeader(nil, message.Header{Group: random(), From: views.Process{Host: views.HostID{1}, Incarnation: 1}})
		wire.Sum(frame)
		for {
			select {
			case <-ticker.C:
				_ = n.tr.Seek(frame) // the next one may come
			case <-ctx.Done():
				return
			}
		}
	})
	defer speaking.Wait()
	defer cancel()
	return n.Multicaster.HearsItself(ctx, most)
}
