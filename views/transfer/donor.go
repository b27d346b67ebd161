package transfer

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// donation is one transfer at its donor. It reads the state once, in order, and
// holds what was read until the joiner has it; so the application's reader need
// not go back, and a window is all the memory it takes.
type donation struct {
	m    *Machine
	id   TransferID
	tag  Tag
	size uint64

	// offer is what was fixed by the first Ask; nil before.
	offer *Offer
	// kept is the number of chunks the joiner has something of on disk.
	kept uint64
	// ring holds the chunks [acked, acked+len(ring)) by index modulo its length.
	ring []chunk
	// acked <= high <= got <= asked: what the joiner has; one above the highest
	// sent; what was read; what the driver was asked for.
	acked, high, got, asked uint64
	// sent counts the chunks that went out once; limit is up to where they may.
	sent, limit uint64

	eof   bool
	bytes uint64
	sum   hash.Hash
	end   *End

	// echo is the last serial heard, at echoAt.
	echo   uint64
	echoAt views.Instant
	// same gathers answers that stand in a row.
	same     []Hash
	sameFrom uint64

	// progress is when the joiner got on last, read when the driver did.
	progress, read views.Instant
	endAt          views.Instant
	endTries       int
	told           uint64
}

// chunk is a place of the donor's ring.
type chunk struct {
	data []byte
	// have is what the joiner says it has there, if known.
	have               Hash
	known, sent, equal bool
	sentAt             views.Instant
	repeats            int
}

func newDonation(m *Machine, id TransferID, size uint64) *donation {
	return &donation{m: m, id: id, tag: id.Tag(), size: size, sum: sha256.New(), progress: m.now}
}

func (d *donation) slots() uint64           { return uint64(len(d.ring)) }
func (d *donation) at(index uint64) *chunk  { return &d.ring[index%d.slots()] }
func (d *donation) holds(index uint64) bool { return index >= d.acked && index < d.acked+d.slots() }

// held is what the buffers take, whether in use or kept for the next chunk.
func (d *donation) held() int {
	n := 0
	for i := range d.ring {
		n += cap(d.ring[i].data)
	}
	return n
}

// hear notes the serial of a message, for the joiner to measure with.
func (d *donation) hear(serial uint64) {
	if serial > d.echo {
		d.echo, d.echoAt = serial, d.m.now
	}
}

func (d *donation) delay() uint64 { return micros(d.m.now.Sub(d.echoAt)) }

// handleAsk fixes the sizes at the first Ask, and says them again at others.
func (d *donation) handleAsk(a *Ask) {
	if a.ID != d.id {
		d.m.drop(DropNonsense)
		return
	}
	d.hear(a.Serial)
	if d.offer == nil {
		d.progress = d.m.now
		size := min(d.m.cfg.chunkBytes(), a.ChunkMax, a.Window/windowParts)
		slots := min(d.m.cfg.Window, a.Window) / size
		d.offer = &Offer{Tag: d.tag, ChunkBytes: size, Slots: slots, Size: d.size}
		d.ring = make([]chunk, slots)
		d.kept = (a.Kept + uint64(size) - 1) / uint64(size) //nolint:gosec // not negative
	}
	o := *d.offer
	o.Echo, o.Delay = d.echo, d.delay()
	d.m.send(d.id.Joiner, &o)
}

// handleWant frees what has arrived, repairs what is missing, and lets new
// chunks go.
func (d *donation) handleWant(w *Want) {
	switch {
	case d.offer == nil || w.Next > d.high:
		d.m.drop(DropNonsense)
		return
	case w.Serial < d.echo:
		d.m.drop(DropStale)
		return
	}
	d.hear(w.Serial)
	d.release(w.Next)
	for _, r := range w.Missing {
		end := min(r.From+uint64(r.Count), d.high) //nolint:gosec // not negative
		for i := max(r.From, d.acked); i < end; i++ {
			d.repeat(i)
		}
	}
	from := d.limit
	d.limit = max(d.limit, min(w.Limit, d.acked+d.slots()))
	for i := from; i < min(d.limit, d.got); i++ {
		d.maybeSend(i)
	}
	if w.Stalled {
		d.nudge()
	}
	d.readAhead()
	d.flushSame()
	d.maybeEnd()
}

// handleHave notes what the joiner has; where the chunk waited for that, it is
// answered now.
func (d *donation) handleHave(h *Have) {
	if d.offer == nil || h.Next > d.high {
		d.m.drop(DropNonsense)
		return
	}
	d.release(h.Next)
	for k, hash := range h.Hashes {
		index := h.From + uint64(k) //nolint:gosec // not negative
		if !d.holds(index) || index >= d.kept {
			continue
		}
		switch c := d.at(index); {
		case !c.known:
			c.known, c.have = true, hash
			d.maybeSend(index)
		case c.sent:
			d.repeat(index)
		}
	}
	d.readAhead()
	d.flushSame()
	d.maybeEnd()
}

// release frees the chunks before next.
func (d *donation) release(next uint64) {
	if next <= d.acked {
		return
	}
	for ; d.acked < next; d.acked++ {
		c := d.at(d.acked)
		*c = chunk{data: c.data[:0]}
	}
	d.progress, d.endTries = d.m.now, 0
	if d.endAt != 0 {
		d.endAt = d.m.now.Add(endFirst)
	}
	if bytes := d.ackedBytes(); bytes-d.told >= uint64(d.m.cfg.Window) { //nolint:gosec // not negative
		d.told = bytes
		d.m.emit(Progress{d.id, Donor, bytes, d.size})
	}
}

func (d *donation) ackedBytes() uint64 {
	return min(d.acked*uint64(d.offer.ChunkBytes), d.bytes) //nolint:gosec // not negative
}

// readAhead asks the driver for a part of the ring at a time, as there is room:
// behind a small state not much is asked for in vain.
func (d *donation) readAhead() {
	if d.eof {
		return
	}
	if d.asked == d.got {
		d.read = d.m.now
	}
	size := d.offer.ChunkBytes
	most := min(d.acked+d.slots(), d.got+d.slots()/readParts)
	for ; d.asked < most; d.asked++ {
		d.m.out.Reads = append(d.m.out.Reads, Read{d.id, d.asked, d.asked * uint64(size), size}) //nolint:gosec // not negative
	}
}

func (d *donation) handleRead(index uint64, data []byte, eof bool, err error) {
	switch {
	case index != d.got || index >= d.asked || d.eof:
		d.m.drop(DropDriver)
		return
	case err != nil:
		d.fail(DiskFailed, err)
		return
	case len(data) > d.offer.ChunkBytes || (len(data) < d.offer.ChunkBytes && !eof):
		d.fail(DiskFailed, fmt.Errorf("%w: %d bytes of %d", ErrShortRead, len(data), d.offer.ChunkBytes))
		return
	}
	d.read, d.eof = d.m.now, eof
	if len(data) > 0 {
		c := d.at(index)
		c.data = append(d.room(c), data...)
		d.sum.Write(data)
		d.bytes += uint64(len(data))
		d.got++
		d.maybeSend(index)
	}
	d.readAhead()
	if d.eof || d.got == d.asked {
		d.flushSame()
	}
	d.maybeEnd()
}

// room gives a buffer for the next chunk: the old one, unless it may still
// stand in a Send that was not drained.
func (d *donation) room(c *chunk) []byte {
	if cap(c.data) < d.offer.ChunkBytes || len(d.m.out.Sends) > 0 {
		return make([]byte, 0, d.offer.ChunkBytes)
	}
	return c.data[:0]
}

// handleDone ends the donation well, if it can be true.
func (d *donation) handleDone() {
	if d.end == nil {
		d.m.drop(DropNonsense)
		return
	}
	d.m.emit(Complete{d.id, Donor, d.end.Chunks, d.end.Bytes, d.end.Sum})
	d.settle(nil)
}

// fail ends the donation and tells the joiner.
func (d *donation) fail(why Reason, err error) {
	stop := &Stop{Tag: d.tag, ByDonor: true, Reason: why.tells()}
	if why != JoinerGone {
		d.m.send(d.id.Joiner, stop)
	}
	d.m.emit(Failed{d.id, Donor, why, false, err})
	d.settle(stop)
}

// stopped ends the donation because the joiner said so.
func (d *donation) stopped(why Reason) {
	d.m.emit(Failed{d.id, Donor, why, false, nil})
	d.settle(nil)
}

func (d *donation) settle(reply Message) {
	m := d.m
	m.donations = slices.DeleteFunc(m.donations, func(o *donation) bool { return o == d })
	m.settled.add(outcome{tag: d.tag, role: Donor, peer: d.id.Joiner, reply: reply})
}
