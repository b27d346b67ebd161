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
