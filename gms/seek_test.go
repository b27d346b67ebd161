package gms

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/views"
)

// memberAt is a host and its address.
func memberAt(n int) views.Member {
	return views.Member{
		Process: views.Process{Host: views.HostID{9, byte(n)}, Incarnation: 1}, Name: fmt.Sprintf("h%d", n),
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(n)}), 7749),
	}
}

func remember(numbers ...int) (all []stable.Peer) {
	for _, n := range numbers {
		m := memberAt(n)
		all = append(all, stable.Peer{Process: m.Process, Name: m.Name, Addr: m.Addr})
	}
	return all
}

// obeying is an engine that does what a frame says: "seek" seeks, "view 2 3" installs
// a view of this host and those, "evict 2 3" the same by the operator's word.
func obeying(r *rig) func(views.Instant, engine.Input) *engine.Output {
	return func(_ views.Instant, in engine.Input) *engine.Output {
		f, ok := in.(engine.Received)
		if !ok {
			return nil
		}
		word, rest, _ := strings.Cut(string(f.Frame), " ")
		switch word {
		case "seek":
			return &engine.Output{Send: []engine.Packet{{Scope: engine.Seek, Frame: []byte("hello")}}}
		case "view", "evict":
			r.engine.seq++
			v := &views.View{ID: views.ViewID{Seq: r.engine.seq}, Members: []views.Member{{Process: selfProcess, Name: "h1", Addr: selfAddr}}}
			if word == "evict" {
				v.Reason = views.ReasonEvict
			}
			for n := range strings.FieldsSeq(rest) {
				var number int
				_, _ = fmt.Sscan(n, &number)
				v.Members = append(v.Members, memberAt(number))
			}
			return &engine.Output{Deliver: []engine.Delivery{engine.ViewInstalled{View: v}}}
		case "deaf":
			return &engine.Output{Deliver: []engine.Delivery{engine.Earshot{Members: []engine.OutOfEarshot{{Name: "h2", Deaf: true}}}}}
		case "hears":
			return &engine.Output{Deliver: []engine.Delivery{engine.Earshot{}}}
		}
		return nil
	}
}

// sought are the addresses at which a host sought since the last call; each seek must
// have gone out by the transport's own way, too.
func (r *rig) sought(t *testing.T, frames int) (to []string) {
	t.Helper()
	r.take()
	for range frames {
		r.wire.in <- []byte("seek")
		synctest.Wait()
	}
	own := 0
	for _, line := range r.take() {
		if line == "seek hello" {
			own++
		} else if at, ok := strings.CutPrefix(line, "send hello to "); ok {
			to = append(to, strings.TrimPrefix(strings.TrimSuffix(at, ":7749"), "10.0.1."))
		}
	}
	if own != frames {
		t.Errorf("%d of %d went out by the transport's own way", own, frames)
	}
	return to
}

func (r *rig) do(what string) {
	r.wire.in <- []byte(what)
	synctest.Wait()
}

// absent is what the engine was told last, and how often it was told.
func (r *rig) absent() (some bool, times int) {
	for _, in := range r.engine.inputs {
		if a, ok := in.(engine.Absent); ok {
			some = a.Some
			times++
		}
	}
	return some, times
}

func TestKnownAndAbsentAreSought(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = obeying(r)
		r.cfg.Peers = []string{"10.0.1.2", "10.0.0.1", "10.0.1.3"} // one is our own
		r.store.known = remember(3, 4)
	}, func(t *testing.T, r *rig, h *Host) {
		if got := r.sought(t, 1); !slices.Equal(got, []string{"2", "3", "4"}) {
			t.Errorf("sought at %v, want 2, 3, 4: each once, not our own", got)
		}
		if some, times := r.absent(); !some || times != 1 {
			t.Errorf("the engine was told %d times, last that some are absent: %v", times, some)
		}
		r.do("view 2 4")
		if got := r.sought(t, 1); !slices.Equal(got, []string{"3"}) {
			t.Errorf("sought at %v, want 3, who is not in the view", got)
		}
		r.do("view 2 3 4")
		if got := r.sought(t, 3); len(got) != 0 {
			t.Errorf("sought at %v though all are in the view", got)
		}
		if some, times := r.absent(); some || times != 2 {
			t.Errorf("the engine was told %d times, last that some are absent: %v", times, some)
		}
		status, err := h.Status(t.Context())
		if d := status.Discovery; err != nil || d.Known != 3 || d.Absent != 0 || len(d.Layers) != 3 {
			t.Errorf("status %+v, %v", d, err)
		}
	})
}

// Many who are known and absent are sought in turn, some at a time.
func TestManyAbsentTakeTurns(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = obeying(r)
		for n := 2; n <= 81; n++ {
			r.cfg.Peers = append(r.cfg.Peers, memberAt(n).Addr.String())
		}
	}, func(t *testing.T, r *rig, _ *Host) {
		seen := map[string]int{}
		for i, want := range []int{32, 32, 16, 32} {
			got := r.sought(t, 1)
			if len(got) != want {
				t.Errorf("seek %d went to %d, want %d", i, len(got), want)
			}
			for _, a := range got {
				seen[a]++
			}
		}
		if len(seen) != 80 {
			t.Errorf("%d of 80 were sought in a round", len(seen))
		}
		r.do("view 2 3 34 35")
		for _, a := range r.sought(t, 8) {
			if a == "2" || a == "3" || a == "34" || a == "35" {
				t.Errorf("%s is sought though it is in the view", a)
			}
		}
	})
}

// The file of peers is the union over time; one whom the operator put out is not in it.
func TestPeersAreRemembered(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = obeying(r)
		r.store.known = remember(2)
	}, func(t *testing.T, r *rig, h *Host) {
		saved := func() (names []string) {
			r.store.mu.Lock()
			defer r.store.mu.Unlock()
			for _, p := range r.store.saved {
				names = append(names, p.Name)
			}
			slices.Sort(names)
			return names
		}
		writes := func() int {
			r.store.mu.Lock()
			defer r.store.mu.Unlock()
			return r.store.peers
		}
		for _, step := range []struct {
			do     string
			want   string
			writes int
		}{
			{"view 3 4", "h2 h3 h4", 1},
			{"view 3", "h2 h3 h4", 2},
			{"view", "h2 h3 h4", 2},
			{"view 3 5", "h2 h3 h4 h5", 3},
			{"evict 3", "h2 h3 h4", 4},
			{"evict", "h2 h4", 5},
			{"view 3", "h2 h3 h4", 6},
		} {
			r.do(step.do)
			if got := strings.Join(saved(), " "); got != step.want || writes() != step.writes {
				t.Errorf("after %q the file has %q after %d writes, want %q after %d", step.do, got, writes(), step.want, step.writes)
			}
		}
		// By the word given here, whatever else the view was made for.
		r.do("view 3 4")
		if err := h.Evict(t.Context(), memberAt(3).Host, false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := strings.Join(saved(), " "); got != "h2 h4" {
			t.Errorf("after the eviction of h3, and h4 gone with it, the file has %q", got)
		}
	})
}

func TestAHostAloneSaysSo(t *testing.T) {
	const warning = "this host was with others before and finds none of them; it is not the first of a new cluster"
	lines := &logLines{}
	inBubble(t, func(r *rig) {
		r.engine.on = obeying(r)
		r.cfg.Logger = slog.New(lines)
		r.store.known = remember(2, 3)
	}, func(t *testing.T, r *rig, h *Host) {
		for _, step := range []struct {
			pass time.Duration
			want int
		}{{4 * time.Second, 0}, {3 * time.Second, 1}, {time.Minute, 3}, {time.Hour, 12}} {
			time.Sleep(step.pass)
			if got := lines.count(warning); got != step.want {
				t.Errorf("said %d times after %s more, want %d", got, step.pass, step.want)
			}
		}
		if d, _ := h.Status(t.Context()); d.Discovery.Alone < time.Hour || d.Discovery.Absent != 2 || len(d.Discovery.Sought) != 2 {
			t.Errorf("status %+v", d.Discovery)
		}
		r.do("view 2")
		if d, _ := h.Status(t.Context()); d.Discovery.Alone != 0 || lines.count("no longer alone") != 1 {
			t.Errorf("with another it is alone for %v, said %d times that it is not", d.Discovery.Alone, lines.count("no longer alone"))
		}
	})
}

// Where nobody is at the addresses that a host was given, or it has none, it says so.
func TestAHostThatFindsNobodySaysSo(t *testing.T) {
	const unanswered = "this host is alone: no member answers where others should be"
	const unknown = "this host is alone: it knows no address but its own, and its transport finds nobody by itself"
	for _, test := range []struct {
		transport, peer, want string
	}{
		{TransportUDP, "10.0.1.2", unanswered},
		{TransportTCP, selfAddr.String(), unknown},
		{TransportMulticast, "10.0.1.2", unanswered},
		{TransportMulticast, selfAddr.String(), ""},
	} {
		lines := &logLines{}
		inBubble(t, func(r *rig) {
			r.engine.on = obeying(r)
			r.cfg.Logger = slog.New(lines)
			r.cfg.Transport, r.cfg.Peers = test.transport, []string{test.peer}
		}, func(t *testing.T, r *rig, h *Host) {
			time.Sleep(7 * time.Second)
			for _, line := range []string{unanswered, unknown} {
				want := map[bool]int{true: 1, false: 0}[line == test.want]
				if got := lines.count(line); got != want {
					t.Errorf("%s with peer %s: %q is said %d times, want %d", test.transport, test.peer, line, got, want)
				}
			}
			if d, _ := h.Status(t.Context()); d.Discovery.Alone != 0 {
				t.Errorf("it was with nobody, and alone for %s", d.Discovery.Alone)
			}
			said := lines.count("no longer alone")
			r.do("view 2")
			if got := lines.count("no longer alone") - said; (got == 1) != (test.want != "") {
				t.Errorf("%s with peer %s: with another it says %d times that it is not alone", test.transport, test.peer, got)
			}
		})
	}
}

func TestTheFirstOfAClusterIsNotAlone(t *testing.T) {
	lines := &logLines{}
	inBubble(t, func(r *rig) {
		r.cfg.Logger = slog.New(lines)
		r.cfg.Peers = []string{"10.0.1.2"}
	}, func(t *testing.T, _ *rig, h *Host) {
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, line := range lines.lines {
			if strings.Contains(line, "first of a new cluster") {
				t.Errorf("one who never was with anybody says: %s", line)
			}
		}
	})
}

// That multicast does not pass is said once when it lasts, and once when it does again.
func TestDeafMulticastIsSaidOnce(t *testing.T) {
	const begins, ends = "multicast does not pass between this host and other members; membership goes on by unicast",
		"multicast passes between this host and all members again"
	lines := &logLines{}
	inBubble(t, func(r *rig) {
		r.engine.on = obeying(r)
		r.cfg.Logger = slog.New(lines)
	}, func(t *testing.T, r *rig, _ *Host) {
		want := func(when string, b, e int) {
			t.Helper()
			if lines.count(begins) != b || lines.count(ends) != e {
				t.Errorf("%s: said %d and %d times, want %d and %d", when, lines.count(begins), lines.count(ends), b, e)
			}
		}
		r.do("view 2 3")
		r.do("deaf")
		time.Sleep(time.Second)
		want("at once", 0, 0)
		r.do("hears")
		time.Sleep(time.Minute)
		want("a moment of it", 0, 0)
		r.do("deaf")
		r.do("deaf")
		time.Sleep(time.Minute)
		want("for long", 1, 0)
		r.do("hears")
		r.do("hears")
		time.Sleep(time.Minute)
		want("mended", 1, 1)
	})
}

func TestPeersAreReplaced(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.engine.on = obeying(r)
		r.cfg.Peers = []string{"10.0.1.2"}
		r.store.known = remember(3)
	}, func(t *testing.T, r *rig, h *Host) {
		var fault *FieldError
		if err := h.SetPeers(t.Context(), Peers{List: []string{"a b"}}); !errors.As(err, &fault) || fault.Key != "peers" {
			t.Errorf("a bad peer: %v", err)
		}
		if err := h.SetPeers(t.Context(), Peers{List: []string{"10.0.1.4"}, File: "/nowhere"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.take()
		if got := r.sought(t, 2); !slices.Equal(got, []string{"4", "3", "4", "3"}) {
			t.Errorf("sought at %v, want the new one and the remembered one", got)
		}
		if d, _ := h.Status(t.Context()); !strings.Contains(d.Discovery.Layers[1].Trouble, "/nowhere") {
			t.Errorf("layers %+v", d.Discovery.Layers)
		}
		_ = h.Close()
		if err := h.SetPeers(t.Context(), Peers{}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}
