package groups

import (
	"encoding/binary"

	"github.com/gmsd/gmsd/views"
)

// version is the first byte of every control.
const version = 1

// Kinds of control, the second byte.
const (
	kindOps      = 1
	kindAnnounce = 2
	kindReady    = 3
)

// Operations.
const (
	opJoin  = 1
	opLeave = 2
	opGone  = 3
	opHas   = 4
	opAsk   = 5
)

// Flags of members and groups.
const (
	flagBlock    = 1
	flagWants    = 2
	flagHas      = 4
	memberFlags  = flagBlock | flagWants | flagHas
	flagSameView = 1
	flagLast     = 1
)

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendViewID(b []byte, v views.ViewID) []byte {
	b = binary.AppendUvarint(b, uint64(v.Seq))
	b = append(b, v.Coordinator[:]...)
	return binary.AppendUvarint(b, uint64(v.Incarnation))
}

// flagsOf are the flags of a member.
func flagsOf(block, wants, has bool) (f byte) {
	if block {
		f |= flagBlock
	}
	if wants {
		f |= flagWants
	}
	if has {
		f |= flagHas
	}
	return f
}

// outbox gathers controls: what is of one kind goes into one as long as there
// is room.
type outbox struct {
	done [][]byte
	// open is the control that still takes more, of a kind and a view.
	open []byte
	kind byte
	view views.ViewID
}

func (o *outbox) flush() {
	if len(o.open) > 0 {
		o.done = append(o.done, o.open)
	}
	o.open, o.kind = nil, 0
}

// append puts an item into the open control of a kind, or into a new one that
// begins with head.
func (o *outbox) append(kind byte, view views.ViewID, head, item []byte) {
	if o.kind != kind || o.view != view || len(o.open)+len(item) > ControlMax {
		o.flush()
		o.open = append([]byte{version, kind}, head...)
		o.kind, o.view = kind, view
	}
	o.open = append(o.open, item...)
}

func (o *outbox) operation(op operation) {
	var room [128]byte
	b := binary.AppendUvarint(append(room[:0], op.kind), uint64(op.port))
	switch op.kind {
	case opJoin:
		b = binary.AppendUvarint(append(b, flagsOf(op.block, op.wants, op.has)), op.join)
		b = appendString(appendString(b, op.name), op.group)
	case opLeave:
		b = appendString(append(b, byte(op.why)), op.group)
	case opHas:
		b = appendString(binary.AppendUvarint(b, op.join), op.group)
	case opAsk:
		b = appendString(binary.AppendUvarint(b, op.join), op.group)
		b = binary.AppendUvarint(b, uint64(len(op.not)))
		for _, p := range op.not {
			b = binary.AppendUvarint(append(b, p.Host[:]...), uint64(p.Incarnation))
			b = binary.AppendUvarint(b, uint64(p.Port))
		}
	}
	o.append(kindOps, views.ViewID{}, nil, b)
}

func (o *outbox) ready(view views.ViewID, group string, k views.Position) {
	item := binary.AppendUvarint(appendString(nil, group), uint64(k))
	o.append(kindReady, view, appendViewID(nil, view), item)
}

// announcer writes an announcement in as many controls as it takes.
type announcer struct {
	view  views.ViewID
	ranks map[views.Process]int
	parts [][]byte
	open  []byte
	// flags is the place of the flags of the open part.
	flags int
	// last is the host view of the group written last in this part.
	last views.ViewID
}

// begin opens a part; the first says for which ranks it speaks.
func (a *announcer) begin(speaksFor []int) {
	if a.open != nil {
		a.parts = append(a.parts, a.open)
	}
	b := appendViewID([]byte{version, kindAnnounce}, a.view)
	b = binary.AppendUvarint(b, uint64(len(a.parts)))
	a.flags = len(b)
	b = append(b, 0)
	if len(a.parts) == 0 {
		b = binary.AppendUvarint(b, uint64(len(speaksFor)))
		next := 0
		for _, r := range speaksFor {
			b = binary.AppendUvarint(b, uint64(r-next)) //nolint:gosec // ranks rise
			next = r + 1
		}
	}
	a.open, a.last = b, views.ViewID{}
}

// group writes a group with those of its members that are spoken for, over
// several parts where they do not fit into one.
func (a *announcer) group(g *group, speaks func(rank int) bool) {
	for i := 0; i < len(g.members); {
		head := a.head(g)
		room := ControlMax - len(a.open) - len(head) - 3
		var body []byte
		n := 0
		for ; i < len(g.members); i++ {
			mb := &g.members[i]
			rank := a.ranks[mb.Process]
			if !speaks(rank) {
				continue
			}
			was := len(body)
			if body = appendMember(body, mb, rank); len(body) > room {
				body = body[:was]
				break
			}
			n++
		}
		if n > 0 {
			a.open = binary.AppendUvarint(append(a.open, head...), uint64(n)) //nolint:gosec // a count
			a.open = append(a.open, body...)
			a.last = g.id.View
		}
		if i < len(g.members) {
			a.begin(nil)
		}
	}
}

func (a *announcer) head(g *group) []byte {
	b := appendString(nil, g.name)
	if a.last == g.id.View && !a.last.IsZero() {
		b = append(b, flagSameView)
	} else {
		b = appendViewID(append(b, 0), g.id.View)
	}
	b = binary.AppendUvarint(b, uint64(g.id.K))
	return binary.AppendUvarint(b, uint64(g.id.Side))
}

func appendMember(b []byte, m *Member, rank int) []byte {
	b = binary.AppendUvarint(b, uint64(rank)) //nolint:gosec // ranks are not negative
	b = binary.AppendUvarint(append(b, flagsOf(m.Block, m.Wants, m.Has)), uint64(m.Port))
	return appendString(binary.AppendUvarint(b, m.Join), m.Name)
}

// finish gives the parts.
func (a *announcer) finish() [][]byte {
	a.open[a.flags] = flagLast
	return append(a.parts, a.open)
}
