package orders

import (
	"encoding/binary"
	"time"
)

const (
	// headerLen: kind, origin, two bytes for a host's tag, count, number.
	headerLen, tagAt = 16, 2
	// lengthLen stands before each message of a packet.
	lengthLen = 4
	// stampLen is what a message has at least: when it was submitted.
	stampLen = 8
	// overhead is what a packet takes of the window beside its bytes.
	overhead = 512
	// toAll is the receiver of what goes to every other host.
	toAll = -1
)

// kind says what a datagram is.
type kind byte

const (
	kindData kind = iota
	kindAck
	kindRequest
	kindGrant
	kindIDs
	kindToken
	kindCancel
)

// header begins a datagram. Number is a place, or a count from the beginning.
type header struct {
	kind   kind
	origin int
	count  int
	number uint64
}

func (h header) write(b []byte) {
	b[0], b[1] = byte(h.kind), byte(h.origin)
	binary.LittleEndian.PutUint32(b[4:], uint32(h.count))
	binary.LittleEndian.PutUint64(b[8:], h.number)
}

func readHeader(b []byte) header {
	return header{kind(b[0]), int(b[1]), int(binary.LittleEndian.Uint32(b[4:])), binary.LittleEndian.Uint64(b[8:])}
}

// letter is a datagram to be sent.
type letter struct {
	to int
	b  []byte
}

// desk is what a host has whichever way the order is made: its messages, its
// credit, what it delivers, and the datagrams to be sent.
type desk struct {
	rank, n int
	// now is of this pass; wake, if set, is when to settle though nothing comes.
	now, wake time.Time
	source    source
	// packetMax bounds a packet; share is how much may be under way.
	packetMax, share int
	// sent is what this host sent, acked what each host delivered of that.
	sent  uint64
	acked []uint64
	// taken is what was delivered of each origin, told what that was told of it.
	taken, told []uint64
	// messages were sent; owed have places, or will have, and were not sent yet.
	messages, owed int
	out            []letter
	// free are buffers; spent ones are free once out was sent.
	free, spent [][]byte
	// delivered counts messages; digest sums up the order of their origins.
	delivered, digest uint64
	// arrived, if set, hears of each message.
	arrived func(origin int, stamp int64)
}

func newDesk(rank, n, packetMax, share int, s source) *desk {
	d := &desk{rank: rank, n: n, source: s, packetMax: packetMax, share: share}
	d.acked, d.taken, d.told = make([]uint64, n), make([]uint64, n), make([]uint64, n)
	return d
}

// credit is how much more may be under way.
func (d *desk) credit() int {
	least := d.sent
	for r, a := range d.acked {
		if r != d.rank {
			least = min(least, a)
		}
	}
	return d.share - int(d.sent-least)
}

// ready is how many messages could be sent now.
func (d *desk) ready() int {
	each := d.source.size + lengthLen
	return max(0, min(d.source.waiting(), (d.credit()+each-1)/each))
}

// pack makes a packet of messages, at most so many, of which one always fits.
// What is promised goes out without credit, too.
func (d *desk) pack(most int) (b []byte, count int) {
	b = d.blank()
	at := headerLen
	for each := d.source.size + lengthLen; count < most && at+each <= len(b); at += each {
		binary.LittleEndian.PutUint32(b[at:], uint32(d.source.size))
		binary.LittleEndian.PutUint64(b[at+lengthLen:], uint64(d.source.take()))
		count++
	}
	d.messages += count
	d.sent += uint64(at + overhead)
	header{kind: kindData, origin: d.rank, count: count}.write(b)
	return b[:at], count
}

// blank gives a buffer for a datagram.
func (d *desk) blank() []byte {
	k := len(d.free) - 1
	if k < 0 {
		return make([]byte, d.packetMax)
	}
	b := d.free[k]
	d.free = d.free[:k]
	return b[:d.packetMax]
}

// flushed is told when out was sent.
func (d *desk) flushed() {
	d.out = d.out[:0]
	d.free, d.spent = append(d.free, d.spent...), d.spent[:0]
}

// post sends a datagram that is still needed; give one that is not.
func (d *desk) post(to int, b []byte) { d.out = append(d.out, letter{to, b}) }

func (d *desk) give(to int, b []byte) {
	d.post(to, b)
	d.spent = append(d.spent, b)
}

// say sends a datagram without a body.
func (d *desk) say(to int, h header) {
	b := d.blank()[:headerLen]
	h.origin = d.rank
	h.write(b)
	d.give(to, b)
}

// deliver delivers a packet, whose buffer is free after that, and tells its origin
// when that makes another quarter of a share.
func (d *desk) deliver(b []byte) {
	const prime = 1099511628211
	h := readHeader(b)
	for rest := b[headerLen:]; len(rest) > 0; {
		if d.arrived != nil {
			d.arrived(h.origin, int64(binary.LittleEndian.Uint64(rest[lengthLen:])))
		}
		rest = rest[lengthLen+int(binary.LittleEndian.Uint32(rest)):]
		d.digest = (d.digest ^ uint64(h.origin+1)) * prime
		d.delivered++
	}
	d.spent = append(d.spent, b)
	taken := &d.taken[h.origin]
	*taken += uint64(len(b) + overhead)
	if h.origin != d.rank && *taken-d.told[h.origin] >= uint64(d.share/4) {
		d.told[h.origin] = *taken
		d.say(h.origin, header{kind: kindAck, number: *taken})
	}
}
