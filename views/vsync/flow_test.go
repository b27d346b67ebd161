package vsync_test

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// post submits so many messages of a port.
func (r *rig) post(order views.Order, n, size int) {
	for range n {
		r.core.Submit(r.now, vsync.Submission{Port: 1, Group: "g", Order: order, Payload: make([]byte, size)})
	}
	r.drain()
}

// data gives all packets sent.
func (r *rig) data() (all []*message.Data) {
	for _, s := range r.sent {
		if d, ok := s.Msg.(*message.Data); ok {
			all = append(all, d)
		}
	}
	return all
}

// A sender whose share is used up asks for acknowledgements a few times a share, not
// with each packet for which a bit of credit comes back.
func TestMarksAreFew(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a, c)
	r.core.Release(r.now)
	r.post(views.FIFO, 8000, 1000)
	first := mustSend[*message.Data](r)
	packets, marks := 0, 0
	for stable := views.StreamSeq(1); stable <= 500; stable++ { // one packet more is with all
		r.forget()
		r.now = r.now.Add(10 * time.Microsecond)
		r.from(a, &message.Stable{View: v, Have: []message.StreamPos{{Stream: first.Stream, Seq: stable}}, Room: 1 << 21})
		sent := r.data()
		packets += len(sent)
		for _, d := range sent {
			if d.Flags&message.AckNow != 0 {
				marks++
			}
		}
	}
	if packets < 400 || marks == 0 || marks > packets/20 {
		t.Errorf("%d of %d packets ask for an acknowledgement", marks, packets)
	}
}

// Long messages of one port do not wait for a round trip each: a member asks for
// several places, and once it has them sends all that they are for.
func TestPlacesForSeveralLongMessages(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a)
	r.core.Release(r.now)
	r.post(views.Agreed, 8, 8000)
	if q := mustSend[*message.Request](r); q.Want != 1 {
		t.Fatalf("asks for %d places while there is one message", q.Want)
	}
	r.from(a, &message.Grant{View: v, Ranges: []message.PlaceRange{{K: 1, Count: 1}}})
	if q := mustSend[*message.Request](r); q.Have != 1 || q.Want != 8 {
		t.Fatalf("has %d places and asks for %d", q.Have, q.Want)
	}
	r.from(a, &message.Grant{View: v, First: 1, Ranges: []message.PlaceRange{{K: 2, Count: 7}}})
	if n := r.core.Queued(1); n != 0 {
		t.Errorf("%d messages wait", n)
	}
}

// The coordinator grants places also once it has stopped sending itself.
func TestPlacesWhileTheCoordinatorHasStopped(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, a)
	v := r.lead(a, b, c)
	r.from(c, &message.Leave{View: v})
	r.run(100 * time.Millisecond)
	if r.core.Phase() != vsync.Flushing {
		t.Fatalf("%v", r.core.Phase())
	}
	r.forget()
	r.from(b, &message.Request{View: v, Want: 3})
	if g := mustSend[*message.Grant](r); len(g.Ranges) != 1 || g.Ranges[0].Count != 3 {
		t.Errorf("granted %+v", g)
	}
}

// rigOf is a rig with packets and a window of its own.
func rigOf(t *testing.T, self views.Member, packet, window int) *rig {
	t.Helper()
	return rigWith(t, vsync.Config{Self: self, PacketBytes: packet, Window: window})
}

// However small a sender's share is, what counts as a message of one packet goes in
// one. It went in none, for ever, or beyond the memory of the packet.
func TestShareBelowAMessage(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	for _, c := range []struct{ packet, payload int }{{1376, 1245}, {8000, 2000}, {60_000, 55_000}, {60_000, 61_000}, {60_000, 75_000}} {
		r := rigOf(t, b, c.packet, 256<<10)
		v := r.bring(10, b, a)
		r.core.Release(r.now)
		r.core.Submit(r.now, vsync.Submission{Port: 1, Group: "a group whose name is not short", Order: views.Agreed, Payload: make([]byte, c.payload)})
		r.drain()
		r.from(a, &message.Stable{View: v, Room: 0, Turn: 1})
		r.from(a, &message.Grant{View: v, Ranges: []message.PlaceRange{{K: 1, Count: 1}}})
		if lastSent[*message.Request](r) != nil && r.core.Queued(1) != 0 {
			t.Errorf("%d bytes in packets of %d: still waits for its place", c.payload, c.packet)
		}
		r.post(views.FIFO, 1, c.payload)
		r.from(a, &message.Stable{View: v, Room: 64 << 10, Turn: 2})
		for range 20 {
			have := []message.StreamPos{}
			for _, d := range r.data() {
				have = append(have, message.StreamPos{Stream: d.Stream, Seq: d.Seq})
			}
			r.from(a, &message.Stable{View: v, Have: have, Room: 64 << 10, Turn: 2})
			if q := lastSent[*message.Request](r); q != nil && q.Want > q.Have {
				r.from(a, &message.Grant{View: v, First: q.Have, Ranges: []message.PlaceRange{{K: 1, Count: 1}}})
			}
		}
		if n := r.core.Queued(1); n != 0 {
			t.Errorf("%d bytes in packets of %d: %d messages never go", c.payload, c.packet, n)
		}
	}
}

// A coordinator sends a control where a receiver takes nothing.
func TestControlWithoutRoom(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := rigOf(t, a, 60_000, 256<<10)
	v := r.lead(a, b)
	r.from(b, &message.Ack{View: v, Room: 0, Turn: 1})
	r.core.Submit(r.now, vsync.Submission{Order: views.Agreed, Payload: make([]byte, 2000)})
	r.drain()
	if len(r.data()) != 1 {
		t.Errorf("%d packets", len(r.data()))
	}
}

// Places for two messages of a port are used though others began long ones meanwhile.
func TestPlacesAreUsedBesideOthers(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	r := rigOf(t, b, 1300, 1<<20)
	v := r.bring(10, b, a)
	r.core.Release(r.now)
	submit := func(port uint32, size int) {
		r.core.Submit(r.now, vsync.Submission{Port: port, Group: "g", Order: views.Agreed, Payload: make([]byte, size)})
		r.drain()
	}
	submit(1, 8000)
	submit(1, 8000)
	r.run(25 * time.Millisecond) // it asks again
	q := mustSend[*message.Request](r)
	if q.Want != 2 {
		t.Fatalf("asks for %d", q.Want)
	}
	for port := range uint32(4) {
		submit(2+port, 1<<20)
	}
	r.from(a, &message.Grant{View: v, Ranges: []message.PlaceRange{{K: 1, Count: 2}}})
	if n := r.core.Queued(1); n != 0 {
		t.Errorf("%d places are not used", n)
	}
}

// A short agreed message asks for its place while another port's long one, of
// whatever order, uses up all the credit.
func TestPlacesBesideALongMessage(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	for _, order := range []views.Order{views.FIFO, views.Agreed} {
		r := rigOf(t, b, 1300, 1<<20)
		v := r.bring(10, b, a)
		r.core.Release(r.now)
		r.core.Submit(r.now, vsync.Submission{Port: 2, Group: "g", Order: order, Payload: make([]byte, 7<<20)})
		r.drain()
		r.core.Submit(r.now, vsync.Submission{Port: 1, Group: "g", Order: views.Agreed, Payload: make([]byte, 100)})
		r.drain()
		packets := 0
		for range 100 {
			var have []message.StreamPos
			for _, d := range r.data() {
				have = append(have, message.StreamPos{Stream: d.Stream, Seq: d.Seq})
			}
			packets += len(have)
			if lastSent[*message.Request](r) != nil {
				break
			}
			r.forget()
			r.from(a, &message.Stable{View: v, Have: have[max(0, len(have)-1):], Room: 1 << 21})
		}
		if lastSent[*message.Request](r) == nil || packets > 2000 {
			t.Errorf("beside a long one in %v order: not asked for after %d packets", order, packets)
		}
	}
}

// A packet that asks for an acknowledgement gets it once the gap before it is closed.
func TestMarkBehindAGap(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a, c)
	id := message.StreamOf(r.core.View().RankOf(c.Process), message.ClassFIFO)
	r.from(c, &message.Data{View: v, Stream: id, Seq: 2, Flags: message.AckNow, Body: []byte{2, 0}})
	r.forget()
	r.from(c, &message.Data{View: v, Stream: id, Seq: 1, Body: []byte{1, 0}})
	if k := mustSend[*message.Ack](r); len(k.Have) != 1 || k.Have[0].Seq != 2 {
		t.Errorf("acknowledged %+v", k.Have)
	}
}
