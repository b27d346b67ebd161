package gms

import (
	"slices"
	"sync"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// Message is a message as it was delivered. Payload is shared by all listeners
// of its group: read it, do not change it.
type Message = engine.Message

// Kinds of [GroupEvent].
const (
	// KindView: View was installed. Always the first of a listener, too.
	KindView = "view"
	// KindState: bits or attributes of Who changed, at View.K.
	KindState = "state"
	// KindBlock: sending has stopped in View, KindUnblock: it goes on.
	KindBlock   = "block"
	KindUnblock = "unblock"
	// KindMessage: Msg was delivered.
	KindMessage = "message"
)

// GroupEvent is what a listener gets, in the order in which it happened here.
type GroupEvent struct {
	Kind string
	// View is the view in which it happened; never nil.
	View *Snapshot
	// Who is set for KindState.
	Who views.HostID
	// Msg is set for KindMessage.
	Msg Message
}

// Listener takes the events of one process group from [Host.Listen] on.
type Listener struct {
	set   *listeners
	group string
	c     chan GroupEvent
	err   error // why c was closed; guarded by set.mu
}

// C gives the events. It is closed when the listener was closed, was cut off
// because it left ListenerMax events unread, or the host has stopped; Err says
// which.
func (l *Listener) C() <-chan GroupEvent { return l.c }

// Err is nil while C is open and after Close, [ErrSlow] where the listener was
// cut off, [ErrClosed] where the host has stopped.
func (l *Listener) Err() error {
	l.set.mu.Lock()
	defer l.set.mu.Unlock()
	return l.err
}

// Close ends the listener and closes C. It is idempotent.
func (l *Listener) Close() {
	l.set.mu.Lock()
	defer l.set.mu.Unlock()
	l.set.cut(l, nil)
}

// listeners are those of a host. Delivering never blocks the loop: who does
// not read is cut.
type listeners struct {
	mu      sync.Mutex
	open    []*Listener
	view    *Snapshot
	blocked bool
	closed  bool
	slow    func()
}

// add opens a listener; its first events are the view and the block it comes into.
func (s *listeners) add(group string) (*Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case len(s.open) >= ListenersMax:
		return nil, ErrBusy
	}
	l := &Listener{set: s, group: group, c: make(chan GroupEvent, ListenerMax)}
	s.open = append(s.open, l)
	l.c <- GroupEvent{Kind: KindView, View: s.view}
	if s.blocked {
		l.c <- GroupEvent{Kind: KindBlock, View: s.view}
	}
	return l, nil
}

// show gives an event to every listener. Snap, if set, is the new view.
func (s *listeners) show(ev GroupEvent, snap *Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snap != nil {
		s.view = snap
	}
	switch ev.Kind {
	case KindBlock:
		s.blocked = true
	case KindUnblock:
		s.blocked = false
	}
	ev.View = s.view
	// From the back: give takes a slow one out of the list.
	for i := len(s.open) - 1; i >= 0; i-- {
		s.give(s.open[i], ev)
	}
}

// message gives a message to the listeners of its group.
func (s *listeners) message(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ev := GroupEvent{Kind: KindMessage, View: s.view, Msg: m}
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i].group == m.Group {
			s.give(s.open[i], ev)
		}
	}
}

func (s *listeners) give(l *Listener, ev GroupEvent) {
	select {
	case l.c <- ev:
	default:
		s.slow()
		s.cut(l, ErrSlow)
	}
}

func (s *listeners) cut(l *Listener, why error) {
	if i := slices.Index(s.open, l); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
		l.err = why
		close(l.c)
	}
}

// close ends them all.
func (s *listeners) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for len(s.open) > 0 {
		s.cut(s.open[0], ErrClosed)
	}
}
