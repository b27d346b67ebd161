package engine

import (
	"net/netip"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// One who begins to count anew has not lost what it counted before.
func TestTallyOfOneThatStartedAgain(t *testing.T) {
	var count tally
	for i := range uint32(40) {
		count.take(&message.EchoReply{Seq: i + 1, Got: i + 1})
	}
	for i := range uint32(20) {
		count.take(&message.EchoReply{Seq: 41 + i, Got: i + 1})
	}
	l := link{process: views.Process{}, to: []netip.AddrPort{{}}, there: count}
	if s := l.status(1, true, 1472); s.Sent != 20 || s.There != 20 || s.Back != 20 {
		t.Errorf("of %d sent %d arrived and %d answers came, want 20 each", s.Sent, s.There, s.Back)
	}
}

// Two questions overtake each other on the way: nothing was lost.
func TestTallyOfTwoThatOvertake(t *testing.T) {
	var count tally
	count.take(&message.EchoReply{Seq: 2, Got: 1})
	count.take(&message.EchoReply{Seq: 1, Got: 2})
	l := link{process: views.Process{}, to: []netip.AddrPort{{}}, there: count}
	if s := l.status(1, true, 1472); s.There > s.Sent {
		t.Errorf("of %d sent %d arrived", s.Sent, s.There)
	}
}
