package transfer

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
)

func drawConfig(t *rapid.T, name string) Config {
	return Config{
		PacketBytes: rapid.SampledFrom([]int{0, PacketMin, 9000, PacketMax}).Draw(t, name+" packet"),
		Window:      rapid.SampledFrom([]int{WindowMin, 200_000, WindowDefault}).Draw(t, name+" window"),
		Patience:    5 * time.Second,
	}
}

// drawKept gives what a joiner may have on disk: a state with changes, cut or longer.
func drawKept(t *rapid.T, l *lab, state []byte) []byte {
	kept := slices.Clone(state)
	for range rapid.IntRange(0, 5).Draw(t, "changes") {
		if len(kept) > 0 {
			kept[l.upTo(len(kept)-1)]++
		}
	}
	if rapid.Bool().Draw(t, "cut") {
		kept = kept[:l.upTo(len(kept))]
	} else {
		kept = append(kept, make([]byte, l.upTo(50_000))...)
	}
	return kept
}

// upTo draws evenly from the lab's own source: rapid likes small numbers best.
func (l *lab) upTo(n int) int { return l.rng.IntN(n + 1) }

// runSteps lets so many things happen, or until done.
func (l *lab) runSteps(n int, done func() bool) {
	for range n {
		if done() || !l.step(l.now.Add(time.Minute)) {
			return
		}
	}
}

func drawNet(t *rapid.T) labNet {
	return labNet{
		delay:         time.Duration(rapid.IntRange(10, 20_000).Draw(t, "delay")) * time.Microsecond,
		jitter:        time.Duration(rapid.SampledFrom([]int{0, 100, 5000}).Draw(t, "jitter")) * time.Microsecond,
		loss:          rapid.SampledFrom([]int{0, 10, 50, 300}).Draw(t, "loss"),
		dup:           rapid.SampledFrom([]int{0, 10, 200}).Draw(t, "dup"),
		corrupt:       rapid.SampledFrom([]int{0, 10, 100}).Draw(t, "corrupt"),
		bitsPerSecond: rapid.SampledFrom([]int64{0, 1e7, 1e9}).Draw(t, "bits"),
		queueMax:      time.Duration(rapid.SampledFrom([]int{0, 500, 20_000}).Draw(t, "queue")) * time.Microsecond,
	}
}

// drawFault gives what goes wrong at some time, and what ends it.
func drawFault(t *rapid.T, id TransferID, d, j *labHost) (do, undo func()) {
	nothing := func() {}
	l := d.lab
	switch rapid.IntRange(0, 9).Draw(t, "fault") {
	case 0:
		return func() { d.down = true; j.m.PeerGone(l.now, d.self) }, nothing
	case 1:
		return func() { d.down = true }, nothing
	case 2:
		return func() { j.diskRoom = 1 }, func() { j.diskRoom = 0 }
	case 3:
		return func() { d.readFails = 1 }, nothing
	case 4:
		return func() { j.diskHangs = true }, func() { j.diskHangs = false }
	case 5:
		return func() { l.net.cut = true }, func() { l.net.cut = false }
	case 6:
		return func() { d.m.Cancel(l.now, id) }, nothing
	case 7:
		return func() { j.m.Cancel(l.now, id) }, nothing
	case 8:
		return func() { j.sealFails = true }, func() { j.sealFails = false }
	}
	return nothing, nothing
}

// Whatever the net, the disks and the donor do: a transfer ends; what is shown
// is the state of the donor's cut; and nobody ever holds more than its windows.
func TestProperty(t *testing.T) {
	ends := map[Reason]int{}
	defer func() { t.Logf("complete, and failed before by reason: %v", ends) }()
	rapid.Check(t, func(t *rapid.T) {
		l := newLab(t, rapid.Uint64().Draw(t, "seed"), 3, Config{})
		for i, h := range l.hosts {
			h.cfg = drawConfig(t, []string{"donor", "next", "joiner"}[i])
			h.cfg.Self = h.self
			h.reset()
			h.diskDelay = time.Duration(rapid.SampledFrom([]int{0, 5, 500, 5000}).Draw(t, "disk")) * time.Microsecond
		}
		a, b, j := l.hosts[0], l.hosts[1], l.hosts[2]
		a.state = randomState(rapid.Uint64Range(0, 99).Draw(t, "content"), l.upTo(300_000))
		b.state = drawKept(t, l, a.state)
		j.file = drawKept(t, l, a.state)
		l.net = drawNet(t)
		l.watch = func() {
			for _, h := range l.hosts {
				if h.m.Held() > h.m.Active()*h.m.cfg.Window {
					t.Fatalf("%d bytes held in %d transfers", h.m.Held(), h.m.Active())
				}
			}
		}
		id := idOf(j, 1)
		l.begin(id, a, j)
		l.runSteps(l.upTo(l.upTo(3000)), l.over(id, a, j))
		do, undo := drawFault(t, id, a, j)
		do()
		a.drain()
		j.drain()
		l.run(time.Duration(l.upTo(8000))*time.Millisecond, l.over(id, a, j))
		undo()
		calm(l)
		if !l.run(10*time.Minute, func() bool { return j.outcomeOf(id, Joiner) != nil && (a.down || a.outcomeOf(id, Donor) != nil) }) {
			t.Fatalf("no end: %v %v", a.outcomeOf(id, Donor), j.outcomeOf(id, Joiner))
		}
		state := a.state
		if f, ok := j.outcomeOf(id, Joiner).(Failed); ok {
			if j.shown != nil {
				t.Fatal("a failed transfer was shown")
			}
			ends[f.Reason]++
			if f.Reason == DonorLied {
				t.Fatalf("an honest donor is called a liar: %v", f.Err)
			}
			// Once more, from another.
			l.run(time.Second, never)
			id, state = idOf(j, 2), b.state
			j.sealFails, a.down = false, true
			l.begin(id, b, j)
			if !l.run(10*time.Minute, l.over(id, b, j)) {
				t.Fatal("no end of the second")
			}
			wantComplete(t, b, id, Donor, state)
		}
		wantComplete(t, j, id, Joiner, state)
		ends[0]++
		l.run(time.Hour, never)
		if b.m.Held()+j.m.Held() > 0 || b.m.Deadline() != 0 || j.m.Deadline() != 0 {
			t.Fatal("something remains")
		}
	})
}

// calm ends all that is wrong with the net but a little loss.
func calm(l *lab) {
	l.net.loss, l.net.corrupt, l.net.dup = min(l.net.loss, 10), 0, 0
}

// Whatever a peer says that is who it should be: no panic, no more memory than
// the windows, no state shown that is not what the peer itself has summed.
func TestHostilePeer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := views.Instant(1)
		self, peer := process(1), process(2)
		m, err := New(Config{Self: self, Window: WindowMin})
		if err != nil {
			t.Fatal(err)
		}
		in := TransferID{Group: "g", Joiner: self}
		out := TransferID{Group: "g", Joiner: peer}
		if m.Receive(now, in, peer, 20_000) != nil || m.Donate(now, out, 0) != nil {
			t.Fatal("refused")
		}
		state := randomState(1, 100_000)
		file := randomState(1, 20_000)
		small := rapid.Uint64Range(0, 70)
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			m.Handle(now, peer, drawMessage(t, in, out, small, state))
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 1000, 30_000_000}).Draw(t, "wait")) * time.Microsecond)
			if rapid.Bool().Draw(t, "advance") {
				m.Advance(now)
			}
			file = serve(t, m, now, state, file, rapid.Bool().Draw(t, "disk"))
			if m.Held() > 2*WindowMin {
				t.Fatalf("%d bytes held", m.Held())
			}
		}
	})
}

// serve does what a machine asks for, or leaves it.
func serve(t *rapid.T, m *Machine, now views.Instant, state, file []byte, disk bool) []byte {
	o := m.Drain()
	if len(o.Sends) > 4*WindowMin/chunkMin+100 {
		t.Fatalf("%d messages at once", len(o.Sends))
	}
	for _, e := range o.Events {
		if c, ok := e.(Complete); ok && c.Role == Joiner && c.Sum != sha256.Sum256(file) {
			t.Fatal("a state was shown that does not have its sum")
		}
	}
	if !disk {
		return file
	}
	for _, r := range o.Reads {
		data, eof := slice(state, r)
		m.ChunkRead(now, r.ID, r.Index, data, eof, nil)
	}
	for _, r := range o.KeptReads {
		data, _ := slice(file, r)
		m.KeptRead(now, r.ID, r.Index, data, nil)
	}
	for _, w := range o.Writes {
		end := int(w.Offset) + len(w.Data)
		file = append(file, make([]byte, max(end-len(file), 0))...)
		copy(file[w.Offset:], w.Data)
		m.ChunkWritten(now, w.ID, w.Index, nil)
	}
	for _, s := range o.Seals {
		file = bytes.Clone(file[:s.Bytes])
		m.Sealed(now, s.ID, nil)
	}
	return file
}

// drawMessage gives a message that is likely to be near to what fits.
func drawMessage(t *rapid.T, in, out TransferID, small *rapid.Generator[uint64], state []byte) Message {
	n := func(name string) uint64 { return small.Draw(t, name) }
	hashes := func() []Hash {
		var h []Hash
		for range 1 + n("count")%4 {
			h = append(h, Hash{byte(n("hash") % 2)})
		}
		return h
	}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return &Ask{out, n("serial"), chunkMin + int(n("chunk")), WindowMin + int(n("window")), n("kept") * 700}
	case 1:
		w := &Want{out.Tag(), n("serial"), n("next"), n("limit"), n("stalled")%2 == 0, nil}
		for range n("ranges") % 3 {
			w.Missing = append(w.Missing, Range{n("from"), int(n("count"))})
		}
		return w
	case 2:
		return &Have{out.Tag(), n("next"), n("from"), hashes()}
	case 3:
		return &Done{out.Tag()}
	case 4:
		return &Offer{in.Tag(), n("echo"), n("delay"), chunkMin, 8 + int(n("slots")), n("size")}
	case 5, 6:
		index := n("index")
		length := rapid.SampledFrom([]int{chunkMin, chunkMin, chunkMin, 1, chunkMin + 1}).Draw(t, "length")
		data := state[index*chunkMin:][:length]
		return &Chunk{in.Tag(), index, n("echo"), n("delay"), ChunkSum(in.Tag(), index, data), data}
	case 7:
		return &Same{in.Tag(), n("echo"), n("delay"), n("from"), hashes()}
	case 8:
		chunks := n("chunks")
		bytes := chunks * chunkMin
		return &End{in.Tag(), n("echo"), n("delay"), chunks, bytes, sha256.Sum256(state[:bytes])}
	}
	if n("stop") > 2 {
		return nil
	}
	return &Stop{in.Tag(), true, StopReason(n("reason") % 7)}
}
