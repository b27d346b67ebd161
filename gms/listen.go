package gms

import (
	"context"
	"sync"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// Message is a message as it was delivered. Payload is shared by all listeners
// of its group: read it, do not change it. A short one that is kept keeps up to
// 256 KiB around it from being freed: copy what you keep for long.
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

// Listener takes the events of one process group from [Host.Listen] on. It is
// read by one goroutine, by Next or from C.
type Listener struct {
	set   *listeners
	group string
	*mailbox[GroupEvent]

	once sync.Once
	c    chan GroupEvent
}

// Next waits for events and gives some, oldest first; they are the caller's
// until the next call. At the end, once everything was read, the error is what
// Err gives, or ErrClosed after Close.
//
// What Next gave counts as unread until the next call. While listeners are far
// behind, the whole group sends less, in the end nothing; and one that holds
// much and has not called Next for 10 s of that is cut.
func (l *Listener) Next(ctx context.Context) ([]GroupEvent, error) { return l.next(ctx) }

// C gives the events one by one. It is closed when the listener was closed, was
// cut off because it did not read, or the host has stopped; Err says which. Until
// then a goroutine of the listener's own waits to give the next one: close the
// listener when you read no further.
func (l *Listener) C() <-chan GroupEvent {
	l.once.Do(func() {
		l.c = make(chan GroupEvent)
		go l.pump()
	})
	return l.c
}

// pump feeds C.
func (l *Listener) pump() {
	defer close(l.c)
	for {
		events, err := l.Next(context.Background())
		if err != nil {
			return
		}
		for i := range events {
			select {
			case l.c <- events[i]:
				l.read.Store(true)
			case <-l.quit:
				return
			}
		}
	}
}

// Err is nil while more may come and after Close, [ErrSlow] where the listener
// was cut off, [ErrClosed] where the host has stopped.
func (l *Listener) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.quitting && l.ended == ErrClosed { //nolint:errorlint // the bare sentinel is meant
		return nil
	}
	return l.ended
}

// Close ends the listener: what was not read is dropped. It is idempotent.
func (l *Listener) Close() { l.set.remove(l, ErrClosed) }

// eventCost is what an event takes beside its payload.
const eventCost = 160

func costOfEvent(e *GroupEvent) int { return len(e.Msg.Payload) + eventCost }

// giveOwn appends those of list that are for the listener's group.
func (l *Listener) giveOwn(view *Snapshot, list []Message) {
	l.giveAll(len(list), func(i int) (GroupEvent, bool) {
		return GroupEvent{Kind: KindMessage, View: view, Msg: list[i]}, list[i].Group == l.group
	})
}
