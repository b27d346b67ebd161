package netlab_test

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
)

// Loss that comes and goes costs one host its place a few times at most, and nobody
// else theirs.
func TestFlipFlop(t *testing.T) { onEachAndSeldomRelayed(t, flipFlopOn) }

func flipFlopOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 5)
	began := s.Now()
	s.must(s.Healthy(true, without(5, 2)...))
	const rounds = 4
	for range rounds {
		loss := &netlab.Loss{Percent: 60, To: []int{2}}
		s.impose(loss)
		s.must(s.Hold(2 * time.Second))
		s.lift(loss)
		s.must(s.Hold(time.Second))
	}
	s.must(s.Healthy(false, without(5, 2)...))
	removed := s.removals(began)
	for _, r := range removed {
		if r.host != 2 {
			s.Errorf("%s was put out, and it loses nothing", netlab.Name(r.host))
		}
	}
	if len(removed) > rounds/2 {
		s.Errorf("%d removals in %d rounds: flapping is not damped", len(removed), rounds)
	}
	s.serves(netlab.All(5))
}

// Frames that take long, and not always the same time, put nobody out.
func TestDelay(t *testing.T) { onEachAndSeldomRelayed(t, delayOn) }

func delayOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(6)
	late := &netlab.Disturb{Seed: 3, Delay: 100 * time.Millisecond, Jitter: 100 * time.Millisecond}
	s.impose(late)
	began := s.Now()
	s.must(s.Hold(8 * time.Second))
	s.undisturbed(4, began, "because frames take long")
	s.kill(4)
	s.settle(without(4, 4))
	s.lift(late)
	if late.Counts().Held == 0 {
		s.Error("no packet was late")
	}
	s.start(4)
	s.serves(netlab.All(4))
}

// Changed bytes whose checksum holds are not believed, and counted.
func TestCorrupt(t *testing.T) { onEach(t, corruptOn) }

func corruptOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	bad := &netlab.Corrupt{Percent: 3}
	s.impose(bad)
	began := s.Now()
	s.must(s.Hold(6 * time.Second))
	s.undisturbed(4, began, "because frames come changed")
	for i := range 4 {
		s.countsChanged(i+1, transport)
	}
	s.lift(bad)
	s.serves(netlab.All(4))
	// The kernel throws away what is short or has another sum: it is lost, no more.
	spoiled := &netlab.Disturb{Seed: 5, Spoil: 5}
	s.impose(spoiled)
	began = s.Now()
	s.must(s.Hold(4 * time.Second))
	s.undisturbed(4, began, "because frames come spoiled")
	s.lift(spoiled)
	if spoiled.Counts().Spoiled == 0 {
		s.Error("no frame was spoiled")
	}
	s.serves(netlab.All(4))
}

// countsChanged wants that a host has counted the changed frames that it met. In a
// datagram the byte is a sealed one; in a segment, which may begin with any part of a
// frame or of a greeting, mostly one of the key's id.
func (s *stage) countsChanged(host int, transport string) {
	s.Helper()
	dropped := s.dropped(host)
	n := dropped["forged"]
	if overStreams(transport) {
		n += dropped["wrong-key"] + dropped["greeting"] + dropped["stream"]
	}
	if n == 0 {
		s.Errorf("%s counted no changed frame but %v", netlab.Name(host), dropped)
	}
}

// Two of five that do not reach each other, and all others reach: all agree on one
// view, and the two are together again when they can be.
func TestPartialPartition(t *testing.T) { onEach(t, partialPartitionOn) }

func partialPartitionOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 5)
	cut := &netlab.Cut{From: []int{1}, To: []int{2}, BothWays: true}
	began := s.impose(cut)
	s.must(s.Healthy(true, 3, 4, 5))
	s.must(s.Hold(10 * time.Second))
	s.must(s.Healthy(false, 3, 4, 5))
	removed := s.removals(began)
	for _, r := range removed {
		if r.host > 2 {
			s.Errorf("%s was put out, and reaches everybody", netlab.Name(r.host))
		}
	}
	if most := map[bool]int{true: 0, false: 3}[transport == "router"]; len(removed) > most {
		s.Errorf("%d removals, want at most %d", len(removed), most)
	}
	s.lift(cut)
	s.serves(netlab.All(5))
}

// Three sides, then a ring in which everybody reaches two neighbours only, then all.
func TestThirdsAndRing(t *testing.T) { onEach(t, thirdsAndRingOn) }

func thirdsAndRingOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 6)
	s.changes(10)
	sides := [][]int{{1, 2}, {3, 4}, {5, 6}}
	if transport == "router" {
		sides = [][]int{{1, 2}, {3, 4, 5, 6}} // there are two routers
	}
	thirds := &netlab.Partition{Sides: sides}
	s.impose(thirds)
	s.settle(sides...)
	s.flow(usual)
	s.lift(thirds)
	s.serves(netlab.All(6))
	var ring []*netlab.Cut
	for i := 1; i <= 6; i++ {
		cut := &netlab.Cut{From: []int{i}, To: []int{(i+1)%6 + 1, (i+2)%6 + 1, (i+3)%6 + 1}}
		s.impose(cut)
		ring = append(ring, cut)
	}
	s.must(s.Hold(8 * time.Second))
	for _, cut := range ring {
		s.lift(cut)
	}
	s.serves(netlab.All(6))
}

// Three of six are swallowed one after another, and come back in another order.
func TestSwizzle(t *testing.T) { onEachAndRelayed(t, swizzleOn) }

func swizzleOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 6)
	s.changes(8)
	holes := map[int]*netlab.BlackHole{}
	for _, i := range []int{2, 4, 6} {
		holes[i] = &netlab.BlackHole{Host: i}
		s.impose(holes[i])
		s.must(s.Hold(300 * time.Millisecond))
	}
	s.settle([]int{1, 3, 5}, []int{2}, []int{4}, []int{6})
	for _, i := range []int{6, 2, 4} {
		s.lift(holes[i])
		s.must(s.Hold(200 * time.Millisecond))
	}
	s.serves(netlab.All(6))
}

// A thin way with a long queue makes the group slower, and puts nobody out.
func TestThinWay(t *testing.T) { onEachAndSeldomRelayed(t, thinWayOn) }

func thinWayOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	thin := &netlab.Thin{Host: 3, Rate: "1mbit"}
	before, err := s.Usage(3)
	s.must(err)
	s.impose(thin)
	began := s.Now()
	s.Talk(2*time.Millisecond, 5)
	s.must(s.Hold(8 * time.Second))
	s.Talk(40*time.Millisecond, 6)
	s.undisturbed(4, began, "because a way is thin")
	after, err := s.Usage(3)
	s.must(err)
	if grown := after.RSS - before.RSS; grown > 128<<20 {
		s.Errorf("its memory grew by %d MiB", grown>>20)
	}
	s.lift(thin)
	s.serves(netlab.All(4))
}

// A host that hears nobody, and one that nobody hears, is out as one that is gone.
func TestDeafAndMute(t *testing.T) { onEachAndRelayed(t, deafAndMuteOn) }

func deafAndMuteOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(8)
	for _, cut := range []*netlab.Cut{{To: []int{2}}, {From: []int{2}}} {
		s.impose(cut)
		s.serves(without(4, 2), []int{2})
		s.lift(cut)
		s.serves(netlab.All(4))
	}
}

// A host whose multicast alone passes is heard, and out all the same: it answers nothing, and
// nobody could come in beside it. It may be the coordinator.
func TestMulticastAlone(t *testing.T) {
	s := newStage(t, 5)
	s.changes(10)
	s.form(4)
	s.flow(usual)
	for _, coordinator := range []bool{false, true} {
		at, member := s.coordinator(4)
		if !coordinator {
			at = member
		}
		blocked := &netlab.Unrouted{Host: at}
		s.impose(blocked)
		rest := without(4, at)
		s.serves(rest, []int{at})
		s.start(5)
		s.serves(append(rest, 5), []int{at})
		s.lift(blocked)
		s.serves(netlab.All(5))
		s.leave(5)
		s.serves(netlab.All(4))
	}
}

// A switch that drops multicast beyond a rate leaves the group together.
func TestMulticastThrottled(t *testing.T) {
	s := newStage(t, 5)
	throttled := &netlab.Throttled{Frames: 10}
	s.impose(throttled)
	s.form(4)
	began := s.Now()
	s.must(s.Hold(5 * time.Second))
	s.flow(usual)
	s.undisturbed(4, began, "because multicast is throttled")
	s.start(5)
	s.serves(netlab.All(5))
	s.lift(throttled)
	s.flow(usual)
}
