package engine_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// That the same comes again from one address is told once more, a moment later; of many
// addresses at one time some are told of, and they keep no other kind from being told.
func TestNoticesOfManyStrangers(t *testing.T) {
	l := sealed(t, 2)
	target := l.hosts[0]
	told := func(at byte, group uint64) (list []engine.Refused) {
		from := views.Process{Host: views.HostID{9, at}, Incarnation: 1}
		h := message.Header{Group: group, From: from, Nonce: 1}
		frame := append(wire.AppendSealedHeader(nil, h, 99, 1), make([]byte, 80)...)
		if group != engine.GroupHash("g") {
			frame = append(wire.AppendHeader(nil, h), make([]byte, 80)...)
			wire.Sum(frame)
		}
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 9, at}), 1)
		for _, d := range target.Step(l.now, engine.Received{From: addr, Frame: frame}).Deliver {
			if r, ok := d.(engine.Refused); ok {
				list = append(list, r)
			}
		}
		return list
	}
	total := 0
	for i := range byte(200) {
		l.now = l.now.Add(10 * time.Millisecond)
		total += len(told(i, 12345))
	}
	if total == 0 || total > 16 {
		t.Errorf("told of %d strangers of 200", total)
	}
	for i, want := range []int{1, 0, 1, 0} {
		list := told(250, engine.GroupHash("g"))
		if len(list) != want || want > 0 && (list[0].Again != (i > 0) || list[0].Code != views.RefuseKey) {
			t.Errorf("the %d. time of one of another kind: %v", i+1, list)
		}
		l.now = l.now.Add(600 * time.Millisecond)
	}
}

// A group beside ours on its multicast address is told of where a host has been alone for
// a while, once in ten seconds and that it comes again, and gets no answer; and no longer
// once the host is not alone.
func TestAnotherGroupOverheard(t *testing.T) {
	l := sealed(t, 1)
	target := l.hosts[0]
	var told []engine.Refused
	answers := 0
	hear := func(d time.Duration) {
		told, answers = nil, 0
		for end := l.now.Add(d); l.now < end; l.run(100 * time.Millisecond) {
			for at := range byte(20) { // it is large
				from := views.Process{Host: views.HostID{9, at}, Incarnation: 1}
				frame := append(wire.AppendHeader(nil, message.Header{Group: 12345, From: from, Nonce: 1}), make([]byte, 80)...)
				wire.Sum(frame)
				target.step(engine.Received{From: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 9, at}), 1), Frame: frame, Multicast: true})
			}
		}
	}
	target.look = func(o *engine.Output) {
		for _, d := range o.Deliver {
			if r, ok := d.(engine.Refused); ok {
				told = append(told, r)
			}
		}
		for _, p := range o.Send {
			if p.Scope == engine.Direct && p.To[0].Addr().As4()[1] == 9 {
				answers++
			}
		}
	}
	hear(2 * time.Second) // and a moment before
	if len(told) > 0 {
		t.Errorf("within its first seconds it tells of %v", told)
	}
	l.run(3 * time.Second)
	hear(9 * time.Second)
	if len(told) != 2 || told[0].Again || !told[1].Again || told[0].From != told[1].From || told[0].Code != views.RefuseGroup || answers > 0 {
		t.Errorf("alone it tells of %v, and answers %d times", told, answers)
	}
	l.add(0)
	l.expectOneView(5*time.Second, "meet")
	hear(20 * time.Second)
	if len(told)+answers > 0 || target.dropped("other-group") == 0 {
		t.Errorf("with another one it tells of %v, and answers %d times", told, answers)
	}
}
