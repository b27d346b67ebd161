package transfer

import (
	"bytes"
	"container/heap"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
)

// lab is a world in virtual time: hosts, a network between them, disks.
type lab struct {
	t     rapid.TB
	rng   *rand.Rand
	now   views.Instant
	queue eventQueue
	seq   int
	hosts []*labHost
	net   labNet
	// alter may change, drop (nil) or answer what is under way.
	alter func(from, to *labHost, m Message) Message
	// watch is called after every step.
	watch func()
	steps int
}

// labNet is what every link does; loss and its kin are shares of 1000.
type labNet struct {
	delay, jitter      time.Duration
	loss, dup, corrupt int
	// bitsPerSecond of each host's way out; zero means no bound.
	bitsPerSecond int64
	// queueMax is what waits at the way out; beyond it is dropped; zero means no bound.
	queueMax time.Duration
	cut      bool
}

type labEvent struct {
	at  views.Instant
	seq int
	do  func()
}

type eventQueue []labEvent

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || (q[i].at == q[j].at && q[i].seq < q[j].seq)
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(labEvent)) }
func (q *eventQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// labHost is a machine with its driver.
type labHost struct {
	lab  *lab
	self views.Process
	m    *Machine
	cfg  Config
	down bool
	// state is the application's, as of the cut; file what a joiner has on disk.
	state, file []byte
	diskDelay   time.Duration
	// diskRoom fails writes beyond so many bytes; readFails reads beyond; zero means never.
	diskRoom, readFails int
	// diskHangs: no read, write or seal is answered.
	diskHangs  bool
	sealFails  bool
	shown      []byte
	events     []Event
	sent       map[string]int
	sentBytes  int
	chunkBytes int
	busyUntil  views.Instant
	diskUntil  views.Instant
	// writing counts the writes that are not answered.
	writing  map[TransferID]int
	heldMost int
}

var errFull = errors.New("no space left on disk")

func process(n byte) views.Process {
	return views.Process{Host: views.HostID{0: n, 15: n}, Incarnation: views.Incarnation(n)}
}

func newLab(t rapid.TB, seed uint64, hosts int, cfg Config) *lab {
	l := &lab{t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: 1, net: labNet{delay: 500 * time.Microsecond}}
	for i := range hosts {
		h := &labHost{lab: l, self: process(byte(i + 1)), sent: map[string]int{}, writing: map[TransferID]int{}, cfg: cfg}
		h.cfg.Self = h.self
		h.reset()
		l.hosts = append(l.hosts, h)
	}
	return l
}

// reset gives a host a new machine.
func (h *labHost) reset() {
	m, err := New(h.cfg)
	if err != nil {
		h.lab.t.Fatal(err)
	}
	h.m = m
}

func (l *lab) at(d time.Duration, do func()) {
	l.seq++
	heap.Push(&l.queue, labEvent{l.now.Add(d), l.seq, do})
}

// run goes on until done says so, nothing is left, or the time is over. It
// reports whether done was reached.
func (l *lab) run(most time.Duration, done func() bool) bool {
	end := l.now.Add(most)
	for !done() {
		if !l.step(end) {
			return done()
		}
	}
	return true
}

// step does the next thing that happens before end.
func (l *lab) step(end views.Instant) bool {
	l.steps++
	var due *labHost
	var at views.Instant
	for _, h := range l.hosts {
		if d := h.m.Deadline(); !h.down && d != 0 && (at == 0 || d < at) {
			at, due = d, h
		}
	}
	if len(l.queue) > 0 && (due == nil || l.queue[0].at <= at) {
		if l.queue[0].at > end {
			return false
		}
		e := heap.Pop(&l.queue).(labEvent)
		l.now = max(l.now, e.at)
		e.do()
	} else {
		if due == nil || at > end {
			return false
		}
		l.now = max(l.now, at)
		due.m.Advance(l.now)
		if next := due.m.Deadline(); next != 0 && next <= l.now {
			l.t.Fatalf("deadline %d does not move at %d", next, l.now)
		}
		due.drain()
	}
	if l.watch != nil {
		l.watch()
	}
	return true
}

func (l *lab) host(p views.Process) *labHost {
	for _, h := range l.hosts {
		if h.self == p {
			return h
		}
	}
	return nil
}

// drain does what the machine asks for.
func (h *labHost) drain() {
	h.heldMost = max(h.heldMost, h.m.Held())
	o := h.m.Drain()
	h.events = append(h.events, o.Events...)
	for _, e := range o.Events {
		if c, ok := e.(Complete); ok && c.Role == Joiner {
			h.shown = bytes.Clone(h.file)
		}
	}
	for _, s := range o.Sends {
		h.send(s)
	}
	for _, r := range o.Reads {
		h.disk(func() { h.read(r) })
	}
	for _, r := range o.KeptReads {
		h.disk(func() { h.readKept(r) })
	}
	for _, w := range o.Writes {
		h.writing[w.ID]++
		h.disk(func() { h.write(w) })
	}
	for _, s := range o.Seals {
		if h.writing[s.ID] > 0 {
			h.lab.t.Fatalf("a seal with %d writes under way", h.writing[s.ID])
		}
		h.disk(func() { h.seal(s) })
	}
}

// disk does one thing after the other.
func (h *labHost) disk(do func()) {
	if h.diskHangs {
		return
	}
	h.diskUntil = max(h.diskUntil, h.lab.now).Add(h.diskDelay)
	h.lab.at(h.diskUntil.Sub(h.lab.now), func() {
		if !h.down {
			do()
			h.drain()
		}
	})
}

func (h *labHost) read(r Read) {
	if h.readFails > 0 && int(r.Offset)+r.Size > h.readFails {
		h.m.ChunkRead(h.lab.now, r.ID, r.Index, nil, false, errors.New("unreadable"))
		return
	}
	data, eof := slice(h.state, r)
	h.m.ChunkRead(h.lab.now, r.ID, r.Index, data, eof, nil)
}

func slice(state []byte, r Read) ([]byte, bool) {
	from := min(int(r.Offset), len(state))
	to := min(from+r.Size, len(state))
	// Whether the end is seen with the last bytes or behind them is the
	// reader's choice; here it is seen behind them.
	return state[from:to], to-from < r.Size
}

func (h *labHost) readKept(r Read) {
	if h.readFails > 0 && int(r.Offset)+r.Size > h.readFails {
		h.m.KeptRead(h.lab.now, r.ID, r.Index, nil, errors.New("unreadable"))
		return
	}
	data, _ := slice(h.file, r)
	h.m.KeptRead(h.lab.now, r.ID, r.Index, data, nil)
}

func (h *labHost) write(w Write) {
	h.writing[w.ID]--
	end := int(w.Offset) + len(w.Data)
	if h.diskRoom > 0 && end > h.diskRoom {
		h.m.ChunkWritten(h.lab.now, w.ID, w.Index, errFull)
		return
	}
	if end > len(h.file) {
		h.file = append(h.file, make([]byte, end-len(h.file))...)
	}
	copy(h.file[w.Offset:], w.Data)
	h.m.ChunkWritten(h.lab.now, w.ID, w.Index, nil)
}

func (h *labHost) seal(s Seal) {
	if h.sealFails {
		h.m.Sealed(h.lab.now, s.ID, errFull)
		return
	}
	h.file = h.file[:s.Bytes]
	h.m.Sealed(h.lab.now, s.ID, nil)
}

func kindOf(m Message) string {
	return map[byte]string{
		kindAsk: "ask", kindOffer: "offer", kindWant: "want", kindHave: "have", kindChunk: "chunk",
		kindSame: "same", kindEnd: "end", kindDone: "done", kindStop: "stop",
	}[m.AppendTo(nil)[1]]
}

// send puts a message on its way, encoded as on a wire.
func (h *labHost) send(s Send) {
	l := h.lab
	to, msg := l.host(s.To), s.Message
	if l.alter != nil {
		if msg = l.alter(h, to, msg); msg == nil {
			return
		}
	}
	frame := msg.AppendTo(nil)
	if len(frame) > h.cfg.PacketBytes && h.cfg.PacketBytes > 0 || len(frame) > PacketMax {
		l.t.Fatalf("a %s of %d bytes", kindOf(msg), len(frame))
	}
	h.sent[kindOf(msg)]++
	h.sentBytes += len(frame)
	if c, ok := msg.(*Chunk); ok {
		h.chunkBytes += len(c.Data)
	}
	if to == nil {
		return
	}
	wait := l.net.delay
	if l.net.bitsPerSecond > 0 {
		h.busyUntil = max(h.busyUntil, l.now)
		if l.net.queueMax > 0 && h.busyUntil.Sub(l.now) > l.net.queueMax {
			return
		}
		h.busyUntil = h.busyUntil.Add(time.Duration(int64(len(frame)+66) * 8 * int64(time.Second) / l.net.bitsPerSecond))
		wait += h.busyUntil.Sub(l.now)
	}
	copies := 1
	if l.rng.IntN(1000) < l.net.dup {
		copies = 2
	}
	for range copies {
		if l.net.cut || l.rng.IntN(1000) < l.net.loss {
			continue
		}
		f := bytes.Clone(frame)
		if c, ok := msg.(*Chunk); ok && l.rng.IntN(1000) < l.net.corrupt {
			f[len(f)-1-l.rng.IntN(len(c.Data))] ^= 1 << l.rng.IntN(8)
		}
		later := wait
		if l.net.jitter > 0 {
			later += time.Duration(l.rng.Int64N(int64(l.net.jitter)))
		}
		l.at(later, func() { to.receive(h.self, f) })
	}
}

func (h *labHost) receive(from views.Process, frame []byte) {
	if h.down {
		return
	}
	m, err := Decode(frame)
	if err != nil {
		h.lab.t.Fatalf("own frame: %v", err)
	}
	h.m.Handle(h.lab.now, from, m)
	clear(frame)
	h.drain()
}

// idOf names a transfer to h.
func idOf(h *labHost, k views.Position) TransferID {
	return TransferID{
		Group: "orders", View: views.ViewID{Seq: 7, Coordinator: views.HostID{1}, Incarnation: 2},
		K: k, Joiner: h.self, Port: 80,
	}
}

// begin makes d donate to j.
func (l *lab) begin(id TransferID, d, j *labHost) {
	l.t.Helper()
	if err := d.m.Donate(l.now, id, uint64(len(d.state))); err != nil {
		l.t.Fatal(err)
	}
	if err := j.m.Receive(l.now, id, d.self, uint64(len(j.file))); err != nil {
		l.t.Fatal(err)
	}
	d.drain()
	j.drain()
}

// outcomeOf gives how a transfer ended for a role: a Complete, a Failed or nil.
func (h *labHost) outcomeOf(id TransferID, role Role) Event {
	var found Event
	for _, e := range h.events {
		switch e := e.(type) {
		case Complete:
			if e.ID == id && e.Role == role {
				found = h.once(found, e)
			}
		case Failed:
			if e.ID == id && e.Role == role {
				found = h.once(found, e)
			}
		}
	}
	return found
}

func (h *labHost) once(found, e Event) Event {
	if found != nil {
		h.lab.t.Fatalf("two ends: %+v and %+v", found, e)
	}
	return e
}

// over reports whether both ends of a transfer are known.
func (l *lab) over(id TransferID, d, j *labHost) func() bool {
	return func() bool { return d.outcomeOf(id, Donor) != nil && j.outcomeOf(id, Joiner) != nil }
}

func wantComplete(t rapid.TB, h *labHost, id TransferID, role Role, state []byte) {
	t.Helper()
	c, ok := h.outcomeOf(id, role).(Complete)
	if !ok {
		t.Fatalf("%s: %+v, want Complete", role, h.outcomeOf(id, role))
	}
	if c.Bytes != uint64(len(state)) || c.Sum != sha256.Sum256(state) {
		t.Fatalf("%s: %d bytes %x, want %d", role, c.Bytes, c.Sum, len(state))
	}
	if role == Joiner && !bytes.Equal(h.shown, state) {
		t.Fatalf("the file has %d bytes and is not the state of %d", len(h.shown), len(state))
	}
}

func wantFailed(t rapid.TB, h *labHost, id TransferID, role Role, why Reason) Failed {
	t.Helper()
	f, ok := h.outcomeOf(id, role).(Failed)
	if !ok || f.Reason != why {
		t.Fatalf("%s: %+v, want Failed %s", role, h.outcomeOf(id, role), why)
	}
	if f.Retryable != why.retryable() {
		t.Fatalf("%s: retryable %v", why, f.Retryable)
	}
	return f
}

func randomState(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 9))
	b := make([]byte, n)
	for i := 0; i+8 <= n; i += 8 {
		v := rng.Uint64()
		for k := range 8 {
			b[i+k] = byte(v >> (8 * k))
		}
	}
	for i := n &^ 7; i < n; i++ {
		b[i] = byte(rng.Uint32())
	}
	return b
}
