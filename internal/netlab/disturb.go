package netlab

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
)

// heldMax bounds the packets that one host's queue holds; what comes beyond is
// let through at once, and counted.
const heldMax = 4096

// Disturb delays, reorders and duplicates the IP packets that reach some hosts
// (none: all), those of streams too. What is drawn for the n-th packet of a host follows from Seed;
// which packet that is, the world decides.
type Disturb struct {
	At   []int
	Seed uint64
	// Delay holds each packet, Jitter adds 0 to Jitter more, drawn evenly.
	Delay, Jitter time.Duration
	// Reorder is how many in 100 are held for 2 ms and once more Jitter, so that
	// others overtake; Duplicate how many come twice; Spoil how many are cut short, or
	// have a byte changed so that their checksum fails.
	Reorder, Duplicate, Spoil int

	queues []*queue
}

// reorderHold is the least by which a packet is held to be overtaken.
const reorderHold = 2 * time.Millisecond

// Disturbed counts what a Disturb did.
type Disturbed struct{ Packets, Held, Overtaken, Duplicated, Spoiled, Overflowed uint64 }

// Describe gives a line.
func (f *Disturb) Describe() string {
	return fmt.Sprintf("delay %s+%s, reorder %d %%, duplicate %d %%, spoil %d %% at %s, seed %d",
		f.Delay, f.Jitter, f.Reorder, f.Duplicate, f.Spoil, hostSet(f.At), f.Seed)
}

// Hosts gives those it was asked for.
func (f *Disturb) Hosts() []int { return f.At }

// Start makes it.
func (f *Disturb) Start(l *Lab) error {
	at := f.At
	if len(at) == 0 {
		at = All(len(l.hosts))
	}
	f.queues = nil
	for _, i := range at {
		q, err := f.openQueue(l, i)
		if err != nil {
			return err
		}
		f.queues = append(f.queues, q)
		go q.run()
		if err := l.host(i).space.command("", iptables("-A")...); err != nil {
			return err
		}
		q.ruled = true
	}
	return nil
}

// iptables sends what comes to us to the queue; where nobody reads it,
// past it. (nft's own queue statement is not in every kernel.)
func iptables(verb string) []string {
	return []string{"iptables", "-w", verb, "INPUT", "-i", "eth0", "-j", "NFQUEUE", "--queue-num", "0", "--queue-bypass"}
}

// Stop lets everything that is held go, and what comes through untouched.
func (f *Disturb) Stop(*Lab) error {
	var faults []error
	for _, q := range f.queues {
		if q.ruled {
			faults = append(faults, q.space.command("", iptables("-D")...))
			q.ruled = false
		}
		faults = append(faults, q.close())
	}
	return errors.Join(faults...)
}

// Counts gives what was done so far, or, after Stop, in all.
func (f *Disturb) Counts() Disturbed {
	var d Disturbed
	for _, q := range f.queues {
		d.Packets += q.packets.Load()
		d.Held += q.held.Load()
		d.Overtaken += q.overtaken.Load()
		d.Duplicated += q.duplicated.Load()
		d.Spoiled += q.spoiled.Load()
		d.Overflowed += q.overflowed.Load()
	}
	return d
}

// queue is one host's packets on their way in. One goroutine owns it.
type queue struct {
	f       *Disturb
	space   *space
	ruled   bool
	kernel  *packetQueue
	copies  *copier
	random  *rand.Rand
	waiting waiting
	arrived uint64
	passed  uint64 // the latest arrival that was let through
	err     error  // set before done is closed

	quit, done                                                chan struct{}
	packets, held, overtaken, duplicated, spoiled, overflowed atomic.Uint64
}

func (f *Disturb) openQueue(l *Lab, host int) (*queue, error) {
	q := &queue{
		f: f, space: l.host(host).space, random: rand.New(rand.NewPCG(f.Seed, uint64(host))),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	err := q.space.do(func() (err error) {
		q.kernel, err = openPacketQueue()
		return err
	})
	if err != nil {
		return nil, err
	}
	err = l.sw.do(func() (err error) {
		q.copies, err = openCopier(host)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, q.kernel.close())
	}
	return q, nil
}

// idleWait is how long the queue waits for a packet where none is held.
const idleWait = 100 * time.Millisecond

func (q *queue) run() {
	defer close(q.done)
	for q.err == nil {
		wait := idleWait
		if len(q.waiting) > 0 {
			wait = q.waiting[0].due.Sub(tracelog.Now())
		}
		err := q.kernel.receive(wait, q.take)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			q.err = err
		}
		select {
		case <-q.quit:
			q.release(true)
			return
		default:
			q.release(false)
		}
	}
}

// take decides about one packet.
func (q *queue) take(id uint32, packet []byte) {
	q.packets.Add(1)
	q.arrived++
	if q.random.IntN(100) < q.f.Spoil {
		q.spoil(id, packet)
		return
	}
	hold := q.f.Delay + q.upTo(q.f.Jitter)
	if q.random.IntN(100) < q.f.Reorder {
		hold += reorderHold + q.upTo(q.f.Jitter)
	}
	twice := q.random.IntN(100) < q.f.Duplicate
	if twice && !isCopy(packet) && q.copies.send(packet) == nil {
		q.duplicated.Add(1)
	}
	switch {
	case hold == 0:
		q.pass(held{id: id, arrival: q.arrived})
	case len(q.waiting) >= heldMax:
		q.overflowed.Add(1)
		q.pass(held{id: id, arrival: q.arrived})
	default:
		q.held.Add(1)
		heap.Push(&q.waiting, held{id, q.arrived, tracelog.Now().Add(hold)})
	}
}

// spoil lets a packet through that is not as it was.
func (q *queue) spoil(id uint32, packet []byte) {
	bad := slices.Clone(packet)
	if last := len(bad) - 1; q.random.IntN(2) == 0 {
		bad[last] ^= 0xff
	} else {
		bad = bad[:last]
	}
	q.spoiled.Add(1)
	if err := q.kernel.replace(id, bad); err != nil && q.err == nil {
		q.err = err
	}
}

func (q *queue) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(q.random.Int64N(int64(d)))
}

// release lets go what is due, or everything.
func (q *queue) release(all bool) {
	for len(q.waiting) > 0 && (all || q.waiting[0].due <= tracelog.Now()) {
		q.pass(heap.Pop(&q.waiting).(held))
	}
}

func (q *queue) pass(p held) {
	if p.arrival < q.passed {
		q.overtaken.Add(1)
	}
	q.passed = max(q.passed, p.arrival)
	if err := q.kernel.accept(p.id); err != nil && q.err == nil {
		q.err = err
	}
}

func (q *queue) close() error {
	close(q.quit)
	<-q.done
	return errors.Join(q.err, q.kernel.close(), q.copies.close())
}

// held is a packet that the kernel keeps for us.
type held struct {
	id      uint32
	arrival uint64
	due     views.Instant
}

// waiting is a heap by due.
type waiting []held

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(i, j int) bool { return w[i].due < w[j].due }
func (w waiting) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }

// Push is for package heap.
func (w *waiting) Push(x any) { *w = append(*w, x.(held)) }

// Pop is for package heap.
func (w *waiting) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
