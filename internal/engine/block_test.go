package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// What a port sent before it answered a block may have no way out: whoever orders is
// dead. The change of hosts does not wait for it for long, and it goes out after that.
func TestBlockDoesNotWaitForTheDead(t *testing.T) {
	l := formed(t, 21, 3)
	members := l.hosts[0].View().Members
	byRank := func(rank int) *lanHost {
		return l.hosts[slices.IndexFunc(l.hosts, func(h *lanHost) bool { return h.process == members[rank].Process })]
	}
	orders, asked := byRank(0), byRank(1)
	asked.step(engine.Join{Port: 1, Group: "a", Name: "p", Block: true})
	l.run(50 * time.Millisecond)
	answered := false
	asked.look = func(out *engine.Output) {
		for _, d := range out.Deliver {
			if _, ok := d.(groups.Block); ok {
				answered = true
				l.at(0, asked, engine.Ready{Port: 1, Group: "a"}, nil)
			}
		}
	}
	l.kill(orders)
	asked.step(engine.Submit{{Port: 1, Group: "a", Order: views.Agreed, Payload: []byte("before the answer")}})
	took := l.expectOneView(2*time.Second, "go on without whoever orders")
	if !answered {
		t.Fatal("the port was not asked")
	}
	if took > 600*time.Millisecond {
		t.Errorf("the view came after %v", took)
	}
	l.run(100 * time.Millisecond)
	if !slices.Contains(asked.got, "before the answer") {
		t.Error("the message is lost")
	}
}
