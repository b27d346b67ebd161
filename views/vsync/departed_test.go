package vsync_test

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// A member that was heard once in a later view, and not again, has gone: whoever
// hears it so seldom, and is not heard itself, would wait for it to lead for ever.
func TestWhoWasOnceSeenInALaterViewHasGone(t *testing.T) {
	a, b, c := member(1, 1), member(2, 1), member(3, 1)
	r := newRig(t, b)
	v := r.bring(10, b, a, c)
	at := uint16(r.core.View().RankOf(c.Process)) //nolint:gosec // small
	r.core.HandleOpinion(r.now, vsync.Opinion{View: v, Failed: []uint16{at}})
	r.drain()
	r.from(a, &message.Hello{Self: a, View: viewOf(11, a), Size: 1})
	r.run(400 * time.Millisecond)
	if r.core.View().ID != v {
		t.Fatalf("did not wait for the install: %s", r.core.Describe())
	}
	r.run(3 * time.Second)
	if now := r.core.View(); now.Size() != 1 {
		t.Errorf("still waits for it: %s", r.core.Describe())
	}
}
