package transfer

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// A donor that lies is found out and named, whatever the lie; nothing of it is shown.
func TestLyingDonor(t *testing.T) {
	const chunks = 200
	chunk := func(change func(c *Chunk)) func(Message) Message {
		return func(m Message) Message {
			if c, ok := m.(*Chunk); ok {
				o := *c
				o.Data = slices.Clone(c.Data)
				change(&o)
				return &o
			}
			return m
		}
	}
	end := func(change func(e *End)) func(Message) Message {
		return func(m Message) Message {
			if e, ok := m.(*End); ok {
				o := *e
				change(&o)
				return &o
			}
			return m
		}
	}
	sum := func(c *Chunk) { c.CRC = ChunkSum(c.Tag, c.Index, c.Data) }
	for _, c := range []struct {
		name  string
		alter func(Message) Message
		err   error
	}{
		{"every CRC wrong", chunk(func(c *Chunk) { c.CRC++ }), ErrChunkDamaged},
		{"one CRC always wrong", chunk(func(c *Chunk) {
			if c.Index == 77 {
				c.CRC++
			}
		}), ErrChunkDamaged},
		{"last CRC always wrong", chunk(func(c *Chunk) {
			if c.Index == chunks {
				c.CRC++
			}
		}), ErrChunkDamaged},
		{"content changed", chunk(func(c *Chunk) {
			if c.Index == 77 {
				c.Data[3]++
				sum(c)
			}
		}), ErrSumWrong},
		{"wrong order", chunk(func(c *Chunk) {
			if c.Index == 77 || c.Index == 78 {
				c.Index = 77 + 78 - c.Index
				sum(c)
			}
		}), ErrSumWrong},
		{"a chunk too long", chunk(func(c *Chunk) {
			if c.Index == 77 {
				c.Data = append(c.Data, 1)
				sum(c)
			}
		}), ErrChunkLength},
		{"a short one in the middle", chunk(func(c *Chunk) {
			if c.Index == 77 {
				c.Data = c.Data[1:]
				sum(c)
			}
		}), nil},
		{"last one shorter", chunk(func(c *Chunk) {
			if c.Index == chunks {
				c.Data = c.Data[1:]
				sum(c)
			}
		}), ErrEndWrong},
		{"last one longer", chunk(func(c *Chunk) {
			if c.Index == chunks {
				c.Data = append(c.Data, 1)
				sum(c)
			}
		}), ErrEndWrong},
		{"sum wrong", end(func(e *End) { e.Sum[5]++ }), ErrSumWrong},
		{"too little", end(func(e *End) { e.Chunks, e.Bytes = e.Chunks-9, e.Bytes-9*testChunk }), nil},
		{"too much", end(func(e *End) { e.Chunks, e.Bytes = e.Chunks+1, e.Bytes+testChunk }), ErrEndWrong},
		{"far too much", end(func(e *End) { e.Chunks, e.Bytes = bytesMax/testChunk+1, bytesMax }), ErrEndWrong},
		{"bytes and chunks apart", end(func(e *End) { e.Bytes += testChunk }), ErrEndWrong},
		{"called the same", func(m Message) Message {
			if c, ok := m.(*Chunk); ok && c.Index == 20 {
				return &Same{Tag: c.Tag, Echo: c.Echo, From: 20, Hashes: []Hash{HashOf(c.Data)}}
			}
			return m
		}, ErrHashWrong},
		{"a hash wrong", func(m Message) Message {
			if s, ok := m.(*Same); ok {
				o := *s
				o.Hashes = slices.Clone(s.Hashes)
				o.Hashes[0][2]++
				return &o
			}
			return m
		}, ErrHashWrong},
		{"the same that never was there", func(m Message) Message {
			if c, ok := m.(*Chunk); ok && c.Index == 150 {
				return &Same{Tag: c.Tag, Echo: c.Echo, From: 150, Hashes: []Hash{{}}}
			}
			return m
		}, ErrHashWrong},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 3, 2, Config{})
			d, j := l.hosts[0], l.hosts[1]
			d.state = randomState(1, chunks*testChunk+9)
			j.file = slices.Clone(d.state[:50*testChunk])
			j.file[20*testChunk]++
			l.alter = func(from, _ *labHost, m Message) Message {
				if from == d {
					return c.alter(m)
				}
				return m
			}
			id := idOf(j, 3)
			l.begin(id, d, j)
			if !l.run(2*time.Minute, l.over(id, d, j)) {
				t.Fatal("no end")
			}
			f := wantFailed(t, j, id, Joiner, DonorLied)
			if f.Err == nil || (c.err != nil && !errors.Is(f.Err, c.err)) {
				t.Errorf("named as %v, want %v", f.Err, c.err)
			}
			wantFailed(t, d, id, Donor, JoinerStopped)
			if took := time.Duration(l.now); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if j.shown != nil {
				t.Error("shown")
			}
		})
	}
}

// A donor whose state has no end is given up at the joiner's bound.
func TestEndlessState(t *testing.T) {
	l := newLab(t, 3, 2, Config{StateMax: 1 << 20})
	d, j := l.hosts[0], l.hosts[1]
	d.state = randomState(1, 3<<20)
	id := idOf(j, 3)
	if err := d.m.Donate(l.now, id, 0); err != nil {
		t.Fatal(err)
	}
	if err := j.m.Receive(l.now, id, d.self, 0); err != nil {
		t.Fatal(err)
	}
	j.drain()
	l.run(time.Minute, l.over(id, d, j))
	wantFailed(t, j, id, Joiner, TooLarge)
	if len(j.file) > 1<<20 {
		t.Errorf("%d bytes written", len(j.file))
	}
	// And at once where the donor says so.
	second := idOf(j, 4)
	l.begin(second, d, j)
	l.run(time.Minute, l.over(second, d, j))
	wantFailed(t, j, second, Joiner, TooLarge)
	wantFailed(t, d, second, Donor, JoinerStopped)
}

// A stranger that knows the name of a transfer, and all of its messages, has no
// influence on it.
func TestStranger(t *testing.T) {
	l := newLab(t, 3, 3, Config{})
	d, j, x := l.hosts[0], l.hosts[1], l.hosts[2]
	d.state = randomState(1, 500*testChunk)
	id := idOf(j, 3)
	tag := id.Tag()
	l.begin(id, d, j)
	junk := make([]byte, testChunk)
	n := 0
	l.watch = func() {
		if n++; n%3 > 0 {
			return
		}
		i := uint64(n % 500)
		for _, m := range []Message{
			&Ask{ID: id, Serial: 99, ChunkMax: 2000, Window: WindowMax, Kept: 5 << 30},
			&Want{Tag: tag, Serial: 1 << 30, Next: i, Limit: 1 << 30, Missing: []Range{{0, 1000}}},
			&Have{Tag: tag, Next: i, From: i, Hashes: []Hash{{1}}},
			&Done{tag}, &Stop{Tag: tag, Reason: StopCancelled},
			&Offer{Tag: tag, ChunkBytes: 1100, Slots: 9},
			&Chunk{Tag: tag, Index: i, CRC: ChunkSum(tag, i, junk), Data: junk},
			&Same{Tag: tag, From: i, Hashes: []Hash{{1}}},
			&End{Tag: tag}, &Stop{Tag: tag, ByDonor: true, Reason: StopCancelled},
		} {
			d.m.Handle(l.now, x.self, m)
			j.m.Handle(l.now, x.self, m)
		}
		d.drain()
		j.drain()
	}
	if !l.run(time.Minute, l.over(id, d, j)) {
		t.Fatal("no end")
	}
	wantComplete(t, j, id, Joiner, d.state)
	if d.m.Drops()[DropStranger] < 100 || j.m.Drops()[DropStranger] < 100 || x.sentBytes > 0 {
		t.Errorf("%v %v", d.m.Drops(), j.m.Drops())
	}
	for _, h := range []*labHost{d, j} {
		if drops := h.m.Drops(); h.sent["stop"] > 0 || h.sent["offer"] > 1 || drops[DropNonsense]+drops[DropStale]+drops[DropDuplicate] > 0 {
			t.Errorf("a stranger was heard: %v, dropped %v", h.sent, drops)
		}
	}
}

// A joiner that asks for the same again and again gets it seldom, and no more
// than its patience lasts.
func TestGreedyJoiner(t *testing.T) {
	l := newLab(t, 3, 2, Config{Patience: 3 * time.Second})
	d, j := l.hosts[0], l.hosts[1]
	d.state = randomState(1, 4<<20)
	id := idOf(j, 3)
	tag := id.Tag()
	if err := d.m.Donate(l.now, id, 0); err != nil {
		t.Fatal(err)
	}
	d.m.Handle(l.now, j.self, &Ask{ID: id, Serial: 1, ChunkMax: chunkMax, Window: WindowMax})
	for serial := uint64(2); d.outcomeOf(id, Donor) == nil; serial++ {
		if serial > 1_000_000 {
			t.Fatal("no end")
		}
		l.run(200*time.Microsecond, never)
		l.now = l.now.Add(200 * time.Microsecond)
		var ranges []Range
		for i := range uint64(rangesMax) {
			ranges = append(ranges, Range{i * 100, 99})
		}
		d.m.Handle(l.now, j.self, &Want{Tag: tag, Serial: serial, Limit: indexMax, Missing: ranges, Stalled: true})
		d.m.Advance(l.now)
		d.drain()
		if d.m.Held() > WindowDefault {
			t.Fatalf("%d bytes held", d.m.Held())
		}
	}
	wantFailed(t, d, id, Donor, JoinerSilent)
	// Ten repeats until the wait has grown to its most, then four a second.
	if most := (12 + 4*6) * WindowDefault; d.sentBytes > most {
		t.Errorf("%d bytes sent, want at most %d", d.sentBytes, most)
	}
	t.Logf("%d MB sent in %v of greed", d.sentBytes>>20, time.Duration(l.now))
}

// What was never sent cannot be there; what is older than what was heard is nothing.
func TestNonsenseIsCounted(t *testing.T) {
	l := newLab(t, 3, 2, Config{})
	d, j := l.hosts[0], l.hosts[1]
	d.state = randomState(1, 4<<20)
	id := idOf(j, 3)
	tag := id.Tag()
	if err := d.m.Donate(l.now, id, 0); err != nil {
		t.Fatal(err)
	}
	if err := j.m.Receive(l.now, id, d.self, 0); err != nil {
		t.Fatal(err)
	}
	other := id
	other.Group = "else"
	for _, c := range []struct {
		to   *labHost
		from *labHost
		m    Message
		want Drop
	}{
		{d, j, nil, DropMalformed},
		{d, j, &Want{Tag: tag, Missing: []Range{{5, -1}}}, DropMalformed},
		{d, j, &Want{Tag: tag}, DropNonsense},
		{d, j, &Have{Tag: tag, Hashes: []Hash{{}}}, DropNonsense},
		{d, j, &Done{tag}, DropNonsense},
		{d, j, &Ask{ID: other, ChunkMax: 2000, Window: WindowMin}, DropUnknown},
		{d, j, &Stop{Tag: 5, Reason: StopLied}, DropUnknown},
		{d, j, &Ask{ID: id, Serial: 3, ChunkMax: 2000, Window: WindowMin}, dropEnd},
		{d, j, &Want{Tag: tag, Serial: 2}, DropStale},
		{d, j, &Want{Tag: tag, Serial: 9, Next: 1}, DropNonsense},
		{j, d, &Chunk{Tag: tag, Data: []byte{1}}, DropUnasked},
		{j, d, &End{Tag: tag}, DropUnasked},
		{j, d, &Same{Tag: tag, Hashes: []Hash{{}}}, DropUnasked},
		{j, d, &Offer{Tag: tag, ChunkBytes: 60000, Slots: 9}, DropNonsense},
		{j, d, &Offer{Tag: tag, ChunkBytes: 1024, Slots: slotsMax}, DropNonsense},
		{j, d, &Offer{Tag: tag, Echo: 1, ChunkBytes: 1024, Slots: 8}, dropEnd},
		{j, d, &Offer{Tag: tag, Echo: 1, ChunkBytes: 1024, Slots: 8}, DropDuplicate},
		{j, d, &Chunk{Tag: tag, Data: []byte{1}, CRC: 1}, DropDamaged},
		{j, d, chunkOf(tag, 8, 1024), DropUnasked},
		{j, d, chunkOf(tag, 3, 1024), dropEnd},
		{j, d, chunkOf(tag, 3, 1024), DropDuplicate},
	} {
		before := c.to.m.Drops()
		c.to.m.Handle(l.now, c.from.self, c.m)
		after := c.to.m.Drops()
		for why := range dropEnd {
			if grown := after[why] - before[why]; (why == c.want) != (grown == 1) {
				t.Errorf("%+v: %s grew by %d", c.m, why, grown)
			}
		}
	}
	for _, do := range []func(){
		func() { d.m.ChunkRead(l.now, id, 0, nil, true, nil) },
		func() { d.m.ChunkRead(l.now, other, 0, nil, true, nil) },
		func() { d.m.ChunkWritten(l.now, id, 0, nil) },
		func() { d.m.KeptRead(l.now, id, 0, nil, nil) },
		func() { d.m.Sealed(l.now, id, nil) },
		func() { j.m.KeptRead(l.now, id, 0, nil, nil) },
		func() { j.m.ChunkWritten(l.now, id, 3, nil) },
		func() { j.m.Sealed(l.now, id, nil) },
	} {
		before := d.m.Drops()[DropDriver] + j.m.Drops()[DropDriver]
		do()
		if d.m.Drops()[DropDriver]+j.m.Drops()[DropDriver] != before+1 {
			t.Error("an answer nobody waits for was not counted")
		}
	}
}

func chunkOf(tag Tag, index uint64, n int) *Chunk {
	data := make([]byte, n)
	return &Chunk{Tag: tag, Index: index, CRC: ChunkSum(tag, index, data), Data: data}
}
