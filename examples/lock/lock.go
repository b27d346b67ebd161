package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// lock is one member's copy of the queue.
type lock struct {
	port  member.Port
	group string

	mu sync.Mutex
	// queue are who waits, as text; the first one holds the lock.
	queue []string
	// changed is closed, and made anew, when anything is.
	changed chan struct{}
	err     error
}

// newLock joins the group of a lock.
func newLock(ctx context.Context, p member.Port, group string) (*lock, error) {
	l := &lock{port: p, group: group, changed: make(chan struct{})}
	if err := p.Join(ctx, group, member.Options{State: true}); err != nil {
		return nil, err
	}
	go l.follow(ctx)
	return l, nil
}

// name is how a port stands in the queue.
func name(p views.Process, port uint32) string {
	return fmt.Sprintf("%s/%d:%d", p.Host, p.Incarnation, port)
}

func (l *lock) self() string { s := l.port.Self(); return name(s.Process, s.Port) }

// acquire claims the lock and waits for it.
func (l *lock) acquire(ctx context.Context) error {
	if _, err := l.port.Send(ctx, l.group, views.Agreed, []byte("claim")); err != nil {
		return err
	}
	for {
		l.mu.Lock()
		mine, err, changed := len(l.queue) > 0 && l.queue[0] == l.self(), l.err, l.changed
		l.mu.Unlock()
		if mine || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// release gives the lock, or the claim, back.
func (l *lock) release(ctx context.Context) error {
	_, err := l.port.Send(ctx, l.group, views.Agreed, []byte("release"))
	return err
}

// follow keeps the queue until the port ends. After a gap our claim is gone with
// our old port: to those who wait that is the end, too.
func (l *lock) follow(ctx context.Context) {
	for {
		events, err := l.port.Next(ctx)
		l.mu.Lock()
		for i := range events {
			switch e := &events[i]; e.Kind {
			case member.KindView:
				l.view(e.View)
			case member.KindMessage:
				l.message(name(e.Msg.ID.From, e.Msg.Port), string(e.Msg.Payload))
			case member.KindState:
				l.learn(e.State)
			case member.KindDonate:
				e.Donate(strings.NewReader(strings.Join(l.queue, " ")), 0)
			case member.KindGap:
				err = member.ErrLost
			default:
			}
		}
		l.err = err
		close(l.changed)
		l.changed = make(chan struct{})
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// view takes out who is gone.
func (l *lock) view(v *groups.GroupView) {
	l.queue = slices.DeleteFunc(l.queue, func(who string) bool {
		return !slices.ContainsFunc(v.Members, func(m groups.Member) bool { return name(m.Process, m.Port) == who })
	})
}

// learn takes the queue of those before us, nil where there are none.
func (l *lock) learn(s *member.State) {
	if s == nil {
		return
	}
	b, _ := io.ReadAll(s) // it fails where the connection does: a gap follows
	l.queue = strings.Fields(string(b))
	_ = s.Close()
}

func (l *lock) message(from, text string) {
	switch {
	case text == "claim" && !slices.Contains(l.queue, from):
		l.queue = append(l.queue, from)
	case text == "release":
		l.queue = slices.DeleteFunc(l.queue, func(who string) bool { return who == from })
	}
}
