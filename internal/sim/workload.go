package sim

import (
	"fmt"
	"math/rand/v2"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// probeGroup is the process group of the messages by which liveness is probed.
const probeGroup = "probe"

// bigMax bounds the long messages: they go in parts.
const bigMax = 48 << 10

// workload is the application on every host: it sends messages of random sizes
// to a few groups in all orders, in bursts now and then, and changes bits and
// attributes; and it plays the clients.
type workload struct {
	w       *World
	r       *rand.Rand
	clients clients
	// pool is what payloads are slices of; nobody may write to it.
	pool  []byte
	sum   uint32
	token uint64
	on    bool
}

func newWorkload(w *World) *workload {
	k := &workload{w: w, r: newStream(w.opts.Seed, "work", 0), pool: make([]byte, bigMax+4096), clients: newClients(w)}
	for i := range k.pool {
		k.pool[i] = byte(k.r.Uint32())
	}
	k.sum = checksum(k.pool)
	return k
}

// begin starts the workload; it goes on until [workload.rest].
func (k *workload) begin() {
	if !k.on {
		k.on = true
		k.next()
	}
}

func (k *workload) rest() { k.on = false }

func (k *workload) next() {
	k.w.heap.push(event{at: k.w.now.Add(exponential(k.r, k.w.opts.WorkEvery) + 1), kind: evWork})
}

// act does one thing at one random host, running or not.
func (k *workload) act() {
	if !k.on {
		return
	}
	k.next()
	o := &k.w.opts
	h := k.w.hosts[1+k.r.IntN(int(o.Hosts))]
	switch {
	case chance(k.r, o.Clients):
		k.clients.act(h)
	case chance(k.r, o.State):
		k.changeState(h)
	case chance(k.r, o.Burst):
		for range between(k.r, 2, o.BurstMax) {
			k.send(h, 0)
		}
	default:
		k.send(h, o.Big)
	}
}

// send submits one message of a random size; big ones, ppm of them, are long.
func (k *workload) send(h *Host, big int64) {
	size := between(k.r, 0, k.w.opts.SizeMax)
	if chance(k.r, big) {
		size = between[int64](k.r, 1400, bigMax)
	}
	group := groupNames[k.r.IntN(int(k.w.opts.Groups))]
	order := views.Order(k.r.IntN(int(views.OrderEnd)))
	k.submit(h, group, order, int(size))
}

var groupNames = [...]string{"a", "orders", "telemetry", "x", "the-group-with-the-long-name"}

func (k *workload) submit(h *Host, group string, order views.Order, size int) {
	from := k.r.IntN(4096)
	if !h.Running() {
		return
	}
	k.token++
	k.w.stats.Submits++
	in := engine.Submit{{
		Token: k.token, Group: group, Order: order, Payload: k.pool[from : from+size : from+size],
	}}
	h.noteSubmitted(in)
	h.step(in)
}

func (k *workload) changeState(h *Host) {
	in := engine.SetState{Mask: views.Bits(k.r.IntN(8)), Bits: views.Bits(k.r.IntN(8))}
	if chance(k.r, 300_000) || in.Mask == 0 {
		in.SetAttrs = true
		in.Attrs = []views.Attr{{Key: "load", Value: fmt.Sprint(k.r.IntN(100))}}
	}
	in.Bits &= in.Mask
	if h.Running() {
		h.step(in)
	}
}

// probe sends one message of each order from each host of set; how many that is.
func (k *workload) probe(set HostSet) int {
	n := 0
	for _, number := range set.Numbers() {
		for _, order := range []views.Order{views.FIFO, views.Agreed, views.Safe} {
			k.submit(k.w.hosts[number], probeGroup, order, 8)
			n++
		}
	}
	return n
}

// intact reports whether nobody has written to the payloads.
func (k *workload) intact() bool { return checksum(k.pool) == k.sum && k.clients.intact() }
