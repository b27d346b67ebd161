package membertest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// orders are all promises a message can be sent under.
var orders = []views.Order{views.FIFO, views.Agreed, views.Safe}

// A message comes back to its sender, as the receipt says.
func testReceipts(t *testing.T, c Cluster) {
	a, b := c.enter(t, 0, "a", "g"), c.enter(t, 1, "b", "g")
	a.view("g", "of both", size(2))
	for i, order := range orders {
		text := "under " + order.String()
		r := a.send("g", order, text)
		for _, at := range []*tape{a, b} {
			m := &at.messages(i + 1)[i].Msg
			switch {
			case string(m.Payload) != text || m.Order != order || m.Transitional || m.Request != 0:
				t.Errorf("%v: got %+v", order, m)
			case m.ID != r.ID || m.K != r.K:
				t.Errorf("%v: delivered as %v k %d, the receipt says %v k %d", order, m.ID, m.K, r.ID, r.K)
			case m.ID.From != a.port.Self().Process || m.Port != a.port.Self().Port:
				t.Errorf("%v: from %v port %d, sent by %v", order, m.ID.From, m.Port, a.port.Self())
			case order.Placed() != (m.K != 0):
				t.Errorf("%v: at place %d", order, m.K)
			case r.View.IsZero():
				t.Errorf("%v: the receipt names no view", order)
			}
		}
	}
}

// A port that is in no group sends to one, and gets nothing of it.
func testOpenSend(t *testing.T, c Cluster) {
	a, out := c.enter(t, 0, "a", "g"), c.enter(t, 1, "outside", "other")
	out.send("g", views.Agreed, "from outside")
	m := a.messages(1)[0].Msg
	if string(m.Payload) != "from outside" || m.Port != out.port.Self().Port {
		t.Errorf("got %+v", m)
	}
	out.send("other", views.Agreed, "to myself")
	events := out.await("the message of its own group", func(e []member.Event) bool {
		return len(only(e, "other", member.KindMessage)) > 0
	})
	if got := only(events, "g", member.KindMessage); len(got) > 0 {
		t.Errorf("one outside got %s", describe(got))
	}
	out.send("nobody", views.Agreed, "into an empty group")
}

// What was posted does not change when its buffer does.
func testPayloadReuse(t *testing.T, c Cluster) {
	const count = 200
	a := c.enter(t, 0, "a", "g")
	ctx, cancel := within()
	defer cancel()
	for _, n := range []int{8, 100_000} {
		buf := make([]byte, n)
		for i := range count * 8 / (8 + n/100) {
			for j := range buf {
				buf[j] = byte(i)
			}
			must(t, "post", a.port.Post(ctx, "g", views.FIFO, buf))
		}
		clear(buf)
	}
	total := count*8/8 + count*8/1008
	for i, e := range a.messages(total) {
		if len(bytes.Trim(e.Msg.Payload, string(e.Msg.Payload[:1]))) != 0 {
			t.Fatalf("message %d of %d bytes was changed after it was posted", i, len(e.Msg.Payload))
		}
	}
}

// What one port sends comes in the order in which it was sent, over all groups.
func testFIFO(t *testing.T, c Cluster) {
	const count = 300
	into := []string{"a", "b", "c"}
	for _, order := range orders {
		t.Run(order.String(), func(t *testing.T) {
			from := c.enter(t, 0, "from", into...)
			reader := c.enter(t, 1, "reader", into...)
			for i := range count {
				from.post(into[i%len(into)], order, fmt.Sprint(i))
			}
			for _, at := range []*tape{from, reader} {
				events := at.await("all messages", func(e []member.Event) bool { return countMessages(e) == count })
				want := 0
				for i := range events {
					if events[i].Kind != member.KindMessage {
						continue
					}
					if got := string(events[i].Msg.Payload); got != fmt.Sprint(want) || events[i].Group != into[want%len(into)] {
						t.Fatalf("message %d was %q to %s", want, got, events[i].Group)
					}
					want++
				}
			}
		})
	}
}

func countMessages(events []member.Event) (n int) {
	for i := range events {
		if events[i].Kind == member.KindMessage {
			n++
		}
	}
	return n
}

// What several ports send to several groups at once comes in one order everywhere.
func testAgreed(t *testing.T, c Cluster) {
	const each = 150
	into := []string{"a", "b"}
	var tapes []*tape
	for i := range Hosts {
		tapes = append(tapes, c.enter(t, i, fmt.Sprint("p", i), into...))
	}
	for _, tp := range tapes {
		for _, g := range into {
			tp.view(g, "of all", size(Hosts))
		}
	}
	var senders sync.WaitGroup
	for at, tp := range tapes {
		senders.Go(func() {
			ctx, cancel := within()
			defer cancel()
			for i := range each {
				order := views.Agreed
				if i%10 == 9 {
					order = views.Safe
				}
				if err := tp.port.Post(ctx, into[(i+at)%2], order, fmt.Appendf(nil, "%d/%d", at, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
	var first []string
	for at, tp := range tapes {
		events := tp.await("all messages", func(e []member.Event) bool { return countMessages(e) == each*Hosts })
		got, err := sequence(events)
		must(t, "agreed", err)
		if at == 0 {
			first = got
		}
		if strings.Join(got, "\n") != strings.Join(first, "\n") {
			t.Fatalf("member %d got another order than member 0", at)
		}
	}
}

// sequence gives what was delivered, and checks that places rise and ids differ.
func sequence(events []member.Event) ([]string, error) {
	var out []string
	var last views.Position
	seen := make(map[trace.MsgID]bool)
	for i := range events {
		e := &events[i]
		if e.Kind != member.KindMessage {
			continue
		}
		if e.Msg.K <= last {
			return nil, fmt.Errorf("place %d after %d", e.Msg.K, last)
		}
		if seen[e.Msg.ID] {
			return nil, fmt.Errorf("%v was delivered twice", e.Msg.ID)
		}
		last, seen[e.Msg.ID] = e.Msg.K, true
		out = append(out, fmt.Sprintf("%s %v %d %s", e.Group, e.Msg.ID, e.Msg.K, e.Msg.Payload))
	}
	return out, nil
}

// Long messages arrive whole, and among short ones of their class in order.
func testLong(t *testing.T, c Cluster) {
	a, b := c.enter(t, 0, "a", "g"), c.enter(t, 1, "b", "g")
	sizes := []int{0, 1, 61_440, 61_441, 65_536, 1<<20 + 3, 1, views.PayloadMax, 2}
	ctx, cancel := within()
	defer cancel()
	for i, n := range sizes {
		must(t, "post", a.port.Post(ctx, "g", orders[i%2], pattern(i, n)))
	}
	a.send("g", views.Agreed, "end")
	for _, at := range []*tape{a, b} {
		next := [2]int{0, 1} // of each order
		for _, e := range at.messages(len(sizes) + 1) {
			class := 0
			if e.Msg.Order.Placed() {
				class = 1
			}
			i := next[class]
			next[class] += 2
			if i < len(sizes) && !bytes.Equal(e.Msg.Payload, pattern(i, sizes[i])) {
				t.Errorf("message %d of %d bytes came with %d, or others", i, sizes[i], len(e.Msg.Payload))
			}
		}
	}
}

// pattern gives n bytes in which a lost or moved piece shows.
func pattern(seed, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(seed + i + i>>8*7 + i>>16*31)
	}
	return b
}
