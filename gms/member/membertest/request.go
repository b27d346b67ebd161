package membertest

import (
	"fmt"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
)

// answering gives a member that answers each request with its name and what it
// was asked.
func (c Cluster) answering(t *testing.T, host int, name string) *tape {
	var tp *tape
	ready := make(chan struct{})
	tp = c.enterWith(t, host, name, member.Options{}, func(e *member.Event) {
		if e.Kind != member.KindMessage || e.Msg.Request == 0 {
			return
		}
		<-ready
		ctx, cancel := within()
		defer cancel()
		if err := tp.port.Reply(ctx, e.Group, &e.Msg, append([]byte(name+": "), e.Msg.Payload...)); err != nil {
			t.Errorf("reply of %s: %v", name, err)
		}
	})
	close(ready)
	tp.join("g", member.Options{})
	return tp
}

func (tp *tape) request(t *testing.T, text string, need member.Need) []member.Reply {
	t.Helper()
	ctx, cancel := within()
	defer cancel()
	replies, err := tp.port.Request(ctx, "g", []byte(text), need)
	must(t, "request", err)
	return replies
}

// All members answer, the one that asks too; long answers arrive whole.
func testRequestAll(t *testing.T, c Cluster) {
	var tapes []*tape
	for i := range Hosts {
		tapes = append(tapes, c.answering(t, i, fmt.Sprint("p", i)))
	}
	for n := range 3 {
		text := string(pattern(n, n*100_000))
		seen := make(map[string]bool)
		for _, r := range tapes[n].request(t, text, member.All) {
			if r.Gone || string(r.Payload) != r.From.Name+": "+text {
				t.Errorf("answer of %s, gone %v, %d bytes", r.From.Name, r.Gone, len(r.Payload))
			}
			if r.From.Join == 0 {
				t.Errorf("%s is no member of a group", r.From)
			}
			seen[r.From.Name] = true
		}
		if len(seen) != Hosts {
			t.Errorf("answers of %v", seen)
		}
	}
}

// A majority and the first do not wait for one that is silent.
func testRequestSome(t *testing.T, c Cluster) {
	a := c.answering(t, 0, "a")
	c.answering(t, 1, "b")
	c.enter(t, 2, "silent", "g")
	if got := a.request(t, "?", member.Majority); len(got) != 2 || got[0].From.Name == got[1].From.Name {
		t.Errorf("of a majority: %v", got)
	}
	if got := a.request(t, "?", member.First); len(got) != 1 || got[0].From.Name == "silent" {
		t.Errorf("of the first: %v", got)
	}
}

// A member that goes before it answers is named as gone.
func testRequestLoss(t *testing.T, c Cluster) {
	a := c.answering(t, 0, "a")
	c.answering(t, 1, "b")
	asked := make(chan struct{}, 1)
	mute := c.enterWith(t, 2, "mute", member.Options{}, func(e *member.Event) {
		if e.Kind == member.KindMessage && e.Msg.Request != 0 {
			asked <- struct{}{}
		}
	}, "g")
	replies := make(chan []member.Reply, 1)
	go func() {
		ctx, cancel := within()
		defer cancel()
		got, err := a.port.Request(ctx, "g", []byte("?"), member.All)
		if err != nil {
			t.Error(err)
		}
		replies <- got
	}()
	await(t, "the request", asked)
	c.Kill(mute.port)
	got := await(t, "the replies", replies)
	if len(got) != Hosts {
		t.Fatalf("replies %v", got)
	}
	for _, r := range got {
		if r.Gone != (r.From.Name == "mute") || r.Gone && len(r.Payload) > 0 {
			t.Errorf("%s: gone %v, %q", r.From.Name, r.Gone, r.Payload)
		}
	}
}
