package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Each packet with a safe message asks everybody for an Ack. Those that came together
// get one, and it says that all are held.
func TestOneAckForWhatCameTogether(t *testing.T) {
	l := formed(t, 21, 3)
	l.run(time.Second)
	sender, receiver := l.hosts[0], l.hosts[1]
	for _, h := range l.hosts[1:] { // the coordinator has places without a question
		if h.process.Host == sender.View().ID.Coordinator {
			sender, receiver = h, l.hosts[0]
		}
	}
	var frames [][]byte
	sender.look = func(out *engine.Output) {
		for _, p := range out.Send {
			frames = append(frames, slices.Clone(p.Frame))
		}
	}
	for _, text := range []string{"one", "two", "three"} {
		sender.step(engine.Submit{{Order: views.Safe, Payload: []byte(text)}})
	}
	if len(frames) != 3 {
		t.Fatalf("%d frames went out", len(frames))
	}
	acks := 0
	receiver.look = func(out *engine.Output) {
		for _, p := range out.Send {
			var f wire.Frame
			if err := wire.Decode(p.Frame, &f); err != nil {
				t.Error(err)
			}
			for _, m := range f.Messages {
				if m.Type() == message.TypeAck {
					acks++
				}
			}
		}
	}
	for i, frame := range frames {
		receiver.step(engine.Received{From: sender.addr, Frame: frame, More: i < len(frames)-1})
	}
	if acks != 1 {
		t.Errorf("%d Acks for %d packets", acks, len(frames))
	}
	receiver.look, sender.look = nil, nil
	l.run(time.Second)
	for i, h := range l.hosts {
		if !slices.Equal(h.got, []string{"one", "two", "three"}) {
			t.Errorf("host %d was given %q", i, h.got)
		}
	}
}
