package gms_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// bytesOut is what all hosts have sent.
func (l *lan) bytesOut() (bytes uint64) {
	for _, h := range l.hosts {
		s := h.Stats().Transport
		bytes += s.UnicastOut.Bytes + s.MulticastOut.Bytes
	}
	return bytes
}

// passerby says something once in a while that has no key of the group, and is gone.
func (l *lan) passerby(at, id byte, frame func(self views.Process) []byte, say func(tr transport.Transport, frame []byte) error) int {
	l.t.Helper()
	self := views.Process{Host: views.HostID{9, id}, Incarnation: 1}
	tr, err := l.net.Open(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, at}), 1), self)
	if err != nil {
		l.t.Fatal(err)
	}
	defer tr.Close()
	bytes := frame(self)
	if err := say(tr, bytes); err != nil {
		l.t.Fatal(err)
	}
	return len(bytes)
}

// ofAnotherGroup is a frame of another group, toFirst sends it to the first host.
func ofAnotherGroup(self views.Process) []byte {
	frame := append(wire.AppendHeader(nil, message.Header{Group: 12345, From: self, Nonce: 1}), make([]byte, 64)...)
	wire.Sum(frame)
	return frame
}

func toFirst(tr transport.Transport, frame []byte) error { return tr.Send(frame, addrOf(1)) }

// ofAnotherKey is a frame of the group that is sealed otherwise, toAll seeks with it.
func ofAnotherKey(self views.Process) []byte {
	frame := wire.AppendSealedHeader(nil, message.Header{Group: engine.GroupHash("g"), From: self, Nonce: 1}, 99, 1)
	return append(frame, make([]byte, 40)...)
}

func toAll(tr transport.Transport, frame []byte) error { return tr.Seek(frame) }

// One datagram every four seconds of somebody who has no key, from another address each
// time, costs the group next to nothing and is no diagnosis.
func TestOneDatagramOfAStranger(t *testing.T) {
	for _, test := range []struct {
		name  string
		frame func(views.Process) []byte
		say   func(transport.Transport, []byte) error
	}{{"unicast", ofAnotherGroup, toFirst}, {"multicast", ofAnotherKey, toAll}} {
		t.Run(test.name, func(t *testing.T) {
			onLANWith(t, 8, func(c *gms.Config) { c.Group = "g" }, func(t *testing.T, l *lan) {
				time.Sleep(30 * time.Second)
				before := l.bytesOut()
				time.Sleep(time.Minute)
				rest, sent := l.bytesOut()-before, 0
				before = l.bytesOut()
				for i := range byte(15) {
					sent += l.passerby(i+1, i, test.frame, test.say)
					time.Sleep(4 * time.Second)
				}
				more := int(l.bytesOut()-before) - int(rest)
				t.Logf("a minute at rest %d bytes, with %d bytes of a stranger %d more", rest, sent, more)
				if more > int(rest)/5+100*sent { // each of the eight answers, and there may be a sample more
					t.Errorf("%d bytes of a stranger had the group send %d bytes more", sent, more)
				}
				for _, h := range l.hosts {
					l.expectDiagnosis(h)
				}
			})
		})
	}
}

// expectDiagnosis: a host says these causes, and no other.
func (l *lan) expectDiagnosis(h *gms.Host, want ...string) {
	l.t.Helper()
	status, err := h.Status(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	var got []string
	for _, v := range status.Verdicts {
		got = append(got, v.String())
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		l.t.Errorf("it says %q, want %q", got, want)
	}
}

// Who goes on is named within fifteen seconds, by the host that meets it and as one place,
// whoever else says something once; and that is over when it is gone.
func TestAStrangerIsNamed(t *testing.T) {
	onLANWith(t, 3, func(c *gms.Config) { c.Group = "g" }, func(t *testing.T, l *lan) {
		for i := range byte(12) {
			l.passerby(200, 200, ofAnotherGroup, toFirst)
			for j := range byte(20) { // of so many some are told of
				l.passerby(1+j*i%100, j, ofAnotherKey, toFirst)
			}
			time.Sleep(time.Second)
		}
		l.expectDiagnosis(l.hosts[0], "group-differs: a stranger -> h1", "not-sealed: a stranger -> h1")
		l.expectDiagnosis(l.hosts[1])
		d, err := l.hosts[1].Diagnose(t.Context(), false)
		if err != nil || len(d.Verdicts) != 2 || !strings.Contains(d.Verdicts[0].Evidence[0], "10.0.1.200:1") {
			t.Errorf("asked together they say %v, %v", d.Verdicts, err)
		}
		time.Sleep(time.Minute)
		l.expectDiagnosis(l.hosts[0])
	})
}

// whatComesToAll is a transport on which all that comes has come to all.
type whatComesToAll struct{ transport.Transport }

func (w whatComesToAll) Receive(batch []transport.Inbound) (int, error) {
	n, err := w.Transport.Receive(batch)
	for i := range n {
		batch[i].Multicast = true
	}
	return n, err
}

// A host in the wrong group hears the right one by multicast: it says so while it is alone.
// With others of its own group it does not, since two groups may share an address.
func TestAnotherGroupIsNamedWhereAHostIsAlone(t *testing.T) {
	wrong := func(c *gms.Config) {
		c.Group = "wrong"
		open := c.NewTransport
		c.NewTransport = func(self views.Process) (transport.Transport, error) {
			tr, err := open(self)
			return whatComesToAll{tr}, err
		}
	}
	onLANWith(t, 1, wrong, func(t *testing.T, l *lan) {
		hear := func(seconds int) {
			for i := range seconds {
				l.passerby(200, byte(i), ofAnotherGroup, toAll)
				time.Sleep(time.Second)
			}
		}
		hear(4)
		l.expectDiagnosis(l.hosts[0])
		hear(10)
		l.expectDiagnosis(l.hosts[0], "group-differs: a stranger -> h1")
		cfg := configOf(l.net, l.dir, 2)
		wrong(&cfg)
		h, err := gms.Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		l.hosts = append(l.hosts, h)
		l.meet(2)
		hear(2)
		l.expectDiagnosis(l.hosts[0])
		hear(12)
		l.expectDiagnosis(l.hosts[0])
		l.expectDiagnosis(l.hosts[1])
	})
}

// Whoever may only look does not have the group examine itself a hundred times at once: all
// who ask get an answer of one question.
func TestManyAskForADiagnosis(t *testing.T) {
	onLAN(t, 8, func(t *testing.T, l *lan) {
		time.Sleep(30 * time.Second)
		cost := func(n int, full bool) uint64 {
			before := l.bytesOut()
			for range n {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
				_, _ = l.hosts[0].Diagnose(ctx, full) // who is gone has asked, too
				cancel()
			}
			time.Sleep(10 * time.Second)
			return l.bytesOut() - before
		}
		for _, full := range []bool{false, true} {
			one, many := cost(1, full), cost(500, full)
			t.Logf("full %v: one %d bytes, 500 within a second %d", full, one, many)
			if many > 2*one {
				t.Errorf("full %v: %d bytes for one, %d for 500 who ask within a second and go", full, one, many)
			}
		}
		answers := make(chan error)
		began := time.Now()
		for range 100 {
			go func() {
				d, err := l.hosts[0].Diagnose(t.Context(), true)
				if err == nil && len(d.Reports) != 8 {
					t.Errorf("%d reports", len(d.Reports))
				}
				answers <- err
			}()
		}
		for range 100 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > 7*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A transport of the program's own has no connections that could be tried: nothing is said
// of them.
func TestBeforeWithATransportOfOnesOwn(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		net := mem.NewNetwork()
		h, err := gms.Start(t.Context(), configOf(net, dir, 1))
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		cfg := configOf(net, dir, 2)
		cfg.Peers = []string{addrOf(1).String()}
		b, err := gms.ExamineBefore(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Peers) != 1 || b.Peers[0] != addrOf(1) || len(b.Verdicts) > 0 {
			t.Errorf("it has examined %v, and says %v", b.Peers, b.Verdicts)
		}
		if h.View().View.Size() != 1 {
			t.Error("it was let in")
		}
	})
}
