package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// receiver is one host's end of a load. Only its goroutine writes; others read
// when it has ended.
type receiver struct {
	load     *load
	host     *gms.Host
	self     views.Process
	listener *gms.Listener
	ended    map[views.Process]bool // who has sent the end mark
	// got are all messages, inWindow those delivered in the window.
	got, inWindow uint64
	// cuts is how often the listener was cut because it did not keep up.
	cuts int
	// lat has the messages sent and delivered in the window, own those of its own.
	lat, own histogram
}

func (l *load) listen(h *gms.Host) (*receiver, error) {
	listener, err := h.Listen(l.name)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return &receiver{load: l, host: h, self: h.Self().Process, listener: listener, ended: make(map[views.Process]bool)}, nil
}

// run receives until every sender's end mark is there. A listener that is cut
// is opened anew; what passed meanwhile is missing.
func (r *receiver) run(ctx context.Context) error {
	for {
		err := r.drain(ctx)
		r.listener.Close()
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, gms.ErrSlow):
			return fmt.Errorf("%s receives: %w", r.host.Self().Name, errors.Join(err, ctx.Err()))
		}
		r.cuts++
		if r.listener, err = r.host.Listen(r.load.name); err != nil {
			return fmt.Errorf("listen again: %w", err)
		}
	}
}

// drain reads one listener to its end.
func (r *receiver) drain(ctx context.Context) error {
	for {
		events, err := r.listener.Next(ctx)
		if err != nil {
			return err
		}
		now := r.load.since()
		for i := range events {
			if events[i].Kind == gms.KindMessage && r.take(&events[i].Msg, now) {
				return nil
			}
		}
	}
}

// take notes a message that came into our hands at now, and reports whether it
// was the last one.
func (r *receiver) take(m *gms.Message, now time.Duration) bool {
	if len(m.Payload) < stampBytes {
		r.ended[m.Msg.From] = true
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
		if m.Msg.From == r.self {
			r.own.add(now - sent)
		}
	}
	return false
}
