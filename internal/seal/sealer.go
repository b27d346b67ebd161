package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

// TagSize is how many bytes longer a sealed body is.
const TagSize = 16

// CounterSize is what the counter takes at the end of a header.
const CounterSize = 8

const nonceSize = 12

// sessionsMax bounds the speakers that are known: a view, and as many strangers.
const sessionsMax = 2 * views.MembersMax

// Why a frame does not open.
var (
	// ErrUnknownKey: it is sealed under a key that is not accepted here.
	ErrUnknownKey = errors.New("sealed under an unknown key")
	// ErrForged: it was changed on its way, or made without the key.
	ErrForged = errors.New("not sealed by who it says")
	// ErrReplayed: it was opened before, or is too late to tell.
	ErrReplayed = errors.New("replayed, or too late")
)

// Row counts what takes one way.
type Row uint8

// Rows.
const (
	// ToOne is what goes to one address.
	ToOne Row = iota
	// ToAll is what goes to many.
	ToAll
	rows
)

// Bits of the counter: its row, and that the frame is for one host and opens for no
// other.
const (
	rowBit   = 1 << 63
	namedBit = 1 << 62
)

// Speaker is one life of a process.
type Speaker struct {
	views.Process
	Nonce uint64
}

// Sealer closes what its own process says and opens what others do. It is not
// safe for concurrent use.
type Sealer struct {
	self  Speaker
	group uint64

	roots   []root
	sending keys.ID
	out     cipher.AEAD
	// other closes in place of out where under is set.
	under  keys.ID
	other  cipher.AEAD
	counts [rows]uint64

	sessions map[Speaker]*session
	kept     map[Speaker]bool
	// last spares the look-up: frames of a speaker come in rows.
	last   *session
	opened uint64
	// row and skipped are about the frame that was opened last.
	row     Row
	skipped int
	nonce   [nonceSize]byte
	// bound is memory for the header of a frame and whom that is for.
	bound []byte
}

// New makes a sealer that accepts nothing yet.
func New(self Speaker, group uint64) *Sealer {
	return &Sealer{self: self, group: group, sessions: make(map[Speaker]*session)}
}

// SetKeys says which key closes and which open; the first is among these.
func (s *Sealer) SetKeys(sending keys.Key, accepted []keys.Key) {
	s.roots = s.roots[:0]
	for _, k := range accepted {
		s.roots = append(s.roots, newRoot(k, s.group))
	}
	if s.sending != sending.ID() || s.out == nil {
		own := newRoot(sending, s.group)
		s.sending, s.out = sending.ID(), own.session(s.self)
	}
	for _, known := range s.sessions { // order-free: each is looked at by itself
		known.opened = slices.DeleteFunc(known.opened, func(o opener) bool { return s.rootOf(o.id) == nil })
	}
}

// Sending is the name of the key that closes.
func (s *Sealer) Sending() keys.ID {
	if s.under != 0 {
		return s.under
	}
	return s.sending
}

func (s *Sealer) rootOf(id keys.ID) *root {
	for i := range s.roots {
		if s.roots[i].id == id {
			return &s.roots[i]
		}
	}
	return nil
}

// Accepts reports whether frames under that key may open.
func (s *Sealer) Accepts(id keys.ID) bool { return s.rootOf(id) != nil }

// Close appends plain, sealed, to head, whose last [CounterSize] bytes it fills
// in. Plain may lie right behind head in the same memory. What goes to one may be
// for a host alone, the zero id for whoever gets it: no other can open it then, so
// that nobody on the way can give it to another.
func (s *Sealer) Close(head, plain []byte, row Row, only views.HostID) []byte {
	s.counts[row]++
	counter := s.counts[row]
	if row == ToAll {
		counter |= rowBit
	} else if only != (views.HostID{}) {
		counter |= namedBit
	}
	binary.BigEndian.PutUint64(head[len(head)-CounterSize:], counter)
	aead := s.out
	if s.other != nil {
		aead = s.other
	}
	return aead.Seal(head, s.nonceOf(counter), plain, s.boundTo(counter, head, only))
}

// boundTo gives what is authenticated beside the text.
func (s *Sealer) boundTo(counter uint64, head []byte, host views.HostID) []byte {
	if counter&namedBit == 0 {
		return head
	}
	s.bound = append(append(s.bound[:0], head...), host[:]...)
	return s.bound
}

// Under lets Close seal with another key, which is among the accepted ones, until it
// is called again; 0 is the one of SetKeys.
func (s *Sealer) Under(id keys.ID) {
	s.under, s.other = 0, nil
	if r := s.rootOf(id); r != nil {
		s.under, s.other = id, r.session(s.self)
	}
}

func (s *Sealer) nonceOf(counter uint64) []byte {
	binary.BigEndian.PutUint64(s.nonce[nonceSize-8:], counter)
	return s.nonce[:]
}

// Open appends to dst what who has sealed under the key of that name: body, of
// which head is the header. Dst must not overlap body.
func (s *Sealer) Open(dst []byte, who Speaker, id keys.ID, head, body []byte) ([]byte, error) {
	counter := binary.BigEndian.Uint64(head[len(head)-CounterSize:])
	row, n := ToOne, counter&^(rowBit|namedBit)
	if counter&rowBit != 0 {
		row = ToAll
	}
	known := s.find(who)
	aead := s.openerFor(known, who, id)
	switch {
	case aead == nil:
		return dst, ErrUnknownKey
	case n == 0, known != nil && !known.windows[row].fresh(n):
		return dst, ErrReplayed
	}
	plain, err := aead.Open(dst, s.nonceOf(counter), body, s.boundTo(counter, head, s.self.Host))
	if err != nil {
		return dst, ErrForged
	}
	if known == nil {
		known = s.meet(who)
	}
	if known.opener(id) == nil {
		known.opened = append(known.opened, opener{id, aead})
	}
	w := &known.windows[row]
	s.row = row
	switch {
	case w.top == 0:
		s.skipped = 0
	case n < w.top:
		s.skipped = -1
	default:
		s.skipped = int(min(n-w.top-1, windowBits)) //nolint:gosec // bounded
	}
	w.note(n)
	s.opened++
	known.used = s.opened
	return plain, nil
}

// Last says of the frame that was opened last which row it is of, and how many are
// missing before it; -1: it is one of those that were counted so. Of frames to one
// that says nothing: they count what goes to others, too.
func (s *Sealer) Last() (row Row, missing int) { return s.row, s.skipped }

func (s *Sealer) find(who Speaker) *session {
	if s.last == nil || s.last.who != who {
		found := s.sessions[who]
		if found == nil {
			return nil
		}
		s.last = found
	}
	return s.last
}

// openerFor gives what opens, made for this frame alone where it is the first.
func (s *Sealer) openerFor(known *session, who Speaker, id keys.ID) cipher.AEAD {
	if known != nil {
		if aead := known.opener(id); aead != nil {
			return aead
		}
	}
	if r := s.rootOf(id); r != nil {
		return r.session(who)
	}
	return nil
}

// meet makes a session, in the place of the one that was silent for longest where
// there are too many.
func (s *Sealer) meet(who Speaker) *session {
	if len(s.sessions) >= sessionsMax {
		s.forgetOne()
	}
	known := &session{who: who}
	s.sessions[who], s.last = known, known
	return known
}

func (s *Sealer) forgetOne() {
	var oldest *session
	for _, known := range s.sessions { // order-free: used differs
		if !s.kept[known.who] && (oldest == nil || known.used < oldest.used) {
			oldest = known
		}
	}
	if oldest != nil {
		delete(s.sessions, oldest.who)
	}
}

// Keep replaces those whose sessions are never forgotten for others': the members
// of a view, no more than there may be.
func (s *Sealer) Keep(members []Speaker) {
	s.kept = make(map[Speaker]bool, len(members))
	for _, who := range members {
		s.kept[who] = true
	}
}
