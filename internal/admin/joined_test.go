package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// lines reads a stream on and on, one line at a time.
func (s *served) lines(ctx context.Context, path string) <-chan GroupEvent {
	out := make(chan GroupEvent)
	go func() {
		defer close(out)
		for line, err := range s.socket.Lines(ctx, path) {
			var e GroupEvent
			if err = errors.Join(err, json.Unmarshal(line, &e)); err != nil {
				s.Error(err)
				return
			}
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// TestAClientIsAMemberWhileItReads: with join= the first line is a view of the
// light group with the client in it, and the others see it come and go.
func TestAClientIsAMemberWhileItReads(t *testing.T) {
	s := serve(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	lines := s.lines(ctx, "/v1/groups/orders/events?join=shop")
	first := <-lines
	if first.Ev != "view" || first.View != nil || first.Group == nil || first.Group.Name != "orders" || len(first.Group.Members) != 1 || first.Group.Members[0].Name != "shop" {
		t.Fatalf("first line %+v", first)
	}
	other, err := s.group.programs.Open(0, "till")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Join(t.Context(), "orders", member.Options{}); err != nil {
		t.Fatal(err)
	}
	if e := <-lines; e.Group == nil || len(e.Group.Members) != 2 || len(e.Group.Joined) != 1 || e.Group.Joined[0].Name != "till" {
		t.Errorf("second line %+v", e)
	}
	if _, err := other.Send(t.Context(), "orders", views.Agreed, []byte("42")); err != nil {
		t.Fatal(err)
	}
	if e := <-lines; e.Ev != "message" || e.Text == nil || *e.Text != "42" || e.Port != other.Self().Port || e.In != nil || e.K == 0 {
		t.Errorf("third line %+v", e)
	}
	leave()
	for left := false; !left; {
		events, err := other.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			left = left || events[i].Kind == member.KindView && len(events[i].View.Left) == 1
		}
	}
}

func TestJoinedLines(t *testing.T) {
	gone := groups.Member{Process: views.Process{Host: host(2), Incarnation: 2}, Port: 3, Name: "till"}
	v := &groups.GroupView{Group: "g", Ports: []uint32{1}, Left: []groups.Departure{{Member: gone, Why: groups.Crashed}}}
	line, last := joinedLine(&member.Event{Kind: member.KindView, Group: "g", View: v})
	if raw, _ := json.Marshal(line); last || !strings.Contains(string(raw), `"left":[{"host":"`+host(2).String()+`","incarnation":2,"port":3,"join":0,"name":"till","why":"crashed"}]`) {
		t.Errorf("%s, %v", raw, last)
	}
	line, last = joinedLine(&member.Event{Kind: member.KindParted, Group: "g", Why: groups.Cut})
	if raw, _ := json.Marshal(line); !last || string(raw) != `{"ev":"parted","why":"cut"}` {
		t.Errorf("%s, %v", raw, last)
	}
}

// TestJoiningIsRefused where the listener is read-only, and with what is wrong.
func TestJoiningIsRefused(t *testing.T) {
	s := serve(t, nil)
	_, err := s.tcp.Do(t.Context(), "GET", "/v1/groups/g/events?join=x", nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeReadOnly {
		t.Errorf("by TCP: %v", err)
	}
	if len(s.group.calls) > 0 {
		t.Errorf("the group was asked to %v", s.group.calls)
	}
	s.refused(CodeBadRequest, "GET", "/v1/groups/%0a/events?join=x", "")
	s.group.fail = groups.ErrName
	s.refused(CodeBadRequest, "GET", "/v1/groups/g/events?join=x", "")
	s.group.fail = gms.ErrBusy
	s.refused(CodeFull, "GET", "/v1/groups/g/events?join=x", "")
}

func TestGroupNames(t *testing.T) {
	s := serve(t, nil)
	for _, name := range []string{"", strings.Repeat("g", 256), "%00", "a%0ab", "%1b[31m", "%ff%fe"} {
		s.refused(CodeBadRequest, "POST", "/v1/groups/"+name+"/messages", "x")
		if e := s.refused(CodeBadRequest, "GET", "/v1/groups/"+name+"/events", ""); !strings.Contains(e.Hint, "1 to 64 bytes") {
			t.Errorf("%q: %+v", name, e)
		}
	}
	if len(s.group.calls) > 0 {
		t.Errorf("the group was asked to %v", s.group.calls)
	}
	s.do("POST", "/v1/groups/%2F%2F/messages", "x")
	if s.group.sent.group != "//" {
		t.Errorf("sent to %q", s.group.sent.group)
	}
}

func TestGroupsAreListed(t *testing.T) {
	s := serve(t, nil)
	if got := s.do("GET", "/v1/groups", ""); got != `{"groups":[]}` {
		t.Errorf("none: %s", got)
	}
	s.group.groups = []gms.GroupStatus{{
		Name: "orders", ID: groups.GroupViewID{View: s.group.View().View.ID, K: 5}, Ports: []uint32{1},
		Members: []groups.Member{{Process: s.group.self, Port: 1, Join: 9, Name: "shop"}},
	}}
	one := host(1).String()
	want := `{"groups":[{"name":"orders","id":{"view":{"seq":2,"coordinator":"` + one + `"},"k":5,"side":0},"ports":[1],` +
		`"members":[{"host":"` + one + `","incarnation":1,"port":1,"join":9,"name":"shop"}]}]}`
	if got := s.do("GET", "/v1/groups", ""); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestATimeoutOfASendSaysWhatIsNotKnown.
func TestATimeoutOfASendSaysWhatIsNotKnown(t *testing.T) {
	s := serve(t, nil)
	s.group.fail = context.DeadlineExceeded
	if e := s.refused(CodeTimeout, "POST", "/v1/groups/g/messages", "x"); !strings.Contains(e.Message, "may still be delivered") {
		t.Errorf("%+v", e)
	}
}

// TestHeadOfAStreamEnds: there is no body to wait for.
func TestHeadOfAStreamEnds(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/v1/groups/g/events", "/v1/events?follow=1"} {
		resp, err := http.Head("http://" + s.server.TCPAddr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	<-s.group.listener.closed
}

// TestALongMessageIsALine that our own client can read.
func TestALongMessageIsALine(t *testing.T) {
	s := serve(t, nil)
	n := 0
	for line, err := range s.socket.Lines(t.Context(), "/v1/groups/g/events") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 4 {
			e := batchOf(views.PayloadMax/4 + unreadCost) // zeros take six bytes each
			s.group.listener.c <- e
		}
		if n == 5 {
			if len(line) < views.PayloadMax {
				t.Errorf("a line of %d bytes", len(line))
			}
			return
		}
	}
}
