package gms

import (
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views/groups"
)

// A view that a port has not read counts with its members, those of a host share it.
func TestWhatAnEventCosts(t *testing.T) {
	many := make([]groups.Member, 1000)
	view := func(ports ...uint32) *groups.GroupView {
		return &groups.GroupView{Ports: ports, Members: many, Trans: many[:999], Joined: many[:1]}
	}
	for _, c := range []struct {
		what  string
		event member.Event
		want  int
	}{
		{"a message", member.Event{Kind: member.KindMessage, Msg: member.Message{Payload: make([]byte, 100)}}, 100 + portEventCost},
		{"a view", member.Event{Kind: member.KindView, View: view(1)}, 2000*memberCost + portEventCost},
		{"a shared view", member.Event{Kind: member.KindView, View: view(1, 2, 3, 4)}, 500*memberCost + portEventCost},
		{"a view for nobody", member.Event{Kind: member.KindView, View: view()}, 2000*memberCost + portEventCost},
	} {
		if got := costOfPortEvent(&c.event); got != c.want {
			t.Errorf("%s costs %d, want %d", c.what, got, c.want)
		}
	}
}
