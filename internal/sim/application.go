package sim

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
)

// application is what a port makes of a group's messages: a chain of hashes over
// those that have a place, and their number. It is a function of the messages in
// their order, so two applications with one sum have had the same ones.
type application struct {
	has        bool
	sum, count uint64
}

// begin makes a state of its own.
func (a *application) begin(id views.Process, port uint32, at views.Instant) {
	*a = application{has: true, sum: mix64(hostSum(id) ^ uint64(port)<<40 ^ uint64(at))}
}

// take adds a message.
func (a *application) take(m *engine.Message) {
	a.sum = mix64(a.sum ^ hostSum(m.Msg.From) ^ m.Msg.N<<20 ^ uint64(m.K) + 0x9e3779b97f4a7c15)
	a.count++
}

func hostSum(p views.Process) uint64 {
	return mix64(binary.LittleEndian.Uint64(p.Host[:]) ^ binary.LittleEndian.Uint64(p.Host[8:])<<1 ^ uint64(p.Incarnation))
}

// A state in bytes: sum and count, bytes that belong to the group and hardly
// change, and the sum again. So a joiner that has most of it from another donor
// needs only what differs.
const (
	stateHead  = 16
	stateTail  = 8
	stateLeast = stateHead + stateTail
	// stateMost bounds it: more than a transfer's window.
	stateMost = 3 << 20
)

// filler is what states are filled with, alike in all worlds.
var filler = sync.OnceValue(func() []byte {
	b := make([]byte, stateMost+1<<16)
	x := uint64(1)
	for i := 0; i+8 <= len(b); i += 8 {
		x = mix64(x + 0x9e3779b97f4a7c15)
		binary.LittleEndian.PutUint64(b[i:], x)
	}
	return b
})

// image is a state as it is given, without holding its bytes.
type image struct {
	sum, count uint64
	size, from int
}

// image gives the state of an application in a group.
func (k *clients) image(group string, a *application) image {
	x := streamSeed(k.w.opts.Seed, group, int(a.count>>8&0xff))
	most := int(max(k.w.opts.StateMax, stateLeast+1))
	if k.w.opts.Ports == 0 {
		return image{a.sum, a.count, most, int(x & 0xffff)} // a film says how long
	}
	size := stateLeast << (x >> 8 % uint64(doublings(stateLeast, most)+1))
	size += int(x >> 32 % uint64(size))
	return image{a.sum, a.count, min(size, most), int(x & 0xffff)}
}

func doublings(lo, hi int) (n int) {
	for v := lo; v < hi; v *= 2 {
		n++
	}
	return n
}

// read fills dst with what stands at offset, and says how much and whether nothing
// stands behind.
func (s *image) read(dst []byte, offset int) (n int, eof bool) {
	n = max(0, min(len(dst), s.size-offset))
	dst = dst[:n]
	copy(dst, filler()[s.from+offset:])
	var head [stateHead]byte
	binary.BigEndian.PutUint64(head[:], s.sum)
	binary.BigEndian.PutUint64(head[8:], s.count)
	lay(dst, offset, head[:], 0)
	lay(dst, offset, head[:stateTail], s.size-stateTail)
	return n, offset+n == s.size
}

// lay copies what stands at place at into the window of a state that begins at offset.
func lay(dst []byte, offset int, b []byte, at int) {
	for i := range b {
		if j := at + i - offset; j >= 0 && j < len(dst) {
			dst[j] = b[i]
		}
	}
}

// restored reads a state; false where it is not what such an application gives.
func (k *clients) restored(group string, b []byte) (application, bool) {
	if len(b) < stateLeast {
		return application{}, false
	}
	a := application{has: true, sum: binary.BigEndian.Uint64(b), count: binary.BigEndian.Uint64(b[8:])}
	s := k.image(group, &a)
	want := make([]byte, 64<<10)
	for offset := 0; ; {
		n, eof := s.read(want, offset)
		if offset+n > len(b) || !bytes.Equal(want[:n], b[offset:offset+n]) {
			return a, false
		}
		offset += n
		if eof {
			return a, offset == len(b)
		}
	}
}

// tell says to the checkers what an application did.
func (h *Host) tell(p *process, m *membership, e check.AppEvent) {
	if h.w.over != "" || !h.w.opts.states() {
		return
	}
	e.Group, e.Port = m.group, m.port
	p.veiled = p.veiled || p.shadow
	e.Unknown = p.veiled
	h.w.oracle.App(h.disk.stream, p.id, e)
}

// show gives a view or a message to the application of a port, or lets it wait for
// the state that belongs before it.
func (h *Host) show(p *process, m *membership, e shown) {
	switch {
	case m.wait == nil:
		h.apply(p, m, &e)
	case m.wait.useless && e.msg != nil: // it is in the state of the cut that comes
	case m.wait.useless:
		h.apply(p, m, &e)
	default:
		h.hold(p, m, e)
	}
}

// shown is a view of a group, or a message.
type shown struct {
	view *groups.GroupView
	msg  *engine.Message
	// in is the host view in which the message was delivered.
	in views.ViewID
}

func (h *Host) apply(p *process, m *membership, e *shown) {
	if e.view != nil {
		h.tell(p, m, check.AppEvent{Kind: check.AppEnters, Sum: m.app.sum, ID: trace.GroupID{View: e.view.ID.View, K: e.view.ID.K, Side: e.view.ID.Side}})
		if !m.wishes && !m.app.has {
			m.app.begin(p.id, m.port, h.w.now)
			h.tell(p, m, check.AppEvent{Kind: check.AppBegins, Sum: m.app.sum})
		}
		return
	}
	m.app.take(e.msg)
	if !e.msg.Transitional || !m.app.has {
		h.tell(p, m, check.AppEvent{Kind: check.AppAfter, View: e.in, K: e.msg.K, Sum: m.app.sum})
	}
}
