package transfer

import (
	"crypto/sha256"
	"hash"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

// phase is where a reception is. It only rises.
type phase uint8

const (
	// asking: no offer yet.
	asking phase = iota
	receiving
	// closing: all is here and verified, some of it not yet on disk.
	closing
	// sealing: all is written; the driver brings it to stable storage.
	sealing
)

const (
	// askFirst spaces the repeats of Ask, and doubles up to askMost.
	askFirst = 20 * time.Millisecond
	askMost  = time.Second
	// sealPatience is how many patiences a seal may take: a disk may have
	// gigabytes in its cache.
	sealPatience = 10
	// damageHead is how often in a row one chunk that all wait for may be
	// damaged, damageRun how many in a row altogether, before the donor is
	// called a liar.
	damageHead = 8
	damageRun  = 32
)

// reception is one transfer at its joiner.
type reception struct {
	m     *Machine
	id    TransferID
	tag   Tag
	donor views.Process
	phase phase

	// keptBytes are on disk from before; kept are the donor's chunks in them.
	keptBytes, kept uint64
	// keptTold <= keptGot <= keptAsked: hashes were sent; the driver gave, or
	// could not; the driver was asked. Behind keptEnd it is asked no more.
	keptTold, keptGot, keptAsked, keptEnd uint64

	chunkBytes int
	// ring holds the chunks [written, written+len(ring)).
	ring []slot
	// written <= next <= high <= limit: on disk; in order, so given to the
	// disk and summed; one above the highest known of; let come.
	written, next, high, limit uint64
	// nextTold is what the last Want said.
	nextTold uint64
	// total is the number of chunks, once known by a short one or by the end.
	total      uint64
	totalKnown bool
	end        *End
	size       uint64
	bytes      uint64
	sum        hash.Hash

	flight flight
	// headDamage and damage count damaged chunks in a row.
	headDamage, damage int

	// progress is when something new came, disk when the driver answered last
	// or was asked first; pending counts what it has not answered.
	progress, disk views.Instant
	pending        int
	askTries       int
	// askAt, wantAt and stallAt are when to speak; zero for never.
	askAt, wantAt, stallAt views.Instant
	stalls                 int
	shown                  uint64
}

// slotState is what a joiner knows of a chunk.
type slotState uint8

const (
	// empty: nothing is here.
	empty slotState = iota
	// keptHere: what the file holds is here, and its hash; the donor decides.
	keptHere
	// arrived: the donor's content is here.
	arrived
	// confirmed: the file holds the donor's content.
	confirmed
	// writing: given to the driver.
	writing
	// onDisk: the file holds it.
	onDisk
)

// slot is a place of the joiner's ring.
type slot struct {
	data  []byte
	hash  Hash
	state slotState
	// gapAt is when a later chunk was seen first; asked is the serial of the
	// last Want that named this one, at askedAt, for the tries-th time.
	gapAt, askedAt views.Instant
	asked          uint64
	tries          int
}

func (s *slot) undecided() bool { return s.state == empty || s.state == keptHere }

func newReception(m *Machine, id TransferID, donor views.Process, kept uint64) *reception {
	return &reception{m: m, id: id, tag: id.Tag(), donor: donor, keptBytes: kept, sum: sha256.New(), progress: m.now}
}

func (r *reception) slots() uint64         { return uint64(len(r.ring)) }
func (r *reception) at(index uint64) *slot { return &r.ring[index%r.slots()] }

func (r *reception) held() int {
	n := 0
	for i := range r.ring {
		n += cap(r.ring[i].data)
	}
	return n
}

// offset gives where a chunk stands in the state.
func (r *reception) offset(index uint64) uint64 { return index * uint64(r.chunkBytes) } //nolint:gosec // positive

// ask speaks first, and again while there is no answer.
func (r *reception) ask() {
	r.m.send(r.donor, &Ask{
		ID: r.id, Serial: r.flight.next(r.m.now, true), ChunkMax: r.m.cfg.chunkBytes(),
		Window: r.m.cfg.Window, Kept: r.keptBytes,
	})
	r.askAt = r.m.now.Add(backoff(askFirst, r.askTries, askMost))
	r.askTries++
}

// handleOffer fixes the sizes.
func (r *reception) handleOffer(o *Offer) {
	switch {
	case r.phase != asking:
		r.m.drop(DropDuplicate)
		return
	case o.ChunkBytes > r.m.cfg.chunkBytes() || o.ChunkBytes*o.Slots > r.m.cfg.Window:
		r.m.drop(DropNonsense)
		return
	case o.Size > r.m.cfg.StateMax:
		r.fail(TooLarge, nil)
		return
	}
	was := r.flight
	r.phase, r.chunkBytes, r.size = receiving, o.ChunkBytes, o.Size
	r.ring = make([]slot, o.Slots)
	r.flight = newFlight(o.Slots, o.ChunkBytes)
	r.flight.serial, r.flight.sample, r.flight.sampleAt = was.serial, was.sample, was.sampleAt
	r.flight.hear(r.m.now, o.Echo, o.Delay)
	r.kept = (r.keptBytes + uint64(o.ChunkBytes) - 1) / uint64(o.ChunkBytes) //nolint:gosec // positive
	r.keptEnd = r.kept
	r.progress, r.askAt = r.m.now, 0
	r.restartStall()
	r.sendWant(false)
	r.readKept()
}

// handleChunk takes a piece of the state.
func (r *reception) handleChunk(c *Chunk) {
	switch {
	case r.phase != receiving:
		r.m.drop(DropUnasked)
		return
	case c.CRC != ChunkSum(r.tag, c.Index, c.Data):
		r.handleDamage(c.Index)
		return
	}
	r.damage = 0
	switch {
	case len(c.Data) > r.chunkBytes || (r.totalKnown && c.Index >= r.total):
		r.lied(ErrChunkLength)
		return
	case !r.expects(c.Index):
		r.hear(c.Echo, c.Delay)
		return
	}
	if len(c.Data) < r.chunkBytes && !r.knowTotal(c.Index+1) {
		r.lied(ErrChunkLength)
		return
	}
	if r.offset(c.Index)+uint64(len(c.Data)) > r.m.cfg.StateMax {
		r.fail(TooLarge, nil)
		return
	}
	s := r.at(c.Index)
	s.data, s.state = append(r.room(s), c.Data...), arrived
	r.arrive(c.Index)
	r.hear(c.Echo, c.Delay)
	r.moveOn()
}

// room gives a slot's buffer, emptied.
func (r *reception) room(s *slot) []byte {
	if cap(s.data) < r.chunkBytes {
		return make([]byte, 0, r.chunkBytes)
	}
	return s.data[:0]
}

// expects reports whether a chunk is let come and is not here, and counts why
// it is not.
func (r *reception) expects(index uint64) bool {
	switch {
	case index < r.next:
		r.m.drop(DropDuplicate)
	case index >= r.limit || (index < r.kept && index >= r.keptTold):
		r.m.drop(DropUnasked)
	case !r.at(index).undecided():
		r.m.drop(DropDuplicate)
	default:
		return true
	}
	return false
}

// knowTotal notes the number of chunks; false means it contradicts what is known.
func (r *reception) knowTotal(total uint64) bool {
	if total < r.high || total > r.limit || (r.totalKnown && total != r.total) {
		return false
	}
	r.total, r.totalKnown = total, true
	return true
}

// handleDamage: a damaged chunk is a lost one; but a donor that never sends it
// whole must not keep us for ever.
func (r *reception) handleDamage(index uint64) {
	r.m.drop(DropDamaged)
	r.damage++
	if index == r.next {
		r.headDamage++
	}
	if r.headDamage >= damageHead || r.damage >= damageRun {
		r.lied(ErrChunkDamaged)
	}
}

// handleSame: what the file holds is what the donor has.
func (r *reception) handleSame(s *Same) {
	if r.phase != receiving {
		r.m.drop(DropUnasked)
		return
	}
	for k, hash := range s.Hashes {
		index := s.From + uint64(k) //nolint:gosec // not negative
		if r.totalKnown && index >= r.total {
			r.lied(ErrEndWrong)
			return
		}
		if !r.expects(index) {
			continue
		}
		if o := r.at(index); o.state != keptHere || o.hash != hash {
			r.lied(ErrHashWrong)
			return
		}
		if len(r.at(index).data) < r.chunkBytes && !r.knowTotal(index+1) {
			r.lied(ErrChunkLength)
			return
		}
		r.at(index).state = confirmed
		r.arrive(index)
	}
	r.hear(s.Echo, s.Delay)
	r.moveOn()
}

// hear takes what any message tells of the donor.
func (r *reception) hear(echo, delay uint64) {
	if r.flight.hear(r.m.now, echo, delay) && r.wantAt != 0 {
		// The donor has answered a later Want: what an earlier one asked for
		// and is not here was lost again.
		r.wantBy(r.m.now.Add(r.flight.gap()))
	}
}

// arrive notes that a chunk was decided, and what it has overtaken.
func (r *reception) arrive(index uint64) {
	r.progress = r.m.now
	r.flight.arrived++
	r.noteGaps(index)
	r.high = max(r.high, index+1)
	r.restartStall()
}

// noteGaps marks what should have come before index.
func (r *reception) noteGaps(index uint64) {
	for i := r.high; i < index; i++ {
		r.at(i).gapAt = r.m.now
		r.wantBy(r.m.now.Add(r.flight.gap()))
	}
}

// moveOn gives to the disk what is in order now, ends where that is all, and
// speaks where there is enough to say.
func (r *reception) moveOn() {
	before := r.next
	for r.next < r.written+r.slots() {
		s := r.at(r.next)
		if s.state != arrived && s.state != confirmed {
			break
		}
		r.sum.Write(s.data)
		r.bytes += uint64(len(s.data))
		if s.state == confirmed {
			s.state = onDisk
		} else {
			r.write(s)
		}
		r.next++
	}
	if r.next > before {
		r.headDamage = 0
	}
	r.freeWritten()
	if !r.maybeClose() {
		r.readKept()
		r.maybeWant()
	}
}

func (r *reception) write(s *slot) {
	s.state = writing
	r.startDisk()
	r.m.out.Writes = append(r.m.out.Writes, Write{r.id, r.next, r.offset(r.next), s.data})
}

// startDisk counts what the driver was asked for.
func (r *reception) startDisk() {
	if r.pending == 0 {
		r.disk = r.m.now
	}
	r.pending++
}

// freeWritten makes room, and tells how far it is.
func (r *reception) freeWritten() {
	for r.written < r.next && r.at(r.written).state == onDisk {
		s := r.at(r.written)
		*s = slot{data: s.data[:0]}
		r.written++
	}
	bytes := min(r.offset(r.written), r.bytes)
	if bytes-r.shown >= uint64(r.m.cfg.Window) { //nolint:gosec // positive
		r.shown = bytes
		r.m.emit(Progress{r.id, Joiner, bytes, r.size})
	}
}

func (r *reception) handleWritten(index uint64, err error) {
	if r.chunkBytes == 0 || index < r.written || index >= r.next || r.at(index).state != writing {
		r.m.drop(DropDriver)
		return
	}
	if err != nil {
		r.fail(DiskFailed, err)
		return
	}
	r.pending--
	r.disk, r.progress = r.m.now, r.m.now
	r.at(index).state = onDisk
	r.freeWritten()
	if r.phase == closing {
		r.maybeSeal()
		return
	}
	r.readKept()
	r.maybeWant()
}

// fail ends the reception and tells the donor; but one that has done its part
// hears nothing else.
func (r *reception) fail(why Reason, err error) {
	r.m.emit(Failed{r.id, Joiner, why, why.retryable(), err})
	if r.phase >= closing {
		r.settle(&Done{Tag: r.tag})
		return
	}
	stop := &Stop{Tag: r.tag, Reason: why.tells()}
	if why != DonorGone {
		r.m.send(r.donor, stop)
	}
	r.settle(stop)
}

func (r *reception) lied(err error) { r.fail(DonorLied, err) }

// stopped ends the reception because the donor said so. Once all was verified
// it is not needed any more.
func (r *reception) stopped(why Reason) {
	if r.phase >= closing {
		r.m.drop(DropSettled)
		return
	}
	r.m.emit(Failed{r.id, Joiner, why, why.retryable(), nil})
	r.settle(nil)
}

func (r *reception) settle(reply Message) {
	m := r.m
	m.receptions = slices.DeleteFunc(m.receptions, func(o *reception) bool { return o == r })
	m.settled.add(outcome{tag: r.tag, role: Joiner, peer: r.donor, reply: reply})
}
