package admin

import (
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// withNamesakes adds two members of one name, of which the first is named like the
// second's id begins.
func withNamesakes(f *fakeGroup) {
	last := f.View()
	v := &views.View{
		ID: views.ViewID{Seq: 3, Coordinator: host(1), Incarnation: 1}, Reason: views.ReasonJoin,
		Members: append(append([]views.Member{}, last.View.Members...), hostMember(3, "twin", 0), hostMember(4, "twin", 0), hostMember(5, host(4).Short(), 0)),
	}
	f.install(&gms.Snapshot{View: v, Prev: last.View.ID, State: gms.StateZombie, Installed: time.Unix(1_700_000_002, 0)})
}

// A name of two members is refused with the ids of both; nobody is taken for the other.
func TestEvictOfNamesakes(t *testing.T) {
	s := serve(t, nil)
	withNamesakes(s.group)
	said := s.refused(CodeBadRequest, "POST", "/v1/evict/twin", "")
	for _, want := range []string{host(3).String() + " at 10.77.0.3:7749", host(4).String() + " at 10.77.0.4:7749", "host id"} {
		if !strings.Contains(said.Error(), want) {
			t.Errorf("no %q in %s", want, said.Error())
		}
	}
	s.do("POST", "/v1/evict/"+host(4).String(), "")
	s.do("POST", "/v1/evict/"+host(4).Short(), "") // a name goes before the beginning of an id
	s.do("POST", "/v1/evict/"+host(3).Short(), "")
	if got := strings.Join(s.group.calls, ", "); got != "evict 04000000, evict 05000000, evict 03000000" {
		t.Errorf("got %s", got)
	}
}

// So is the name of two that are gone.
func TestEvictOfNamesakesThatAreGone(t *testing.T) {
	s := serve(t, nil)
	first := s.group.View()
	withNamesakes(s.group)
	gone := *first
	alone := *first.View
	alone.ID.Seq, gone.View = 4, &alone
	s.group.install(&gone)
	s.refused(CodeBadRequest, "POST", "/v1/evict/twin", "")
	s.do("POST", "/v1/evict/"+host(3).Short(), "")
	if got := strings.Join(s.group.calls, ", "); got != "evict 03000000" {
		t.Errorf("got %s", got)
	}
}

// Of oneself it says which command to use instead.
func TestEvictOfOneself(t *testing.T) {
	s := serve(t, nil)
	said := s.refused(CodeBadRequest, "POST", "/v1/evict/h1", "")
	if want := "a host cannot evict itself (gmsd leave takes it out of the group)"; said.Error() != want || len(s.group.calls) > 0 {
		t.Errorf("got %q after %v, want %q", said.Error(), s.group.calls, want)
	}
}

// The history says who asked here for an eviction, of the view that shows it alone.
func TestHistorySaysWhoAskedForAnEviction(t *testing.T) {
	s := serve(t, nil)
	s.do("POST", "/v1/evict/h2", "")
	last := s.group.View()
	alone := views.View{ID: views.ViewID{Seq: 3, Coordinator: host(1), Incarnation: 1}, Reason: views.ReasonEvict, Members: last.View.Members[:1]}
	s.group.install(&gms.Snapshot{View: &alone, Prev: last.View.ID, State: gms.StateZombie, Installed: time.Now()})
	got := s.do("GET", "/v1/history", "")
	if strings.Count(got, "askedBy") != 1 || !strings.Contains(got, `"askedBy":"uid `) {
		t.Errorf("got %s", got)
	}
}
