package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
)

// portID names a member of a load.
type portID struct {
	views.Process
	port uint32
}

func idOf(p member.Port) portID {
	self := p.Self()
	return portID{self.Process, self.Port}
}

// receiver is one port's end of a load. Only its goroutine writes; others read
// when it has ended.
type receiver struct {
	load  *load
	port  member.Port
	self  portID
	ended map[portID]bool // who has sent the end mark
	// got are all messages, inWindow those delivered in the window.
	got, inWindow uint64
	// changed: the group's view changed while the load ran.
	changed bool
	// lat has the messages sent and delivered in the window, own those of its own.
	lat, own histogram
}

func (l *load) receiver(p member.Port) *receiver {
	return &receiver{load: l, port: p, self: idOf(p), ended: make(map[portID]bool)}
}

// settle reads until the port is in a view of all.
func (r *receiver) settle(ctx context.Context) error {
	return untilView(ctx, r.port, r.load.name, len(r.load.ports))
}

// untilView reads until a port has a view of a group with so many members.
func untilView(ctx context.Context, p member.Port, group string, members int) error {
	for {
		events, err := p.Next(ctx)
		if err != nil {
			return fmt.Errorf("%s waits for %d members of %s: %w", p.Self().Name, members, group, err)
		}
		for i := range events {
			if e := &events[i]; e.Kind == member.KindView && e.Group == group && len(e.View.Members) == members {
				return nil
			}
		}
	}
}

// run receives until every sender's end mark is there.
func (r *receiver) run(ctx context.Context) error {
	for {
		events, err := r.port.Next(ctx)
		if err != nil {
			return fmt.Errorf("%s receives: %w", r.port.Self().Name, err)
		}
		now := r.load.since()
		for i := range events {
			switch e := &events[i]; {
			case e.Group != r.load.name:
			case e.Kind == member.KindView, e.Kind == member.KindGap:
				r.changed = true
			case e.Kind == member.KindMessage && r.take(&e.Msg, now):
				return nil
			}
		}
	}
}

// take notes a message that came into our hands at now, and reports whether it
// was the last one.
func (r *receiver) take(m *member.Message, now time.Duration) bool {
	from := portID{m.ID.From, m.Port}
	if len(m.Payload) < stampBytes {
		r.ended[from] = true
		return len(r.ended) == r.load.senders
	}
	r.got++
	sent := time.Duration(binary.BigEndian.Uint64(m.Payload))
	if now < r.load.open || now >= r.load.shut {
		return false
	}
	r.inWindow++
	if sent >= r.load.open {
		r.lat.add(now - sent)
		if from == r.self {
			r.own.add(now - sent)
		}
	}
	return false
}
