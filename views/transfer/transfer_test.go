package transfer

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
)

const testChunk = PacketDefault - chunkOverhead

// never is a condition for running until nothing is left.
func never() bool { return false }

func TestEverySizeArrives(t *testing.T) {
	for _, n := range []int{0, 1, testChunk - 1, testChunk, testChunk + 1, 8 * testChunk, 100_000, 3 << 20} {
		l := newLab(t, 1, 2, Config{})
		d, j := l.hosts[0], l.hosts[1]
		d.state = randomState(uint64(n), n)
		id := idOf(j, 3)
		l.begin(id, d, j)
		if !l.run(time.Minute, l.over(id, d, j)) {
			t.Fatalf("%d bytes: no end", n)
		}
		wantComplete(t, d, id, Donor, d.state)
		wantComplete(t, j, id, Joiner, d.state)
		l.run(time.Hour, never)
		if d.m.Deadline() != 0 || j.m.Deadline() != 0 {
			t.Fatalf("%d bytes: timers go on", n)
		}
		if d.sent["chunk"] > n/testChunk+1 || d.sent["end"] > 1 || j.sent["done"] > 1 {
			t.Errorf("%d bytes: %v %v", n, d.sent, j.sent)
		}
		if want := n / (2 * WindowDefault); len(d.events) <= want || len(j.events) <= want {
			t.Errorf("%d bytes: %d and %d events, no progress is shown", n, len(d.events), len(j.events))
		}
	}
}

// A port of a host joins a group of which another port of that host is all.
func TestBothSidesAtOneHost(t *testing.T) {
	l := newLab(t, 1, 1, Config{})
	h := l.hosts[0]
	h.state = randomState(1, 1<<20)
	id := idOf(h, 1)
	l.begin(id, h, h)
	if !l.run(time.Minute, l.over(id, h, h)) {
		t.Fatal("no end")
	}
	wantComplete(t, h, id, Joiner, h.state)
	wantComplete(t, h, id, Donor, h.state)
}

func TestAskBeforeDonate(t *testing.T) {
	l := newLab(t, 1, 2, Config{})
	d, j := l.hosts[0], l.hosts[1]
	d.state = randomState(1, 5000)
	id := idOf(j, 3)
	if err := j.m.Receive(l.now, id, d.self, 0); err != nil {
		t.Fatal(err)
	}
	j.drain()
	l.run(2*time.Second, never)
	if err := d.m.Donate(l.now, id, 0); err != nil {
		t.Fatal(err)
	}
	if !l.run(2*time.Second, l.over(id, d, j)) {
		t.Fatal("no end")
	}
	wantComplete(t, j, id, Joiner, d.state)
	if n := d.m.Drops()[DropUnknown]; n == 0 || n > 10 {
		t.Errorf("%d asks came before the donor knew", n)
	}
}

// resume runs a transfer to a joiner that has kept on disk, and gives the bytes
// of content that came over the net.
func resume(t *testing.T, kept, state []byte, loss int) (sent int, l *lab) {
	t.Helper()
	l = newLab(t, 5, 2, Config{})
	l.net.loss = loss
	d, j := l.hosts[0], l.hosts[1]
	d.state, j.file = state, slices.Clone(kept)
	id := idOf(j, 3)
	l.begin(id, d, j)
	if !l.run(time.Minute, l.over(id, d, j)) {
		t.Fatal("no end")
	}
	wantComplete(t, j, id, Joiner, state)
	return d.chunkBytes, l
}

func TestResumeSendsOnlyWhatDiffers(t *testing.T) {
	const n = 2000 * testChunk
	state := randomState(1, n+100)
	other := slices.Clone(state)
	for _, i := range []int{0, 700, 701, 1999} {
		other[i*testChunk+5]++
	}
	for _, c := range []struct {
		name string
		kept []byte
		want int
	}{
		{"all", state, 0},
		{"four chunks differ", other, 4 * testChunk},
		{"half", state[:n/2], n/2 + 100},
		{"half and a piece", state[:n/2+7], n/2 + 100},
		{"longer", append(slices.Clone(state), 1, 2, 3), 100},
		{"much longer", append(slices.Clone(state), make([]byte, n)...), 100},
		{"nothing", nil, n + 100},
		{"zeroes", make([]byte, n), n + 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			if sent, _ := resume(t, c.kept, state, 0); sent != c.want {
				t.Errorf("%d bytes of content sent, want %d", sent, c.want)
			}
		})
	}
	sent, l := resume(t, other, state, 50)
	if sent < 4*testChunk || sent > 20*testChunk {
		t.Errorf("with loss: %d bytes sent", sent)
	}
	t.Logf("with loss, four of %d chunks differ: %d chunks sent, %v, took %v", 2001, sent/testChunk, l.hosts[1].sent, time.Duration(l.now))
}

func TestResumeOverAnUnreadableFile(t *testing.T) {
	l := newLab(t, 5, 2, Config{})
	d, j := l.hosts[0], l.hosts[1]
	d.state = randomState(1, 2000*testChunk)
	j.file, j.readFails = slices.Clone(d.state), 500*testChunk
	id := idOf(j, 3)
	l.begin(id, d, j)
	if !l.run(time.Minute, l.over(id, d, j)) {
		t.Fatal("no end")
	}
	wantComplete(t, j, id, Joiner, d.state)
	if want := 1500 * testChunk; d.chunkBytes != want {
		t.Errorf("%d bytes sent, want %d", d.chunkBytes, want)
	}
}

// The donor dies in the middle; the next donor's state is of a later cut.
func TestDonorDiesAndAnotherGoesOn(t *testing.T) {
	l := newLab(t, 2, 3, Config{})
	l.net = labNet{delay: 500 * time.Microsecond, loss: 10, bitsPerSecond: 1e9}
	a, b, j := l.hosts[0], l.hosts[1], l.hosts[2]
	const chunks = 4000
	a.state = randomState(1, chunks*testChunk)
	b.state = append(slices.Clone(a.state), "later"...)
	b.state[100*testChunk]++
	first, second := idOf(j, 3), idOf(j, 9)
	l.begin(first, a, j)
	l.run(time.Minute, func() bool { return len(j.file) >= chunks/2*testChunk })
	a.down = true
	j.m.PeerGone(l.now, a.self)
	j.drain()
	if f := wantFailed(t, j, first, Joiner, DonorGone); !f.Retryable || j.shown != nil {
		t.Fatal("half a state was shown, or no other donor can help")
	}
	had := len(j.file)
	l.begin(second, b, j)
	if !l.run(time.Minute, l.over(second, b, j)) {
		t.Fatal("no end")
	}
	wantComplete(t, j, second, Joiner, b.state)
	// Holes and writes that were cut cost at most a window beside what is new.
	most := len(b.state) - had + testChunk + WindowDefault
	if b.chunkBytes > most {
		t.Errorf("%d bytes sent again, want at most %d", b.chunkBytes, most)
	}
	t.Logf("of %d bytes %d were on disk; %d came from the second donor", len(b.state), had, b.chunkBytes)
}

func TestDonorDiesAtEachChunk(t *testing.T) {
	state := randomState(1, 40*testChunk+3)
	for n := range 42 {
		l := newLab(t, uint64(n+1), 3, Config{})
		a, b, j := l.hosts[0], l.hosts[1], l.hosts[2]
		a.state, b.state = state, state
		l.alter = func(from, _ *labHost, m Message) Message {
			if c, ok := m.(*Chunk); ok && from == a && c.Index == uint64(n) {
				a.down = true
			}
			if from.down {
				return nil
			}
			return m
		}
		first, second := idOf(j, 3), idOf(j, 9)
		l.begin(first, a, j)
		if !l.run(time.Minute, func() bool { return j.outcomeOf(first, Joiner) != nil }) {
			t.Fatal("no end")
		}
		if n == 41 {
			wantComplete(t, j, first, Joiner, state)
			continue
		}
		wantFailed(t, j, first, Joiner, DonorSilent)
		if took := time.Duration(l.now); took > PatienceDefault+time.Second {
			t.Fatalf("it took %v", took)
		}
		l.begin(second, b, j)
		if !l.run(time.Minute, l.over(second, b, j)) {
			t.Fatal("no end")
		}
		wantComplete(t, j, second, Joiner, state)
	}
}

// Whoever loses the other ends, and is silent then.
func TestJoinerDies(t *testing.T) {
	l := newLab(t, 2, 2, Config{})
	d, j := l.hosts[0], l.hosts[1]
	l.net.bitsPerSecond = 1e9
	d.state = randomState(1, 4<<20)
	id := idOf(j, 3)
	l.begin(id, d, j)
	l.run(time.Minute, func() bool { return len(j.file) > 1<<20 })
	j.down = true
	l.run(time.Hour, func() bool { return d.outcomeOf(id, Donor) != nil })
	wantFailed(t, d, id, Donor, JoinerSilent)
	if took := time.Duration(l.now); took > 2*PatienceDefault+time.Second {
		t.Errorf("it took %v", took)
	}
	if d.m.Held() != 0 || d.m.Active() != 0 || d.m.Deadline() != 0 {
		t.Error("something remains")
	}
}

func TestLostLastWordsAreSaidAgain(t *testing.T) {
	for _, kind := range []string{"ask", "offer", "want", "end", "done", "chunk"} {
		l := newLab(t, 3, 2, Config{})
		d, j := l.hosts[0], l.hosts[1]
		d.state = randomState(1, 30*testChunk)
		lost := 0
		l.alter = func(_, _ *labHost, m Message) Message {
			if kindOf(m) == kind && lost < 3 {
				lost++
				return nil
			}
			return m
		}
		id := idOf(j, 3)
		l.begin(id, d, j)
		if !l.run(2*time.Second, l.over(id, d, j)) {
			t.Fatalf("three %s lost: no end", kind)
		}
		wantComplete(t, j, id, Joiner, d.state)
		wantComplete(t, d, id, Donor, d.state)
		sent := d.sent["end"] + d.sent["offer"] + j.sent["want"] + j.sent["ask"] + j.sent["done"]
		if sent > 40 || d.sent["chunk"] > 35 {
			t.Errorf("three %s lost: %v %v", kind, d.sent, j.sent)
		}
		l.run(time.Hour, never)
		if len(l.queue) > 0 || d.m.Deadline() != 0 || j.m.Deadline() != 0 {
			t.Errorf("three %s lost: it goes on", kind)
		}
	}
}

// A network that is cut for good is asked ever more seldom.
func TestNoStormIntoACutNetwork(t *testing.T) {
	l := newLab(t, 3, 2, Config{})
	d, j := l.hosts[0], l.hosts[1]
	d.state = randomState(1, 4<<20)
	l.net.bitsPerSecond = 1e9
	id := idOf(j, 3)
	l.begin(id, d, j)
	l.run(time.Minute, func() bool { return len(j.file) > 1<<20 })
	l.net.cut = true
	before := d.sent["chunk"] + d.sent["end"] + j.sent["want"]
	l.run(time.Hour, l.over(id, d, j))
	wantFailed(t, j, id, Joiner, DonorSilent)
	wantFailed(t, d, id, Donor, JoinerSilent)
	after := d.sent["chunk"] + d.sent["end"] + j.sent["want"] - before
	if most := WindowDefault/testChunk + 200; after > most {
		t.Errorf("%d messages into a cut network, want at most %d", after, most)
	}
}

func TestDisks(t *testing.T) {
	for _, c := range []struct {
		name          string
		set           func(d, j *labHost)
		donor, joiner Reason
	}{
		{"joiner full", func(_, j *labHost) { j.diskRoom = 1 << 20 }, JoinerFailed, DiskFailed},
		{"joiner hangs", func(_, j *labHost) { j.diskHangs = true }, JoinerFailed, DiskFailed},
		{"joiner cannot seal", func(_, j *labHost) { j.sealFails = true }, 0, DiskFailed},
		{"donor unreadable", func(d, _ *labHost) { d.readFails = 1 << 20 }, DiskFailed, DonorFailed},
		{"donor unreadable at once", func(d, _ *labHost) { d.readFails = 1 }, DiskFailed, DonorFailed},
		{"slow donor", func(d, _ *labHost) { d.diskDelay = 20 * time.Millisecond }, 0, 0},
		{"slow joiner", func(_, j *labHost) { j.diskDelay = 20 * time.Millisecond }, 0, 0},
		{"very slow donor", func(d, _ *labHost) { d.diskDelay = 9 * time.Second }, 0, 0},
		{"very slow joiner", func(_, j *labHost) { j.diskDelay = 9 * time.Second }, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 3, 2, Config{})
			d, j := l.hosts[0], l.hosts[1]
			d.state = randomState(1, 2<<20)
			c.set(d, j)
			id := idOf(j, 3)
			l.begin(id, d, j)
			if !l.run(1000*time.Hour, l.over(id, d, j)) {
				t.Fatal("no end")
			}
			if c.joiner == 0 {
				wantComplete(t, j, id, Joiner, d.state)
			} else {
				wantFailed(t, j, id, Joiner, c.joiner)
				if j.shown != nil {
					t.Error("shown")
				}
			}
			if c.donor == 0 {
				wantComplete(t, d, id, Donor, d.state)
			} else {
				wantFailed(t, d, id, Donor, c.donor)
			}
			if chunks := d.sent["chunk"]; chunks > 2<<20/testChunk*5/4 {
				t.Errorf("%d chunks sent", chunks)
			}
		})
	}
}

// A seal that takes longer than any patience with the net does not cost the
// state; the donor is let go before.
func TestSlowSeal(t *testing.T) {
	l := newLab(t, 3, 2, Config{})
	d, j := l.hosts[0], l.hosts[1]
	d.state = randomState(1, 1000)
	id := idOf(j, 3)
	l.alter = func(_, _ *labHost, m Message) Message {
		if _, ok := m.(*Done); ok {
			j.diskDelay = 2 * time.Minute
		}
		return m
	}
	l.begin(id, d, j)
	l.run(time.Second, func() bool { return d.outcomeOf(id, Donor) != nil })
	wantComplete(t, d, id, Donor, d.state)
	if j.outcomeOf(id, Joiner) != nil {
		t.Fatal("complete before the seal")
	}
	l.run(time.Hour, l.over(id, d, j))
	wantComplete(t, j, id, Joiner, d.state)
}

func TestCancelAtAnyTime(t *testing.T) {
	for _, byDonor := range []bool{true, false} {
		for n := 0; n < 400; n += 7 {
			l := newLab(t, uint64(n), 2, Config{})
			l.net.loss, l.net.dup = 100, 100
			d, j := l.hosts[0], l.hosts[1]
			d.state, j.file = randomState(1, 100*testChunk), randomState(1, 30*testChunk)
			id := idOf(j, 3)
			l.begin(id, d, j)
			for range n {
				l.step(l.now.Add(time.Minute))
			}
			if byDonor {
				d.m.Cancel(l.now, id)
			} else {
				j.m.Cancel(l.now, id)
			}
			d.drain()
			j.drain()
			if !l.run(5*time.Minute, l.over(id, d, j)) {
				t.Fatalf("after %d steps: no end: %v %v", n, d.outcomeOf(id, Donor), j.outcomeOf(id, Joiner))
			}
			if _, ok := j.outcomeOf(id, Joiner).(Complete); ok {
				wantComplete(t, j, id, Joiner, d.state)
			}
			l.run(time.Hour, never)
			if d.m.Active()+j.m.Active()+d.m.Held()+j.m.Held() > 0 || d.m.Deadline()+j.m.Deadline() > 0 {
				t.Fatalf("after %d steps: something remains", n)
			}
		}
	}
}

func TestManyAtATime(t *testing.T) {
	const n = 12
	l := newLab(t, 4, 4, Config{Transfers: n})
	l.net = labNet{delay: 300 * time.Microsecond, loss: 20, dup: 20, jitter: time.Millisecond, bitsPerSecond: 1e9}
	d := l.hosts[0]
	d.state = randomState(1, 300_000)
	var ids []TransferID
	for k := range n {
		j := l.hosts[1+k%3]
		id := idOf(j, views.Position(k+1))
		j.file = nil
		ids = append(ids, id)
	}
	// All joins of one host share its file here; so one at a time a host.
	for round := range n / 3 {
		for k := range 3 {
			l.begin(ids[round*3+k], d, l.hosts[1+k])
		}
		if !l.run(time.Minute, func() bool {
			return d.m.Active() == 0 && l.hosts[1].m.Active()+l.hosts[2].m.Active()+l.hosts[3].m.Active() == 0
		}) {
			t.Fatal("no end")
		}
		for k := range 3 {
			wantComplete(t, l.hosts[1+k], ids[round*3+k], Joiner, d.state)
		}
	}
}

func TestLocalErrors(t *testing.T) {
	for _, c := range []Config{
		{PacketBytes: 500},
		{PacketBytes: PacketMax + 1},
		{Window: 100},
		{Window: WindowMax + 1},
		{Transfers: -1},
		{Transfers: TransfersMax + 1},
		{Memory: 5},
		{StateMax: 1 << 60},
		{Patience: 1},
	} {
		if _, err := New(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	m, err := New(Config{Self: process(1), Transfers: 3})
	if err != nil {
		t.Fatal(err)
	}
	id := TransferID{Group: "g", Joiner: process(1)}
	for _, c := range []struct {
		name string
		got  error
		want error
	}{
		{"no group", m.Donate(1, TransferID{}, 0), ErrID},
		{"not for us", m.Receive(1, TransferID{Group: "g", Joiner: process(9)}, process(2), 0), ErrID},
		{"donate", m.Donate(1, id, 0), nil},
		{"twice", m.Donate(1, id, 0), ErrUsed},
		{"receive", m.Receive(1, id, process(2), 0), nil},
		{"receive twice", m.Receive(1, id, process(2), 0), ErrUsed},
		{"third", m.Donate(1, TransferID{Group: "h"}, 0), nil},
		{"full", m.Donate(1, TransferID{Group: "i"}, 0), ErrFull},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	m.Cancel(1, id)
	if err := m.Receive(1, id, process(2), 0); !errors.Is(err, ErrUsed) {
		t.Errorf("after a cancel: %v", err)
	}
	if m.Active() != 1 {
		t.Errorf("%d active", m.Active())
	}
	tight, err := New(Config{Self: process(1), Transfers: 9, Memory: 2*WindowDefault + 1})
	if err != nil {
		t.Fatal(err)
	}
	for k := range 3 {
		err := tight.Donate(1, TransferID{Group: fmt.Sprint(k)}, 0)
		if (k < 2) != (err == nil) {
			t.Errorf("%d: %v", k, err)
		}
	}
}

// A way that holds one packet lets only the first of a burst pass; a repair must
// not be a burst again. The file of the second joiner is wanted almost whole.
func TestNarrowWay(t *testing.T) {
	for _, packet := range []int{PacketDefault, 9000} {
		l := newLab(t, 5, 2, Config{Window: WindowMin, PacketBytes: packet})
		l.net = labNet{delay: 10 * time.Microsecond, bitsPerSecond: 1e7, queueMax: 500 * time.Microsecond}
		d, j := l.hosts[0], l.hosts[1]
		d.state = randomState(1, 100_000)
		if packet == 9000 {
			j.file = append(slices.Clone(d.state), 1)
			j.file[20_000]++
		}
		id := idOf(j, 3)
		l.begin(id, d, j)
		l.run(time.Minute, l.over(id, d, j))
		wantComplete(t, j, id, Joiner, d.state)
		t.Logf("packet %d: %v, %v, %v", packet, time.Duration(l.now), d.sent, j.sent)
		if took := time.Duration(l.now); took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

// A driver that drains late gets what was to be sent as it was then.
func TestSendsKeepTheirContent(t *testing.T) {
	l := newLab(t, 5, 2, Config{Window: WindowMin})
	d, j := l.hosts[0], l.hosts[1]
	id := idOf(j, 3)
	if err := d.m.Donate(1, id, 0); err != nil {
		t.Fatal(err)
	}
	d.m.Handle(1, j.self, &Ask{ID: id, Serial: 1, ChunkMax: chunkMin, Window: WindowMin})
	state := randomState(1, 10*WindowMin)
	read := uint64(0)
	for turn := range uint64(4) {
		at := views.Instant(2 + turn)
		d.m.Handle(at, j.self, &Want{Tag: id.Tag(), Serial: 2 + turn, Next: turn * 32, Limit: turn*32 + 32})
		for ; read < turn*32+32; read++ {
			d.m.ChunkRead(at, id, read, state[read*chunkMin:][:chunkMin], false, nil)
		}
	}
	chunks := uint64(0)
	for _, s := range d.m.Drain().Sends {
		if c, ok := s.Message.(*Chunk); ok {
			if c.CRC != ChunkSum(c.Tag, c.Index, c.Data) || c.Index != chunks {
				t.Fatalf("chunk %d changed before it was drained", c.Index)
			}
			chunks++
		}
	}
	if chunks != 128 {
		t.Errorf("%d chunks sent", chunks)
	}
}
