package relay

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// Kinds of pieces, beside [stream.KindFrame].
const (
	KindWelcome = iota + 1
	KindRefused
	KindPing
	KindPong
	KindEntries
	KindGone
	KindSynced
	KindBye
)

// Bounds of pieces.
const (
	// TargetsMax is how many members one frame may be for.
	TargetsMax = 64
	// EntriesMax is how many entries, or lives, stand in one piece.
	EntriesMax = 512
)

const (
	hostSize  = len(views.HostID{})
	lifeSize  = 8 + 16 + 4 + 8
	entrySize = memberSize + len(Number{}) + 4
	// FromSize is what stands before a frame that a router hands to a member.
	FromSize = addrSize
)

// ErrPiece: a piece is not what its kind says.
var ErrPiece = errors.New("relay: a broken piece")

// Sizes judges the length of a piece, whichever way it goes.
func Sizes(kind byte, n int) bool {
	switch kind {
	case stream.KindFrame:
		return n >= FromSize
	case KindWelcome:
		return n == 2
	case KindRefused:
		return n == 1
	case KindPing, KindPong:
		return n == 8
	case KindEntries:
		return n > 0 && n%entrySize == 0 && n/entrySize <= EntriesMax
	case KindGone:
		return n > 0 && n%lifeSize == 0 && n/lifeSize <= EntriesMax
	case KindSynced, KindBye:
		return n == 0
	}
	return false
}

// AppendTarget adds a host to those whom a frame is for; b is nil at the first.
func AppendTarget(b []byte, host views.HostID) []byte {
	if len(b) == 0 {
		b = append(b, 0)
	}
	b[0]++
	return append(b, host[:]...)
}

// Targets are hosts as they stand before a frame.
type Targets []byte

// Len is how many they are, repetitions included.
func (t Targets) Len() int { return len(t) / hostSize }

// At gives one.
func (t Targets) At(i int) views.HostID { return views.HostID(t[i*hostSize:]) }

// Each gives every host once: nobody gets more of a frame than its sender had to say.
func (t Targets) Each(f func(views.HostID)) {
next:
	for i := range t.Len() {
		host := t.At(i)
		for k := range i {
			if t.At(k) == host {
				continue next
			}
		}
		f(host)
	}
}

// CutTargets takes those whom a frame is for off its piece.
func CutTargets(body []byte) (to Targets, frame []byte, err error) {
	if len(body) == 0 {
		return nil, nil, ErrPiece
	}
	n := int(body[0])
	if n < 1 || n > TargetsMax || len(body) < 1+n*hostSize || len(body)-1-n*hostSize > views.DatagramMax {
		return nil, nil, ErrPiece
	}
	body = body[1:]
	return Targets(body[: n*hostSize : n*hostSize]), body[n*hostSize:], nil
}

// CutFrom takes the sender's address off a frame's piece.
func CutFrom(body []byte) (from netip.AddrPort, frame []byte, err error) {
	if len(body) < FromSize || len(body)-FromSize > views.DatagramMax {
		return from, nil, ErrPiece
	}
	if from = readAddr(body); !from.IsValid() {
		return from, nil, ErrPiece
	}
	return from, body[FromSize:], nil
}

// AppendForward writes what stands before the targets of a frame between routers.
func AppendForward(b []byte, group uint64, from netip.AddrPort) []byte {
	return AppendAddr(binary.BigEndian.AppendUint64(b, group), from)
}

// CutForward takes it off.
func CutForward(body []byte) (group uint64, from netip.AddrPort, rest []byte, err error) {
	if len(body) < 8+addrSize {
		return 0, from, nil, ErrPiece
	}
	if from = readAddr(body[8:]); !from.IsValid() {
		return 0, from, nil, ErrPiece
	}
	return binary.BigEndian.Uint64(body), from, body[8+addrSize:], nil
}

// Entry is a registration that stands.
type Entry struct {
	Member
	// Via is the router that holds the member's own connection.
	Via Number
	// Age is for how long it has been registered there, in whole seconds.
	Age time.Duration
}

// AppendEntry writes one behind others.
func AppendEntry(b []byte, e *Entry) []byte {
	b = append(appendMember(b, &e.Member), e.Via[:]...)
	return binary.BigEndian.AppendUint32(b, uint32(min(e.Age/time.Second, 1<<32-1))) //nolint:gosec // bounded
}

// EachEntry reads a piece of entries. One with no address, host or incarnation is an error.
func EachEntry(body []byte, f func(e *Entry)) error {
	for ; len(body) >= entrySize; body = body[entrySize:] {
		e := Entry{Member: readMember(body), Via: Number(body[memberSize:])}
		e.Age = time.Duration(binary.BigEndian.Uint32(body[entrySize-4:])) * time.Second
		if e.Host.IsZero() || e.Incarnation == 0 || !e.Addr.IsValid() {
			return ErrPiece
		}
		f(&e)
	}
	return nil
}

// AppendGone writes that a life is registered no more.
func AppendGone(b []byte, group uint64, l Life) []byte {
	b = append(binary.BigEndian.AppendUint64(b, group), l.Host[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(l.Incarnation))
	return binary.BigEndian.AppendUint64(b, l.Nonce)
}

// EachGone reads a piece of those.
func EachGone(body []byte, f func(group uint64, l Life)) {
	for ; len(body) >= lifeSize; body = body[lifeSize:] {
		l := Life{Nonce: binary.BigEndian.Uint64(body[28:])}
		copy(l.Host[:], body[8:])
		l.Incarnation = views.Incarnation(binary.BigEndian.Uint32(body[24:]))
		f(binary.BigEndian.Uint64(body), l)
	}
}

// Welcome is the piece that tells of a lease.
func Welcome(lease time.Duration) stream.Piece {
	return stream.Piece{Kind: KindWelcome, Body: binary.BigEndian.AppendUint16(nil, uint16(min(lease/time.Second, 1<<16-1)))} //nolint:gosec // bounded
}

// LeaseOf reads it.
func LeaseOf(body []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint16(body)) * time.Second
}

// Refused is the piece that says why not.
func Refused(r Refusal) stream.Piece { return stream.Piece{Kind: KindRefused, Body: []byte{byte(r)}} }

// Ping asks for a Pong with the same number.
func Ping(n uint64) stream.Piece {
	return stream.Piece{Kind: KindPing, Body: binary.BigEndian.AppendUint64(nil, n)}
}

// Pong answers a Ping.
func Pong(body []byte) stream.Piece { return stream.Piece{Kind: KindPong, Body: body} }
