package transfer

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

const (
	// repeatLeast spaces the repeats of one chunk, and doubles with each up to
	// repeatMost: the joiner asks, but this bounds what it can cost.
	repeatLeast = 250 * time.Microsecond
	repeatMost  = 256 * time.Millisecond
	// endFirst spaces the repeats of End, and doubles up to endMost.
	endFirst = 20 * time.Millisecond
	endMost  = time.Second
	// readParts: this part of the ring is being read at a time.
	readParts = 4
	// donorPatience is how many patiences a joiner may not get on: its own
	// disk has one before it gives up by itself and says so.
	donorPatience = 2
)

// maybeSend sends a chunk for the first time, where it was read, is let go, and
// the joiner has said what it has there.
func (d *donation) maybeSend(index uint64) {
	if index < d.acked || index >= d.limit || index >= d.got {
		return
	}
	c := d.at(index)
	if c.sent || (index < d.kept && !c.known) {
		return
	}
	c.equal = c.known && c.have != Hash{} && HashOf(c.data) == c.have
	c.sent, c.sentAt = true, d.m.now
	d.sent++
	d.high = max(d.high, index+1)
	d.put(index, c)
}

// repeat sends a chunk again, if it went out and not just now.
func (d *donation) repeat(index uint64) {
	c := d.at(index)
	if !c.sent || d.m.now.Sub(c.sentAt) < backoff(repeatLeast, c.repeats, repeatMost) {
		return
	}
	c.repeats++
	c.sentAt = d.m.now
	d.put(index, c)
}

// put sends a chunk, or that the joiner has it.
func (d *donation) put(index uint64, c *chunk) {
	if !c.equal {
		d.m.send(d.id.Joiner, &Chunk{
			Tag: d.tag, Index: index, Echo: d.echo, Delay: d.delay(),
			CRC: ChunkSum(d.tag, index, c.data), Data: c.data,
		})
		return
	}
	if len(d.same) == hashesMax || d.sameFrom+uint64(len(d.same)) != index {
		d.flushSame()
	}
	if len(d.same) == 0 {
		d.sameFrom = index
	}
	d.same = append(d.same, c.have)
}

// flushSame sends the answers that were gathered.
func (d *donation) flushSame() {
	if len(d.same) > 0 {
		d.m.send(d.id.Joiner, &Same{Tag: d.tag, Echo: d.echo, Delay: d.delay(), From: d.sameFrom, Hashes: d.same})
		d.same = nil
	}
}

// nudge answers a joiner to which nothing comes: the highest chunk that went
// out lets it see what is missing before. Once all went out, End does.
func (d *donation) nudge() {
	switch {
	case d.end != nil:
		d.sendEnd()
	case d.high > d.acked:
		d.repeat(d.high - 1)
	}
}

// maybeEnd tells the whole as soon as all of it went out.
func (d *donation) maybeEnd() {
	if !d.eof || d.end != nil || d.sent < d.got {
		return
	}
	d.end = &End{Tag: d.tag, Chunks: d.got, Bytes: d.bytes}
	d.sum.Sum(d.end.Sum[:0])
	d.sendEnd()
	d.endAt = d.m.now.Add(endFirst)
}

func (d *donation) sendEnd() {
	e := *d.end
	e.Echo, e.Delay = d.echo, d.delay()
	d.m.send(d.id.Joiner, &e)
}

// advance repeats the End, and gives up who does nothing.
func (d *donation) advance() {
	now := d.m.now
	switch {
	case now >= d.silentAt():
		d.fail(JoinerSilent, nil)
		return
	case d.hungAt() != 0 && now >= d.hungAt():
		d.fail(DiskFailed, ErrHung)
		return
	}
	if d.endAt != 0 && now >= d.endAt {
		d.endTries++
		d.endAt = now.Add(backoff(endFirst, d.endTries, endMost))
		d.sendEnd()
	}
}

func (d *donation) deadline() views.Instant {
	return views.Earliest(views.Earliest(d.silentAt(), d.hungAt()), d.endAt)
}

func (d *donation) silentAt() views.Instant {
	return d.progress.Add(donorPatience * d.m.cfg.Patience)
}

// hungAt is when the driver has not answered for too long; zero while nothing is asked.
func (d *donation) hungAt() views.Instant {
	if d.eof || d.asked == d.got {
		return 0
	}
	return d.read.Add(d.m.cfg.Patience)
}
