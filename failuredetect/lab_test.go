package failuredetect

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// lab is a group of detectors under virtual time with a network that loses and
// cuts. There is no agreement on views in it: the view stays, and what the
// detectors say of each other is looked at.
type lab struct {
	now    views.Instant
	view   *views.View
	hosts  []*labHost
	queue  eventQueue
	serial uint64
	random source
	cut    map[[2]int]bool
	// noMulticast are the hosts whose multicasts are lost on the way out.
	noMulticast map[int]bool
	// noWay are the ways, from one to another, that only multicast gets over.
	noWay map[[2]int]bool
	// far is how much longer than others frames to and from a host take.
	far map[int]time.Duration
	// loss is per mille at each end; lossOut also takes whole multicasts.
	loss   uint64
	jitter time.Duration
	// watch is called after each drain.
	watch  func(h *labHost, out Output)
	log    []string
	frames int
	pings  int
}

type labHost struct {
	rank   int
	d      *Detector
	up     bool
	frozen bool
	wakeAt views.Instant
	inbox  []labEvent
}

type labEvent struct {
	at       views.Instant
	serial   uint64
	from, to int
	// m is nil for a wake-up.
	m message.Message
}

type eventQueue []labEvent

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].serial < q[j].serial
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(labEvent)) }
func (q *eventQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func process(i int) views.Process {
	return views.Process{Host: views.HostID{0: byte(i >> 8), 1: byte(i), 2: 1}, Incarnation: 1}
}

func viewOf(seq views.Seq, hosts ...int) *views.View {
	v := &views.View{ID: views.ViewID{Seq: seq, Coordinator: process(hosts[0]).Host, Incarnation: 1}}
	for _, i := range hosts {
		v.Members = append(v.Members, views.Member{Process: process(i), Name: fmt.Sprintf("h%d", i)})
	}
	return v
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func newLab(n int, seed uint64) *lab { return newLabAt(n, seed, 0) }

// newLabAt makes a lab whose hosts have that Beat.
func newLabAt(n int, seed uint64, beat time.Duration) *lab {
	l := &lab{now: views.Instant(time.Hour), random: source(seed), cut: map[[2]int]bool{}, noMulticast: map[int]bool{}, noWay: map[[2]int]bool{}, far: map[int]time.Duration{}, jitter: time.Millisecond}
	l.view = viewOf(7, upTo(n)...)
	for i := range n {
		h := &labHost{rank: i, up: true, d: New(Config{Self: process(i), Beat: beat}, l.random.next())}
		l.hosts = append(l.hosts, h)
		h.d.SetView(l.now, l.view)
		l.drain(h)
	}
	return l
}

func (l *lab) push(e labEvent) {
	l.serial++
	e.serial = l.serial
	heap.Push(&l.queue, e)
}

// run goes on for d.
func (l *lab) run(d time.Duration) {
	end := l.now.Add(d)
	for len(l.queue) > 0 && l.queue[0].at <= end {
		e := heap.Pop(&l.queue).(labEvent)
		l.now = e.at
		l.take(e)
	}
	l.now = end
}

func (l *lab) take(e labEvent) {
	h := l.hosts[e.to]
	switch {
	case !h.up:
		return
	case h.frozen:
		if e.m != nil {
			h.inbox = append(h.inbox, e)
		}
		return
	case e.m == nil && e.at != h.wakeAt:
		return // another wake-up is pending
	}
	if e.m == nil {
		h.wakeAt = 0
	}
	l.deliver(h, e)
	h.d.Advance(l.now)
	l.drain(h)
}

func (l *lab) deliver(h *labHost, e labEvent) {
	from := process(e.from)
	switch m := e.m.(type) {
	case *message.Heartbeat:
		h.d.HandleHeartbeat(l.now, from, m)
	case *message.Accuse:
		h.d.HandleAccuse(l.now, from, m)
	case *message.Ping:
		h.d.Heard(l.now, from)
		l.direct(h.rank, e.from, &message.Pong{Token: m.Token})
	case *message.Pong:
		h.d.HandlePong(l.now, from, m.Token)
	}
}

func (l *lab) drain(h *labHost) {
	out := h.d.Drain()
	for _, e := range out.Events {
		l.note(h, e)
	}
	if out.Beat {
		l.multicast(h.rank, out.BeatTo, &message.Heartbeat{View: l.view.ID})
	}
	for _, p := range out.Pings {
		l.pings++
		l.direct(h.rank, int(p.Rank), &message.Ping{Token: p.Token})
	}
	if out.Accuse != nil {
		l.accuse(h.rank, out)
	}
	if l.watch != nil {
		l.watch(h, out)
	}
	if next := h.d.Deadline(); next != 0 && (h.wakeAt == 0 || next < h.wakeAt) {
		h.wakeAt = max(next, l.now)
		l.push(labEvent{at: h.wakeAt, to: h.rank})
	}
}

// accuse sends a list by multicast, or directly.
func (l *lab) accuse(from int, out Output) {
	if out.AccuseTo == nil {
		l.multicast(from, nil, out.Accuse)
	}
	for _, to := range out.AccuseTo {
		l.direct(from, int(to), out.Accuse)
	}
}

func (l *lab) lost() bool { return l.loss > 0 && l.random.next()%1000 < l.loss }

// multicast is lost for all at once at the sender, and for each at the receiver.
func (l *lab) multicast(from int, to []uint16, m message.Message) {
	lost := l.lost() || l.noMulticast[from]
	for i := range l.hosts {
		if i != from && (to == nil || slices.Contains(to, uint16(i))) {
			// To some members it goes by unicast, to each alone.
			l.send(from, i, m, lost || to != nil && l.noWay[[2]int{from, i}])
		}
	}
}

// direct is for one host alone.
func (l *lab) direct(from, to int, m message.Message) {
	l.send(from, to, m, l.lost() || l.noWay[[2]int{from, to}])
}

func (l *lab) send(from, to int, m message.Message, lost bool) {
	l.frames++
	if lost || l.cut[[2]int{from, to}] || l.lost() {
		return
	}
	delay := 200*time.Microsecond + l.far[from] + l.far[to] + l.random.upTo(l.jitter)
	l.push(labEvent{at: l.now.Add(delay), from: from, to: to, m: m})
}

func (l *lab) note(h *labHost, e trace.Event) {
	at := time.Duration(l.now - views.Instant(time.Hour)).Round(time.Millisecond)
	name := func(id views.HostID) string { return fmt.Sprintf("h%d", int(id[0])<<8|int(id[1])) }
	switch e := e.(type) {
	case trace.Suspect:
		l.log = append(l.log, fmt.Sprintf("%v h%d: suspect %s by %s: %s", at, h.rank, name(e.Who), e.Detector, e.Evidence))
	case trace.Trust:
		l.log = append(l.log, fmt.Sprintf("%v h%d: trust %s by %s: %s", at, h.rank, name(e.Who), e.Detector, e.Evidence))
	}
}

// isolate cuts the hosts of side from all others, both ways.
func (l *lab) isolate(side ...int) { l.divide(l.cut, side...) }

// divide puts all ways between a side and the others into a set, both directions.
func (l *lab) divide(ways map[[2]int]bool, side ...int) {
	for i := range l.hosts {
		for j := range l.hosts {
			if slices.Contains(side, i) != slices.Contains(side, j) {
				ways[[2]int{i, j}] = true
			}
		}
	}
}

func (l *lab) freeze(rank int) { l.hosts[rank].frozen = true }

// thaw lets a host go on: first it reads what the kernel kept, then its timer.
func (l *lab) thaw(rank int) {
	h := l.hosts[rank]
	h.frozen = false
	inbox := h.inbox
	h.inbox = nil
	for _, e := range inbox {
		l.deliver(h, e)
	}
	h.d.Advance(l.now)
	h.wakeAt = 0
	l.drain(h)
}

func (l *lab) kill(rank int) { l.hosts[rank].up = false }

// closed lets every living host see the socket of a killed one close.
func (l *lab) closed(rank int) {
	for _, h := range l.hosts {
		if h.up && h.rank != rank {
			h.d.HandleEvidence(l.now, process(rank), message.EvidenceClosed)
			l.drain(h)
		}
	}
}

// failedAt runs until the opinion of every host in at is exactly want, and
// gives how long that took.
func (l *lab) failedAt(t *testing.T, within time.Duration, at []int, want ...uint16) time.Duration {
	t.Helper()
	began := l.now
	for l.now.Sub(began) < within {
		l.run(5 * time.Millisecond)
		if !slices.ContainsFunc(at, func(i int) bool { return !slices.Equal(l.hosts[i].d.Failed(), want) }) {
			return l.now.Sub(began)
		}
	}
	for _, i := range at {
		if got := l.hosts[i].d.Failed(); !slices.Equal(got, want) {
			t.Errorf("h%d: failed %v after %v, want %v: %s", i, got, within, want, clip(l.hosts[i].d.Describe()))
		}
	}
	t.FailNow()
	return 0
}

func clip(s string) string { return s[:min(len(s), 400)] }

func (l *lab) story() string { return strings.Join(l.log, "\n") }
