package views

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// HostID is the permanent identity of a host: the first 16 bytes of the
// SHA-256 of its Ed25519 public key. The zero HostID means "no host".
type HostID [16]byte

// String gives the 32 hexadecimal digits used in every outside face.
func (h HostID) String() string { return hex.EncodeToString(h[:]) }

// Short gives the first 8 hexadecimal digits, for people.
func (h HostID) Short() string { return hex.EncodeToString(h[:4]) }

// IsZero reports whether h names no host.
func (h HostID) IsZero() bool { return h == HostID{} }

// Compare orders host ids by their bytes: -1, 0 or +1.
func (h HostID) Compare(o HostID) int { return bytes.Compare(h[:], o[:]) }

// MarshalText writes the 32 digits; the zero id is written as the empty string.
func (h HostID) MarshalText() ([]byte, error) {
	if h.IsZero() {
		return nil, nil
	}
	return hex.AppendEncode(nil, h[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (h *HostID) UnmarshalText(text []byte) error {
	id, err := ParseHostID(string(text))
	if err != nil {
		return err
	}
	*h = id
	return nil
}

// HostIDOf gives the host id that belongs to a public Ed25519 key: the first 16
// bytes of its SHA-256.
func HostIDOf(key []byte) HostID {
	sum := sha256.Sum256(key)
	return HostID(sum[:16])
}

// ParseHostID reads 32 hexadecimal digits; the empty string is the zero id.
func ParseHostID(s string) (HostID, error) {
	var h HostID
	if s == "" {
		return h, nil
	}
	if len(s) != 2*len(h) {
		return h, fmt.Errorf("host id %q: want %d hexadecimal digits, got %d", s, 2*len(h), len(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return HostID{}, fmt.Errorf("host id %q: %w", s, err)
	}
	return h, nil
}

// Incarnation counts the lives of one host's daemon: it rises by one at every
// start, is kept on disk and is never reused. Zero means "unknown".
type Incarnation uint32

// Process is one life of one host: what a message comes from, and what a view
// holds at most once.
type Process struct {
	Host        HostID
	Incarnation Incarnation
}

// Compare orders processes by host, then incarnation.
func (p Process) Compare(o Process) int {
	if c := p.Host.Compare(o.Host); c != 0 {
		return c
	}
	return compareUint(p.Incarnation, o.Incarnation)
}

// String gives "1a2b3c4d/3".
func (p Process) String() string {
	return p.Host.Short() + "/" + strconv.FormatUint(uint64(p.Incarnation), 10)
}

// Seq numbers views. Each is above every one its members had seen.
type Seq uint64

// Epoch counts grants of primary status; it is the fencing token of everything
// a primary view does. Zero means "none was ever granted".
type Epoch uint64

// Position is a place in one view's agreed order, from 1. Zero means "not in
// the agreed order" (FIFO messages).
type Position uint64

// StreamSeq numbers the packets one member sent in one view, from 1.
type StreamSeq uint64

// Instant is a monotonic time in nanoseconds since some fixed point of this
// process. Instants of two hosts are never compared. Zero means "never".
type Instant int64

// Add gives the instant d later.
func (t Instant) Add(d time.Duration) Instant { return t + Instant(d) }

// Sub gives the time from o to t.
func (t Instant) Sub(o Instant) time.Duration { return time.Duration(t - o) }

// Earliest gives the earlier of two deadlines, where zero means "no deadline".
func Earliest(a, b Instant) Instant {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// ViewID names a view, and the ballot that leads to it: the two are the same
// number. Ids are totally ordered; the zero ViewID is below all others and
// means "no view".
type ViewID struct {
	Seq Seq
	// Coordinator is the host that proposed and decided the view.
	Coordinator HostID
	// Incarnation is the coordinator's, so that an id is never reused.
	Incarnation Incarnation
}

// IsZero reports whether v names no view.
func (v ViewID) IsZero() bool { return v == ViewID{} }

// Compare orders view ids by seq, then coordinator, then its incarnation.
func (v ViewID) Compare(o ViewID) int {
	if c := compareUint(v.Seq, o.Seq); c != 0 {
		return c
	}
	if c := v.Coordinator.Compare(o.Coordinator); c != 0 {
		return c
	}
	return compareUint(v.Incarnation, o.Incarnation)
}

// Check sums the id in 32 bits: enough to notice that two ids differ, not to
// believe that they are equal.
func (v ViewID) Check() uint32 {
	sum := uint64(v.Seq)*0x9e3779b97f4a7c15 + uint64(v.Incarnation)
	for _, b := range v.Coordinator {
		sum = (sum ^ uint64(b)) * 0x100000001b3
	}
	return uint32(sum ^ sum>>32)
}

// Less reports whether v stands before o.
func (v ViewID) Less(o ViewID) bool { return v.Compare(o) < 0 }

// String gives "12@1a2b3c4d".
func (v ViewID) String() string {
	if v.IsZero() {
		return "none"
	}
	return strconv.FormatUint(uint64(v.Seq), 10) + "@" + v.Coordinator.Short()
}

func compareUint[T ~uint32 | ~uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
