package groups

import (
	"encoding/binary"

	"github.com/gmsd/gmsd/views"
)

// reader takes values from the front of b. A failure sticks and empties b. It
// never panics, whatever b holds; strings it gives are copies.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) fail() { r.failed, r.b = true, nil }

// head reads version and kind of a control of n bytes.
func (r *reader) head(n int) byte {
	if n > ControlMax || r.byte() != version {
		r.fail()
		return 0
	}
	return r.byte()
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// flag reads a byte that is 0 or 1.
func (r *reader) flag() bool {
	v := r.byte()
	if v > 1 {
		r.fail()
	}
	return v == 1
}

// memberFlags reads what a member wants and has; only who wants the state can
// have got it.
func (r *reader) memberFlags() (block, wants, has bool) {
	v := r.byte()
	if v > memberFlags || v&(flagWants|flagHas) == flagHas {
		r.fail()
		return false, false, false
	}
	return v&flagBlock != 0, v&flagWants != 0, v&flagHas != 0
}

// portIDs reads a list of at most [FailedMax] ports.
func (r *reader) portIDs() []PortID {
	var list []PortID
	for n := r.upTo(FailedMax); n > 0 && !r.failed; n-- {
		list = append(list, PortID{r.process(), r.port()})
	}
	return list
}

func (r *reader) process() (p views.Process) {
	if len(r.b) < len(p.Host) {
		r.fail()
		return p
	}
	r.b = r.b[copy(p.Host[:], r.b):]
	p.Incarnation = views.Incarnation(r.upTo(1<<32 - 1)) //nolint:gosec // bounded
	return p
}

// upTo reads a number of at most limit, in its shortest form alone.
func (r *reader) upTo(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || (n > 1 && r.b[n-1] == 0) || v > limit {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) number() uint64 { return r.upTo(numberMax) }

func (r *reader) port() uint32 { return uint32(r.upTo(1<<32 - 1)) } //nolint:gosec // bounded

func (r *reader) position() views.Position { return views.Position(r.number()) }

// rank reads a place in a view of n members.
func (r *reader) rank(n int) int { return int(r.upTo(uint64(n - 1))) } //nolint:gosec // a view has members

// bytes reads a string of at most limit bytes, which belong to b.
func (r *reader) bytes(limit uint64) []byte {
	n := int(r.upTo(limit)) //nolint:gosec // limits are small constants
	if n > len(r.b) {
		r.fail()
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

// group reads the name of a group.
func (r *reader) group() []byte {
	v := r.bytes(views.GroupNameMax)
	if len(v) == 0 {
		r.fail()
	}
	return v
}

func (r *reader) viewID() views.ViewID {
	seq := views.Seq(r.upTo(1<<64 - 1))
	by := r.process()
	if r.failed {
		return views.ViewID{}
	}
	return views.ViewID{Seq: seq, Coordinator: by.Host, Incarnation: by.Incarnation}
}

// operations reads operations to the end. Names of groups that t knows share
// its strings.
func (r *reader) operations(t *table) ([]operation, bool) {
	var ops []operation
	for len(r.b) > 0 {
		op := operation{kind: r.byte(), port: r.port()}
		switch op.kind {
		case opJoin:
			op.block, op.wants, op.has = r.memberFlags()
			op.join = r.number()
			op.name = string(r.bytes(NameMax))
			op.group = t.intern(r.group())
		case opLeave:
			if op.why = Why(r.byte()); !op.why.byPort() {
				r.fail()
			}
			op.group = t.intern(r.group())
		case opGone:
		case opHas:
			op.join, op.group = r.number(), t.intern(r.group())
		case opAsk:
			op.join, op.group = r.number(), t.intern(r.group())
			op.not = r.portIDs()
		default:
			r.fail()
		}
		ops = append(ops, op)
	}
	return ops, !r.failed && len(ops) > 0
}

// intern gives the table's string for a name, or a new one.
func (t *table) intern(name []byte) string {
	if g := t.groups[string(name)]; g != nil {
		return g.name
	}
	return string(name)
}

// readiness is one answer: to the change of a group that began at k.
type readiness struct {
	group string
	k     views.Position
}

func (r *reader) readies() (views.ViewID, []readiness, bool) {
	view := r.viewID()
	var out []readiness
	for len(r.b) > 0 {
		out = append(out, readiness{string(r.group()), r.position()})
	}
	return view, out, !r.failed && len(out) > 0
}

// part is one control of an announcement.
type part struct {
	n    int
	last bool
	// speaksFor are ranks, rising; of part 0 alone.
	speaksFor []int
}

// announced is what one side says of a group.
type announced struct {
	name    string
	id      GroupViewID
	members []Member
	// changed: it is not what id was, for some of it does not count.
	changed bool
}

// part reads the head of a part behind its view, of which size is the number
// of members; the groups follow.
func (r *reader) part(size int) part {
	p := part{n: int(r.upTo(EntriesMax)), last: r.flag()}
	if p.n > 0 {
		return p
	}
	next := 0
	for n := int(r.upTo(uint64(size))); n > 0 && !r.failed; n-- { //nolint:gosec // sizes are positive
		rank := next + int(r.upTo(views.MembersMax)) //nolint:gosec // bounded
		if rank >= size {
			r.fail()
			break
		}
		p.speaksFor = append(p.speaksFor, rank)
		next = rank + 1
	}
	return p
}

// announced reads the groups of a part to the end.
func (r *reader) announced(t *table, members []views.Member) []announced {
	var out []announced
	var last views.ViewID
	for len(r.b) > 0 {
		a := announced{name: t.intern(r.group())}
		if !r.flag() {
			last = r.viewID()
		}
		a.id = GroupViewID{last, r.position(), uint16(r.upTo(views.MembersMax))} //nolint:gosec // bounded
		n := int(r.upTo(GroupMembersMax))
		if last.IsZero() || n == 0 || n > len(r.b)/5 {
			r.fail()
			break
		}
		a.members = make([]Member, 0, n)
		for ; n > 0; n-- {
			a.members = append(a.members, r.member(members))
		}
		out = append(out, a)
	}
	return out
}

func (r *reader) member(of []views.Member) Member {
	m := Member{Process: of[r.rank(len(of))].Process}
	m.Block, m.Wants, m.Has = r.memberFlags()
	m.Port, m.Join = r.port(), r.number()
	m.Name = string(r.bytes(NameMax))
	return m
}
