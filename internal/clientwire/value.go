package clientwire

import (
	"encoding/binary"
	"math"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// reader takes values from the front of b. Its first error sticks and empties b.
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

// end gives the error of a body that must be read to its last byte.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = ErrLeft
	}
	return r.err
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail(ErrShort)
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// flags reads a byte in which only the bits of known may be set.
func (r *reader) flags(known byte) byte {
	v := r.byte()
	if v&^known != 0 {
		r.fail(ErrEnum)
	}
	return v
}

func (r *reader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	return r.longUvarint()
}

func (r *reader) longUvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	switch {
	case n == 0:
		r.fail(ErrShort)
		return 0
	case n < 0 || (n > 1 && r.b[n-1] == 0):
		r.fail(ErrVarint)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) upTo(limit uint64) uint64 {
	v := r.uvarint()
	if v > limit {
		r.fail(ErrLimit)
		return 0
	}
	return v
}

func (r *reader) u32() uint32    { return uint32(r.upTo(math.MaxUint32)) }   //nolint:gosec // bounded
func (r *reader) handle() uint32 { return uint32(r.upTo(HandlesMax - 1)) }   //nolint:gosec // bounded
func (r *reader) sender() uint32 { return uint32(r.upTo(SendersMax - 1)) }   //nolint:gosec // bounded
func (r *reader) code() Code     { return Code(r.upTo(math.MaxUint16)) }     //nolint:gosec // bounded
func (r *reader) side() uint16   { return uint16(r.upTo(math.MaxUint16)) }   //nolint:gosec // bounded
func (r *reader) left() uint32   { return uint32(r.upTo(views.PayloadMax)) } //nolint:gosec // bounded
func (r *reader) credit() int    { return int(r.upTo(CreditMax)) }           //nolint:gosec // bounded

func (r *reader) text(limit int) string {
	n := r.upTo(uint64(limit)) //nolint:gosec // a constant
	if n > uint64(len(r.b)) {
		r.fail(ErrShort)
		return ""
	}
	v := string(r.b[:n])
	r.b = r.b[n:]
	return v
}

// tail takes what is left as a payload, nil if nothing is.
func (r *reader) tail() []byte {
	v := r.b
	r.b = nil
	if len(v) == 0 {
		return nil
	}
	return v
}

// count reads the length of a list whose entries take at least least bytes each.
func (r *reader) count(limit, least int) int {
	n := r.upTo(uint64(limit)) //nolint:gosec // a constant
	if n > uint64(len(r.b)/least) {
		r.fail(ErrShort)
		return 0
	}
	return int(n) //nolint:gosec // bounded
}

func (r *reader) host() (h views.HostID) {
	if len(r.b) < len(h) {
		r.fail(ErrShort)
		return h
	}
	copy(h[:], r.b)
	r.b = r.b[len(h):]
	return h
}

func (r *reader) process() views.Process {
	return views.Process{Host: r.host(), Incarnation: views.Incarnation(r.u32())}
}

func (r *reader) viewID() views.ViewID {
	return views.ViewID{Seq: views.Seq(r.uvarint()), Coordinator: r.host(), Incarnation: views.Incarnation(r.u32())}
}

func (r *reader) groupViewID() groups.GroupViewID {
	return groups.GroupViewID{View: r.viewID(), K: views.Position(r.uvarint()), Side: r.side()}
}

// member reads a member and its flags but for memberBlock, which is in it.
func (r *reader) member(known byte) (m groups.Member, flags byte) {
	m.Process = r.process()
	m.Port = r.u32()
	m.Join = r.uvarint()
	flags = r.flags(known | memberBlock)
	m.Block = flags&memberBlock != 0
	m.Name = r.text(groups.NameMax)
	return m, flags
}

// Flags of a member.
const (
	memberBlock  = 1
	memberTrans  = 2
	memberJoined = 4
	// memberLeast is the shortest encoding of one.
	memberLeast = 16 + 1 + 1 + 1 + 1 + 1
)

func appendUvarint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, v T) []byte {
	if v < 0x80 {
		return append(dst, byte(v))
	}
	return binary.AppendUvarint(dst, uint64(v))
}

func appendCount(dst []byte, n int) []byte { return binary.AppendUvarint(dst, uint64(n)) } //nolint:gosec // a length

func appendText(dst []byte, s string, limit int) []byte {
	if len(s) > limit {
		s = s[:limit]
	}
	return append(appendCount(dst, len(s)), s...)
}

func appendProcess(dst []byte, p views.Process) []byte {
	return appendUvarint(append(dst, p.Host[:]...), p.Incarnation)
}

func appendViewID(dst []byte, v views.ViewID) []byte {
	dst = append(appendUvarint(dst, v.Seq), v.Coordinator[:]...)
	return appendUvarint(dst, v.Incarnation)
}

func appendGroupViewID(dst []byte, id groups.GroupViewID) []byte {
	dst = appendUvarint(appendViewID(dst, id.View), id.K)
	return appendUvarint(dst, id.Side)
}

func appendMember(dst []byte, m *groups.Member, flags byte) []byte {
	if m.Block {
		flags |= memberBlock
	}
	dst = appendUvarint(appendProcess(dst, m.Process), m.Port)
	dst = append(appendUvarint(dst, m.Join), flags)
	return appendText(dst, m.Name, groups.NameMax)
}
