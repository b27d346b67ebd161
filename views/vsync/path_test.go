package vsync_test

import (
	"bytes"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// A message waits in a new view while the path becomes another: what was to go in one
// packet goes in one that is longer than the path, what was to go in parts goes whole
// if it fits by now. The first was packed for ever, the second began and did not end.
func TestPathChangesUnderAWaitingMessage(t *testing.T) {
	a, b := member(1, 1), member(2, 1)
	for _, c := range []struct {
		name                  string
		before, after, length int
	}{
		{"shorter", 8000, 500, 2000},
		{"longer", 500, 8000, 2000},
		{"as it was", 8000, 8000, 2000},
		{"long before and after", 500, 700, 2000},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rigWith(t, vsync.Config{Self: b, PacketBytes: c.before, Holds: true})
			v := r.bring(10, b, a)
			payload := bytes.Repeat([]byte("0123456789"), c.length/10)
			r.core.Submit(r.now, vsync.Submission{Port: 1, Group: "g", Order: views.Agreed, Payload: payload})
			r.drain()
			r.core.SetPacketBytes(c.after)
			r.core.Release(r.now)
			r.drain()
			r.from(a, &message.Grant{View: v, Ranges: []message.PlaceRange{{K: 1, Count: 1}}})
			if n := r.core.Queued(1); n != 0 {
				t.Fatalf("%d messages wait", n)
			}
			if got := r.payloads(); len(got) != 1 || !bytes.Equal(got[0], payload) {
				t.Fatalf("delivered %d messages, want the one that was sent", len(got))
			}
		})
	}
}

// payloads gives those of the messages delivered since the last forget.
func (r *rig) payloads() (all [][]byte) {
	for _, d := range r.got {
		if some, ok := d.(*vsync.Messages); ok {
			for i := range some.List {
				all = append(all, some.List[i].Payload)
			}
		}
	}
	return all
}
