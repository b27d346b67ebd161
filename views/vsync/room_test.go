package vsync_test

import (
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// A full view refuses one that is alone, by name, and of two that come together
// notes only that they do not fit; one less takes the one in.
func TestFullView(t *testing.T) {
	for _, c := range []struct {
		name            string
		members, coming int
		refused, noted  bool
	}{
		{"room for one", views.MembersMax - 1, 1, false, false},
		{"room for one, two come", views.MembersMax - 1, 2, false, true},
		{"full", views.MembersMax, 1, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			self := member(1, 1)
			r := newRig(t, self)
			others := crowd(2, c.members-1, 1)
			id := r.bring(10, self, others[0], others[1:]...)
			r.core.HandleOpinion(r.now, vsync.Opinion{View: id, Suspected: ranks(c.members - 1)}) // so we lead
			r.drain()
			coming := crowd(2000, c.coming, 1)
			r.comesIn(coming)
			refuse := lastSent[*message.Refuse](r)
			if (refuse != nil) != c.refused || r.drops("group-full") != c.noted {
				t.Fatalf("refused: %v, noted: %v", refuse, r.drops("group-full"))
			}
			if refuse != nil && (refuse.Code != views.RefuseFull || !strings.Contains(refuse.Hint, "full") || refuse.To != coming[0].Process) {
				t.Errorf("%+v", refuse)
			}
		})
	}
}

// comesIn is a view of joiners that is met and tells who it is when asked.
func (r *rig) comesIn(members []views.Member) {
	r.t.Helper()
	id, size := viewOf(3, members[0]), uint16(len(members))
	r.from(members[0], &message.Hello{Self: members[0], View: id, Size: size, Joiner: size == 1})
	ask := mustSend[*message.Ask](r)
	r.from(members[0], &message.Roster{Token: ask.Token, View: id, Promised: 3, Members: members, Joiner: size == 1})
}

// drops reports whether something was dropped for a reason.
func (r *rig) drops(reason string) bool {
	for _, e := range r.log {
		if d, ok := e.(trace.Drop); ok && d.Reason == reason {
			return true
		}
	}
	return false
}

func ranks(n int) []uint16 {
	all := make([]uint16, n)
	for i := range all {
		all[i] = uint16(i)
	}
	return all
}
