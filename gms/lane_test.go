package gms

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

func newTestOutbox() *outbox { return newOutbox(func() views.Instant { return 1 }) }

// try posts n bytes in a lane; the first four say which one of the lane it is.
func (o *outbox) try(l *lane, n int) error {
	payload := binary.BigEndian.AppendUint32(make([]byte, 0, n), uint32(l.posted)) //nolint:gosec // a test posts few
	return o.post(context.Background(), l, outgoing{Submission: engine.Submission{Payload: payload[:n]}}, false)
}

// flood posts n bytes a time until the lane takes no more.
func (o *outbox) flood(t testing.TB, l *lane, n int) {
	for {
		switch err := o.try(l, n); {
		case errors.Is(err, views.ErrFull):
			return
		case err != nil:
			t.Fatal(err)
		}
	}
}

// TestAFloodHarmsItsLaneOnly: however many lanes are full, one that has nothing
// has room, all together are bounded, and its message goes in the next round.
func TestAFloodHarmsItsLaneOnly(t *testing.T) {
	for _, many := range []int{1, 2, 10, 200} {
		o := newTestOutbox()
		for range many {
			o.flood(t, new(lane), 1000)
		}
		if most := 2*OutboxMax + many*laneQuantum; o.bytes > most {
			t.Errorf("%d floods hold %d bytes, want at most %d", many, o.bytes, most)
		}
		polite := new(lane)
		if err := o.try(polite, 1000); err != nil {
			t.Fatalf("beside %d floods: %v", many, err)
		}
		ahead := 0
		for polite.total == 0 {
			turns := o.take(feedMost)
			for _, turn := range turns {
				for i := range turn.messages {
					ahead += turn.messages[i].bytes()
				}
			}
			o.gave(turns)
		}
		if most := (many + 1) * laneQuantum; ahead > most+feedMost {
			t.Errorf("beside %d floods %d bytes went first, want at most a round of %d", many, ahead, most)
		}
	}
}

// TestALongMessageLeavesRoomToOthers: it counts for its own lane alone.
func TestALongMessageLeavesRoomToOthers(t *testing.T) {
	o := newTestOutbox()
	a, b := new(lane), new(lane)
	if err := o.try(a, views.PayloadMax); err != nil {
		t.Fatal(err)
	}
	if err := o.try(b, 1000); err != nil {
		t.Errorf("a short one beside it: %v", err)
	}
	if err := o.try(b, views.PayloadMax); !errors.Is(err, views.ErrFull) {
		t.Errorf("a second long one: %v, want ErrFull", err)
	}
	for o.pending() {
		o.gave(o.take(feedMost))
	}
	if err := o.try(b, views.PayloadMax); err != nil {
		t.Errorf("once the first is gone: %v", err)
	}
}

// TestLanesShareByBytes: of long and short messages the same number of bytes goes.
func TestLanesShareByBytes(t *testing.T) {
	o := newTestOutbox()
	sizes := map[*lane]int{new(lane): 60_000, new(lane): 900, new(lane): 10}
	for l, n := range sizes {
		o.flood(t, l, n)
	}
	went := map[*lane]int{}
	for range 8 {
		turns := o.take(feedMost)
		for _, turn := range turns {
			for i := range turn.messages {
				went[turn.lane] += turn.messages[i].bytes()
			}
		}
		o.gave(turns)
	}
	for l, n := range sizes {
		if want := 8 * feedMost / 3; went[l] < want-2*60_000 || went[l] > want+2*60_000 {
			t.Errorf("of %d bytes each %d went, want about %d", n, went[l], want)
		}
	}
}

// TestLanesKeepTheirOrder: whatever is posted and taken, each lane gives all it
// has, in order, and nothing is counted at the end.
func TestLanesKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newTestOutbox()
		lanes := []*lane{new(lane), new(lane), new(lane), new(lane)}
		next := map[*lane]uint32{}
		drain := func(most int) {
			turns := o.take(most)
			bytes := 0
			for _, turn := range turns {
				for i := range turn.messages {
					m := &turn.messages[i]
					if got := binary.BigEndian.Uint32(m.Payload); got != next[turn.lane] {
						t.Fatalf("lane gave %d, want %d", got, next[turn.lane])
					}
					next[turn.lane]++
					bytes += m.bytes()
				}
			}
			if len(turns) == 0 && o.pending() {
				t.Fatal("nothing came of what there is")
			}
			if one := len(turns) == 1 && len(turns[0].messages) == 1; bytes > most && !one {
				t.Fatalf("%d bytes came, want at most %d", bytes, most)
			}
			o.gave(turns)
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "take") == 0 {
				drain(rapid.SampledFrom([]int{1, 1000, 20_000, feedMost}).Draw(t, "most"))
				continue
			}
			n := rapid.SampledFrom([]int{4, 100, 5000, 60_000, OutboxMax}).Draw(t, "bytes")
			if err := o.try(rapid.SampledFrom(lanes).Draw(t, "lane"), n); err != nil && !errors.Is(err, views.ErrFull) {
				t.Fatal(err)
			}
		}
		for o.pending() {
			drain(feedMost)
		}
		for i, l := range lanes {
			if uint64(next[l]) != l.posted || l.total != l.posted || l.bytes != 0 {
				t.Errorf("lane %d: %d of %d came, %d bytes left", i, next[l], l.posted, l.bytes)
			}
		}
		if o.bytes != 0 || o.longs != 0 || o.queued != 0 {
			t.Errorf("%d bytes, %d long ones, %d messages are still counted", o.bytes, o.longs, o.queued)
		}
	})
}
