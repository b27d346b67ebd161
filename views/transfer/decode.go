package transfer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/gmsd/gmsd/views"
)

// Errors of [Decode].
var (
	// ErrShort: the bytes end in the middle.
	ErrShort = errors.New("transfer: message ends early")
	// ErrKind: a version or kind that is not known here.
	ErrKind = errors.New("transfer: unknown version or kind")
	// ErrForm: a number is not in its shortest form, or a flag neither 0 nor 1.
	ErrForm = errors.New("transfer: malformed number")
	// ErrLimit: a field is out of its limits.
	ErrLimit = errors.New("transfer: field out of its limits")
	// ErrTrailing: there are bytes behind the message.
	ErrTrailing = errors.New("transfer: bytes behind the message")
)

// Decode reads one message, which is all of b. The Data of a Chunk still
// belongs to b; nothing else does. One value has one encoding. Errors wrap
// those above.
func Decode(b []byte) (Message, error) {
	if len(b) > PacketMax {
		return nil, fmt.Errorf("%w: %d bytes", ErrLimit, len(b))
	}
	r := reader{b: b}
	m := r.message()
	switch {
	case r.err != nil:
		return nil, r.err
	case len(r.b) > 0:
		return nil, ErrTrailing
	case !m.valid():
		return nil, ErrLimit
	}
	return m, nil
}

// reader takes values from the front of b. A failure sticks and empties b.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) message() Message {
	if r.byte() != version {
		r.fail(ErrKind)
	}
	switch kind := r.byte(); kind {
	case kindAsk:
		return &Ask{ID: r.id(), Serial: r.upTo(echoMax), ChunkMax: r.length(chunkMax), Window: r.length(WindowMax), Kept: r.upTo(bytesMax)}
	case kindOffer:
		return &Offer{
			Tag: r.tag(), Echo: r.upTo(echoMax), Delay: r.upTo(echoMax),
			ChunkBytes: r.length(chunkMax), Slots: r.length(slotsMax), Size: r.upTo(bytesMax),
		}
	case kindWant:
		return &Want{
			Tag: r.tag(), Serial: r.upTo(echoMax), Next: r.upTo(indexMax), Limit: r.upTo(indexMax),
			Stalled: r.flag(), Missing: r.ranges(),
		}
	case kindHave:
		return &Have{Tag: r.tag(), Next: r.upTo(indexMax), From: r.upTo(indexMax), Hashes: r.hashes()}
	case kindChunk:
		return &Chunk{
			Tag: r.tag(), Index: r.upTo(indexMax), Echo: r.upTo(echoMax), Delay: r.upTo(echoMax),
			CRC: r.fixed32(), Data: r.take(r.length(chunkMax)),
		}
	case kindSame:
		return &Same{Tag: r.tag(), Echo: r.upTo(echoMax), Delay: r.upTo(echoMax), From: r.upTo(indexMax), Hashes: r.hashes()}
	case kindEnd:
		m := &End{Tag: r.tag(), Echo: r.upTo(echoMax), Delay: r.upTo(echoMax), Chunks: r.upTo(indexMax), Bytes: r.upTo(bytesMax)}
		copy(m.Sum[:], r.take(len(m.Sum)))
		return m
	case kindDone:
		return &Done{Tag: r.tag()}
	case kindStop:
		return &Stop{Tag: r.tag(), ByDonor: r.flag(), Reason: StopReason(r.byte())}
	default:
		r.fail(ErrKind)
		return nil
	}
}

// take gives n bytes, which still belong to b.
func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail(ErrShort)
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) flag() bool {
	v := r.byte()
	if v > 1 {
		r.fail(ErrForm)
	}
	return v == 1
}

func (r *reader) fixed32() uint32 {
	if v := r.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (r *reader) tag() Tag {
	if v := r.take(8); v != nil {
		return Tag(binary.BigEndian.Uint64(v))
	}
	return 0
}

// upTo reads a number of at most limit, in its shortest form alone.
func (r *reader) upTo(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	switch {
	case n == 0:
		r.fail(ErrShort)
		return 0
	case n < 0 || (n > 1 && r.b[n-1] == 0):
		r.fail(ErrForm)
		return 0
	case v > limit:
		r.fail(ErrLimit)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) length(limit int) int {
	return int(r.upTo(uint64(limit))) //nolint:gosec // limits are positive constants
}

func (r *reader) process() (p views.Process) {
	copy(p.Host[:], r.take(len(p.Host)))
	p.Incarnation = views.Incarnation(r.upTo(math.MaxUint32)) //nolint:gosec // bounded
	return p
}

func (r *reader) id() (id TransferID) {
	id.Group = string(r.take(r.length(views.GroupNameMax)))
	id.View.Seq = views.Seq(r.upTo(math.MaxUint64))
	by := r.process()
	id.View.Coordinator, id.View.Incarnation = by.Host, by.Incarnation
	id.K = views.Position(r.upTo(math.MaxUint64))
	id.Joiner = r.process()
	id.Port = uint32(r.upTo(math.MaxUint32)) //nolint:gosec // bounded
	return id
}

func (r *reader) hashes() []Hash {
	n := int(r.byte())
	if n > hashesMax {
		r.fail(ErrLimit)
		return nil
	}
	all := r.take(n * len(Hash{}))
	if len(all) == 0 {
		return nil
	}
	out := make([]Hash, n)
	for i := range out {
		all = all[copy(out[i][:], all):]
	}
	return out
}

func (r *reader) ranges() []Range {
	n := int(r.byte())
	if n > rangesMax {
		r.fail(ErrLimit)
		return nil
	}
	var out []Range
	end := uint64(0)
	for ; n > 0 && r.err == nil; n-- {
		one := Range{From: end + r.upTo(indexMax), Count: r.length(slotsMax)}
		out = append(out, one)
		end = one.From + uint64(one.Count) //nolint:gosec // not negative
	}
	return out
}
