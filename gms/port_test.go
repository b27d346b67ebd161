package gms_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// seat is a port and what it has read.
type seat struct {
	*gms.Port
	t   *testing.T
	got []member.Event
}

func (l *lan) open(i int, group ...string) *seat {
	l.t.Helper()
	p, err := l.hosts[i].OpenPort(fmt.Sprint("p", i))
	if err != nil {
		l.t.Fatal(err)
	}
	s := &seat{Port: p, t: l.t}
	for _, g := range group {
		if err := p.Join(l.t.Context(), g, member.Options{}); err != nil {
			l.t.Fatal(err)
		}
	}
	return s
}

// until reads until an event fits, which it gives.
func (s *seat) until(fits func(*member.Event) bool) *member.Event {
	s.t.Helper()
	for seen := 0; ; {
		for ; seen < len(s.got); seen++ {
			if e := s.got[seen]; fits(&e) {
				s.got = s.got[seen+1:]
				return &e
			}
		}
		events, err := s.Next(s.t.Context())
		if err != nil {
			s.t.Fatalf("%s: %v", s.Self(), err)
		}
		s.got = append(s.got, events...)
	}
}

func (s *seat) view(members int) *groups.GroupView {
	s.t.Helper()
	return s.until(func(e *member.Event) bool {
		return e.Kind == member.KindView && len(e.View.Members) == members
	}).View
}

func (s *seat) message(text string) *member.Message {
	s.t.Helper()
	return &s.until(func(e *member.Event) bool {
		return e.Kind == member.KindMessage && string(e.Msg.Payload) == text
	}).Msg
}

func (s *seat) parted() *member.Event {
	s.t.Helper()
	return s.until(func(e *member.Event) bool { return e.Kind == member.KindParted })
}

func TestPortsSeeEachOther(t *testing.T) {
	onLAN(t, 3, func(t *testing.T, l *lan) {
		a, b, c := l.open(0, "g"), l.open(1, "g"), l.open(2, "g")
		va, vb, vc := a.view(3), b.view(3), c.view(3)
		if va.ID != vb.ID || vb.ID != vc.ID {
			t.Fatalf("views %v, %v, %v", va.ID, vb.ID, vc.ID)
		}
		for i, o := range []views.Order{views.FIFO, views.Agreed, views.Safe} {
			text := fmt.Sprint("m", i)
			if _, err := b.Send(t.Context(), "g", o, []byte(text)); err != nil {
				t.Fatal(err)
			}
			for _, s := range []*seat{a, b, c} {
				if m := s.message(text); m.Order != o || m.Port != b.Self().Port || m.ID.From != b.Self().Process {
					t.Errorf("%s got %+v", s.Self(), m)
				}
			}
		}
		if err := b.Leave(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		b.parted()
		if v := a.view(2); len(v.Left) != 1 || v.Left[0].Why != groups.Left {
			t.Errorf("left: %+v", v.Left)
		}
		if err := c.Abort(); err != nil {
			t.Fatal(err)
		}
		if v := a.view(1); len(v.Left) != 1 || v.Left[0].Why != groups.Crashed {
			t.Errorf("left: %+v", v.Left)
		}
	})
}

// What a port posts before it leaves comes before its leaving.
func TestPostedBeforeLeaving(t *testing.T) {
	onLAN(t, 2, func(t *testing.T, l *lan) {
		a, b := l.open(0, "g"), l.open(1, "g")
		a.view(2)
		b.view(2)
		const n = 2000
		for i := range n {
			order := []views.Order{views.FIFO, views.Agreed}[i%2]
			if err := b.Post(t.Context(), "g", order, []byte(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		got := 0
		a.until(func(e *member.Event) bool {
			if e.Kind == member.KindMessage {
				got++
			}
			return e.Kind == member.KindView && len(e.View.Members) == 1
		})
		if got != n {
			t.Errorf("%d messages before the view without their sender, want %d", got, n)
		}
	})
}

func TestRequestCollects(t *testing.T) {
	onLAN(t, 3, func(t *testing.T, l *lan) {
		seats := []*seat{l.open(0, "g"), l.open(1, "g"), l.open(2, "g")}
		for _, s := range seats {
			s.view(3)
		}
		answering := seats[:2]
		done := make(chan struct{})
		for _, s := range answering {
			go func() {
				defer func() { done <- struct{}{} }()
				for range 2 {
					m := s.until(func(e *member.Event) bool { return e.Kind == member.KindMessage && e.Msg.Request != 0 }).Msg
					if err := s.Reply(t.Context(), "g", &m, []byte(s.Self().Name)); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		replies, err := seats[2].Request(t.Context(), "g", []byte("who"), member.Majority)
		if err != nil || len(replies) != 2 {
			t.Fatalf("%+v, %v", replies, err)
		}
		// The third never answers: it goes.
		asked := make(chan []member.Reply)
		go func() {
			replies, err := seats[0].Request(t.Context(), "g", []byte("all"), member.All)
			if err != nil {
				t.Error(err)
			}
			asked <- replies
		}()
		synctest.Wait()
		seats[2].Close()
		all := <-asked
		gone := slices.IndexFunc(all, func(r member.Reply) bool { return r.Gone })
		if len(all) != 3 || gone < 0 || all[gone].From.Port != seats[2].Self().Port || all[gone].From.Process != seats[2].Self().Process {
			t.Errorf("replies %+v", all)
		}
		for range answering {
			<-done
		}
	})
}

// A member that wants to be asked holds a view up until it answers, and is cut if
// it does not.
func TestBlock(t *testing.T) {
	onLAN(t, 2, func(t *testing.T, l *lan) {
		a := l.open(0)
		if err := a.Join(t.Context(), "g", member.Options{Block: true}); err != nil {
			t.Fatal(err)
		}
		a.view(1)
		b := l.open(1)
		joined := make(chan error, 1)
		go func() { joined <- b.Join(t.Context(), "g", member.Options{}) }()
		a.until(func(e *member.Event) bool { return e.Kind == member.KindBlock })
		if err := a.Post(t.Context(), "g", views.FIFO, []byte("last of the old view")); err != nil {
			t.Fatal(err)
		}
		a.Ready("g")
		a.message("last of the old view")
		a.view(2)
		if err := <-joined; err != nil {
			t.Fatal(err)
		}
		c := l.open(1)
		start := time.Now()
		go func() { joined <- c.Join(t.Context(), "g", member.Options{}) }()
		if e := a.parted(); !errors.Is(e.Err, member.ErrBlocked) || e.Why != groups.Cut {
			t.Errorf("parted: %+v", e)
		}
		if err := <-joined; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < time.Second || took > 1500*time.Millisecond {
			t.Errorf("the join took %s", took)
		}
		c.view(2)
	})
}

// A change of the host view asks as well, and lets go on whoever is not affected.
func TestBlockBeforeAHostView(t *testing.T) {
	onLAN(t, 3, func(t *testing.T, l *lan) {
		a := l.open(0)
		if err := a.Join(t.Context(), "g", member.Options{Block: true}); err != nil {
			t.Fatal(err)
		}
		a.view(1)
		left := make(chan error, 1)
		go func() { left <- l.hosts[2].Leave(t.Context()) }()
		a.until(func(e *member.Event) bool { return e.Kind == member.KindBlock })
		a.Ready("g")
		a.until(func(e *member.Event) bool { return e.Kind == member.KindUnblock })
		if err := <-left; err != nil {
			t.Fatal(err)
		}
		l.meet(2, l.hosts[:2]...)
	})
}
