package main

import (
	"context"
	"fmt"
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
	// known is false until we have the queue of those before us, as of the view
	// at; since are the messages after it.
	known bool
	at    groups.GroupViewID
	since []string
	// changed is closed, and made anew, when anything is.
	changed chan struct{}
	err     error
}

// newLock joins the group of a lock.
func newLock(ctx context.Context, p member.Port, group string) (*lock, error) {
	l := &lock{port: p, group: group, changed: make(chan struct{})}
	if err := p.Join(ctx, group, member.Options{}); err != nil {
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
				l.view(ctx, e.View)
			case member.KindMessage:
				l.message(name(e.Msg.ID.From, e.Msg.Port), string(e.Msg.Payload))
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

// view takes out who is gone; the oldest member tells newcomers the queue.
func (l *lock) view(ctx context.Context, v *groups.GroupView) {
	l.at, l.since = v.ID, nil
	l.queue = slices.DeleteFunc(l.queue, func(who string) bool {
		return !slices.ContainsFunc(v.Members, func(m groups.Member) bool { return name(m.Process, m.Port) == who })
	})
	if oldest := v.Members[0]; name(oldest.Process, oldest.Port) == l.self() {
		l.known = true // if we did not know it, nobody is left who did
		told := fmt.Appendf(nil, "queue %s %s", v.ID, strings.Join(l.queue, " "))
		go func() { _ = l.port.Post(ctx, l.group, views.Agreed, told) }() // the next view tells it again
	}
}

func (l *lock) message(from, text string) {
	words := strings.Fields(text)
	switch {
	case len(words) > 1 && words[0] == "queue":
		if !l.known && words[1] == l.at.String() {
			l.known, l.queue = true, words[2:]
			for _, s := range l.since {
				before, what, _ := strings.Cut(s, " ")
				l.message(before, what)
			}
		}
	case !l.known:
		l.since = append(l.since, from+" "+text)
	case text == "claim" && !slices.Contains(l.queue, from):
		l.queue = append(l.queue, from)
	case text == "release":
		l.queue = slices.DeleteFunc(l.queue, func(who string) bool { return who == from })
	}
}
