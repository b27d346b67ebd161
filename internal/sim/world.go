package sim

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Oracle watches a run and judges it at the end. It never influences the run.
type Oracle interface {
	// Observe sees each record in the order in which things happened. Each
	// state directory, copies included, is a stream of its own.
	Observe(stream uint32, r trace.Record)
	// Crash says that a process ended without a word.
	Crash(stream uint32, p views.Process)
	// Disturb says that a fault begins, or ends, which may touch these hosts.
	Disturb(begins bool, touched []views.HostID)
	// Stable says that from now on these hosts, and no others, are healthy and
	// connected; Settled that by now they must have agreed; Drain that what is
	// sent from here on need not arrive; Unstable that the window is over.
	Stable(members []views.HostID)
	Settled()
	Drain()
	Unstable()
	// App says what the application of a port did, Rest that each that wants a state
	// must have it.
	App(stream uint32, p views.Process, e check.AppEvent)
	Rest()
	// Broken gives the first violation so far, or nil; it must be cheap.
	Broken() *Failure
	// Finish judges what can be judged only at the end.
	Finish() *Failure
}

// Failure is a property that did not hold, or a liveness bound that passed.
type Failure struct {
	// Property is its code, or "driver", "log", "disk", "progress", "panic".
	Property string
	// Witness is the shortest account of what went wrong.
	Witness string
	// At is the world time at which it was noticed.
	At time.Duration
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s at %s: %s", f.Property, f.At.Round(time.Microsecond), f.Witness)
}

// World is one simulated cluster: a single thread of events in virtual time.
type World struct {
	opts  Options
	maker Maker
	heap  eventHeap
	// now is the world's time; no host sees it, each has a clock of its own.
	now views.Instant

	frames   framePool
	net      *network
	hosts    []*Host // by number; hosts[0] is nil
	evidence []engine.Evidence
	calls    []func()
	identity identities
	oracle   Oracle
	// former names the machine of each identity that was wiped.
	former map[views.HostID]int
	fault  *rand.Rand
	work   *workload
	// firstRing is what every machine begins with, keys are all that were ever made.
	firstRing keys.Ring
	keys      map[keys.ID]keys.Key
	made      []keys.ID
	verifier  verifier
	operator  operator
	recorder  recorder

	faults []Fault
	active []bool
	// healGen voids the ends of faults that a heal has already ended.
	healGen uint32
	// troubled counts the active faults, lastTrouble is when one last ended.
	troubled    int
	lastTrouble views.Instant
	// drained: what was submitted before must be answered by the end of the window.
	drained views.Instant

	gen       uint32
	streams   uint32
	stalledAt views.Instant
	stalls    int

	hash    uint64
	stats   Stats
	cover   Coverage
	failure *Failure
	over    string
	// watchRecord, if set, sees every record, shadows included.
	watchRecord func(h *Host, r trace.Record)
	// watchDelivery, if set, sees what the engine says to ports, watchRouted each
	// message that a port is given.
	watchDelivery func(h *Host, d engine.Delivery)
	watchRouted   func(h *Host, port uint32, m *engine.Message)
	// watchFault, if set, sees what the world does to hosts and links.
	watchFault func(text string)
	// lastView is the highest view installed anywhere.
	lastView views.ViewID
}

// worldStart is the time at which every world begins: zero means "never".
const worldStart = views.Instant(time.Second)

// NewWorld makes a world with its machines switched on and no daemon running.
func NewWorld(o Options, maker Maker, oracle Oracle) *World {
	w := &World{
		opts: o, maker: maker, oracle: oracle, now: worldStart, hash: mix64(o.Seed),
		fault:  newStream(o.Seed, "target", 0),
		former: make(map[views.HostID]int),
	}
	w.identity = newIdentities(w)
	w.makeKeys()
	w.frames.poison = o.Poison != 0
	machines := int(o.Hosts) + spares
	w.streams = uint32(machines)
	w.net = newNetwork(w, machines)
	w.hosts = make([]*Host, 1, machines+1)
	for n := 1; n <= machines; n++ {
		h := newHost(w, n)
		h.spare = n > int(o.Hosts)
		w.hosts = append(w.hosts, h)
	}
	w.work = newWorkload(w)
	return w
}

// newIdentity draws a host id, in sealed worlds with its key. In ordered worlds ids
// rise with the machine's number, so that transcripts are easy to follow.
func (w *World) newIdentity(number int) (i identity) {
	r := newStream(w.opts.Seed, "identity", number<<16|int(w.gen&0xffff))
	if w.opts.Sealed != 0 {
		return w.newSigner(number, r)
	}
	for k := range i.id {
		i.id[k] = byte(r.Uint32())
	}
	if w.opts.Ordered != 0 {
		i.id[0], i.id[1] = byte(number), byte(w.gen)
	}
	return i
}

// Elapsed is the virtual time since the world began.
func (w *World) Elapsed() time.Duration { return w.now.Sub(worldStart) }

// Host gives machine number n, from 1.
func (w *World) Host(n int) *Host { return w.hosts[n] }

// Failure is what went wrong so far, or nil.
func (w *World) Failure() *Failure { return w.failure }

// fail records the first failure and so ends the run.
func (w *World) fail(property, witness string) {
	if w.failure == nil {
		w.failure = &Failure{Property: property, Witness: witness, At: w.Elapsed()}
	}
}

// end stops the run without a failure.
func (w *World) end(why string) {
	if w.over == "" {
		w.over = why
	}
}

func (w *World) stopped() bool { return w.failure != nil || w.over != "" }

// RunFor lets d of virtual time pass.
func (w *World) RunFor(d time.Duration) { w.runUntil(w.now.Add(d)) }

// runUntil handles every event up to t, then sets the time to t.
func (w *World) runUntil(t views.Instant) {
	for !w.stopped() {
		e := w.heap.next()
		if e == nil || e.at > t {
			break
		}
		w.handle(w.heap.pop())
		if f := w.oracle.Broken(); f != nil {
			w.fail(f.Property, f.Witness)
		}
	}
	if !w.stopped() {
		w.now = max(w.now, t)
	}
}

// handle makes one event happen.
func (w *World) handle(e event) {
	w.now = e.at
	w.stats.Events++
	switch e.kind {
	case evFrame:
		w.net.arrive(&e)
	case evWake:
		w.hosts[e.host].wake(&e)
	case evDisk:
		w.hosts[e.host].persisted(&e)
	case evEvidence:
		w.hosts[e.host].hearEvidence(&e)
	case evProbe:
		w.hosts[e.host].probe(&e)
	case evStart:
		if h := w.hosts[e.host]; h.wish == e.gen {
			h.start()
		}
	case evFaultStart:
		w.beginFault(int(e.arg))
	case evFaultStop:
		if e.gen == w.healGen {
			w.endFault(int(e.arg))
		}
	case evWork:
		w.work.act()
	case evCall:
		do := w.calls[e.arg]
		w.calls[e.arg] = nil
		do()
	}
}

// after runs do once d has passed.
func (w *World) after(d time.Duration, do func()) {
	w.calls = append(w.calls, do)
	w.heap.push(event{at: w.now.Add(d), kind: evCall, arg: uint32(len(w.calls) - 1)})
}

// discard frees what a queued input holds.
func (w *World) discard(q queued) {
	if q.kind == evFrame {
		w.frames.release(q.arg)
	}
}

// orderly reports whether no fault has been active for the last d and the
// network is one on which nobody should ever be suspected.
func (w *World) orderly(d time.Duration) bool {
	return w.troubled == 0 && w.now.Sub(w.lastTrouble) >= d && w.opts.gentle()
}

// Kinds of entry in the rolling hash.
const (
	hashFrame = iota
	hashStart
	hashKill
	hashStop
	hashPause
	hashResume
	hashEvent
	hashFault
)

// note rolls what happened into the hash of the run.
func (w *World) note(kind int, a, b uint64) {
	w.hash = mix64(w.hash ^ uint64(w.now)*0x9e3779b97f4a7c15 ^ uint64(kind)<<56 ^ a<<40 ^ b)
}

// Hash sums every event and frame so far: equal for two runs of one seed.
func (w *World) Hash() uint64 { return w.hash }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
