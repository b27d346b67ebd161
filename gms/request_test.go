package gms

import (
	"errors"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
)

// What answers take is bounded: the request that would pass it ends, and gives back
// what it had.
func TestAnswersAreBounded(t *testing.T) {
	self := views.Process{Host: views.HostID{1}, Incarnation: 1}
	c := &client{Port: &Port{host: &Host{start: views.Member{Process: self}}, number: 1}, asked: make(map[uint64]*collecting)}
	payload := append(append([]byte(nil), self.Host[:]...), 1, 1, 1)
	head := len(payload)
	payload = append(payload, make([]byte, AnswersMax/4)...)
	answered := make(chan answer[[]member.Reply], 2)
	for number := range uint64(2) {
		q := &collecting{group: "g", need: member.All, delivered: true, done: answered}
		for port := range uint32(5) {
			q.waiting = append(q.waiting, groups.Member{Process: self, Port: port})
		}
		c.asked[number+1] = q
	}
	give := func(number byte, port uint32) {
		payload[head-1] = number
		c.takeReply(&Message{Msg: trace.MsgID{From: self}, Port: port, Group: "g", Payload: payload})
	}
	for port := range uint32(4) {
		give(1, port)
	}
	if len(answered) != 0 || c.answers != AnswersMax {
		t.Fatalf("%d bytes taken", c.answers)
	}
	give(2, 0)
	if a := <-answered; !errors.Is(a.err, views.ErrTooLong) || c.asked[2] != nil || c.answers != AnswersMax {
		t.Errorf("ends with %v, %d bytes taken", a.err, c.answers)
	}
	give(1, 4)
	if a := <-answered; !errors.Is(a.err, views.ErrTooLong) || c.answers != 0 {
		t.Errorf("ends with %v, %d bytes taken", a.err, c.answers)
	}
}
