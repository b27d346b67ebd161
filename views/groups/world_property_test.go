package groups

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
)

// Whatever happens, group views keep their promises (world.show), and at rest in
// one view all hosts have one table: exactly the ports that are there.
func TestAnyHistoryAgrees(t *testing.T) {
	total := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(4, t.Fatalf)
		w.lazy = true
		for range rapid.IntRange(5, 120).Draw(t, "steps") {
			w.chance(t)
		}
		w.view(w.alive(), nil)
		w.rest()
		w.judge()
		for range rapid.IntRange(0, 30).Draw(t, "more") { // and in one view alone
			w.local(t)
		}
		w.rest()
		w.judge()
		for k, n := range w.events {
			total[k] += n
		}
	})
	t.Log(total)
	for _, kind := range []string{"GroupView", "Block", "Parted", "Handover", "fifo", "fifo compared", "fifo held back"} {
		if total[kind] == 0 {
			t.Errorf("no %s happened in any run", kind)
		}
	}
}

// chance does one thing drawn at random.
func (w *world) chance(t *rapid.T) {
	h := rapid.SampledFrom(w.hosts).Draw(t, "host")
	if !h.up {
		h.start()
		return
	}
	switch rapid.SampledFrom([]string{"local", "local", "local", "local", "local", "send", "send", "deliver", "deliver", "deliver", "ready", "part", "meet", "alone", "crash", "settle", "settle", "rest"}).Draw(t, "what") {
	case "local":
		w.local(t)
	case "send":
		h.send()
	case "deliver":
		for n := rapid.IntRange(1, 4).Draw(t, "n"); n > 0 && h.delivered < len(h.at.order); n-- {
			h.deliver(false)
		}
	case "part", "meet", "alone":
		w.regroup(t, h)
	case "crash":
		h.crash()
	case "settle":
		w.settle()
	case "rest":
		if rapid.IntRange(0, 3).Draw(t, "really") == 0 {
			w.rest()
		}
	}
}

// local lets one port do something.
func (w *world) local(t *rapid.T) {
	h := rapid.SampledFrom(w.hosts).Draw(t, "host")
	if !h.up {
		return
	}
	switch rapid.SampledFrom([]string{"join", "join", "join", "leave", "gone", "ready", "ready", "send", "settle", "fifo", "fifo", "fifo", "fifo", "flow", "flow", "take", "state", "state"}).Draw(t, "what") {
	case "join":
		h.next++
		port := rapid.Uint32Range(max(h.next, 3)-2, h.next).Draw(t, "port")
		if h.spent[port] {
			return
		}
		o := Options{Block: rapid.Bool().Draw(t, "block"), State: rapid.Bool().Draw(t, "state")}
		_ = h.joinWith(port, w.group(t), o) // it may be a member already
	case "state":
		h.chanceOfState(t)
	case "leave":
		if port, ok := draw(t, h.ports); ok {
			if group, ok := draw(t, h.ports[port]); ok {
				h.leave(port, group, rapid.SampledFrom([]Why{Left, Crashed, Cut}).Draw(t, "why"))
			}
		}
	case "gone":
		if port, ok := draw(t, h.ports); ok {
			h.portGone(port)
		}
	case "ready":
		if q := h.questions(); len(q) > 0 {
			h.ready(rapid.SampledFrom(q).Draw(t, "question"))
		}
	case "send":
		h.send()
	case "settle":
		w.settle()
	case "fifo":
		w.enqueue(t, h)
	case "flow":
		h.flow()
	case "take":
		h.takeFIFO(map[views.HostID]int{rapid.SampledFrom(w.hosts).Draw(t, "from").id: rapid.IntRange(1, 9).Draw(t, "up to")})
	}
}

// regroup makes one view of some hosts: those that a bit mask names, with some
// that come each for itself although they come from the same view.
func (w *world) regroup(t *rapid.T, first *host) {
	mask := rapid.IntRange(0, 1<<len(w.hosts)-1).Draw(t, "who")
	apart := rapid.IntRange(0, 1<<len(w.hosts)-1).Draw(t, "apart") & rapid.IntRange(0, 1<<len(w.hosts)-1).Draw(t, "really")
	members := []*host{first}
	alone := map[*host]bool{}
	for i, h := range w.hosts {
		if h.up && h != first && mask>>i&1 == 1 {
			members = append(members, h)
		}
		alone[h] = apart>>i&1 == 1
	}
	w.view(members, alone)
}

func (w *world) group(t *rapid.T) string {
	return fmt.Sprint("g", rapid.IntRange(1, 3).Draw(t, "group"))
}

func draw[K uint32 | string, V any](t *rapid.T, of map[K]V) (K, bool) {
	keys := slices.Sorted(maps.Keys(of))
	if len(keys) == 0 {
		var none K
		return none, false
	}
	return rapid.SampledFrom(keys).Draw(t, "key"), true
}
