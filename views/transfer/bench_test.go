package transfer

import (
	"testing"

	"github.com/gmsd/gmsd/views"
)

// BenchmarkChunk is one chunk from the donor's read to the joiner's write, both
// machines and the codec together, with no net between.
func BenchmarkChunk(b *testing.B) {
	for _, c := range []struct {
		name   string
		packet int
	}{{"1264", PacketDefault}, {"59964", 60000}} {
		b.Run(c.name, func(b *testing.B) { benchmarkChunk(b, c.packet) })
	}
}

func benchmarkChunk(b *testing.B, packet int) {
	donor, joiner := process(1), process(2)
	d, err := New(Config{Self: donor, PacketBytes: packet})
	if err != nil {
		b.Fatal(err)
	}
	j, err := New(Config{Self: joiner, PacketBytes: packet})
	if err != nil {
		b.Fatal(err)
	}
	id := TransferID{Group: "g", Joiner: joiner}
	now := views.Instant(1)
	if d.Donate(now, id, 0) != nil || j.Receive(now, id, donor, 0) != nil {
		b.Fatal("refused")
	}
	data := randomState(1, packet-chunkOverhead)
	var frame []byte
	carry := func(o Output, from views.Process, to *Machine) {
		for _, s := range o.Sends {
			frame = s.Message.AppendTo(frame[:0])
			m, err := Decode(frame)
			if err != nil {
				b.Fatal(err)
			}
			to.Handle(now, from, m)
		}
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		now += 1_000_000
		o := j.Drain()
		for _, w := range o.Writes {
			j.ChunkWritten(now, id, w.Index, nil)
			done++
		}
		carry(o, joiner, d)
		o = d.Drain()
		for _, r := range o.Reads {
			d.ChunkRead(now, id, r.Index, data, false, nil)
		}
		carry(o, donor, j)
	}
}
