package wire

import (
	"encoding/binary"
	"net/netip"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// The values that several messages hold, and how many bytes each takes at least.
const (
	viewLeast      = 1 + 16 + 1
	processLeast   = 16 + 1
	attrLeast      = 2
	nonceSize      = 8
	memberLeast    = processLeast + nonceSize + 2 + 1 + 1 + 1 + 1
	streamPosLeast = 2
)

func (w *writer) view(v views.ViewID) {
	w.uvarint(uint64(v.Seq))
	w.host(v.Coordinator)
	w.incarnation(v.Incarnation)
}

// view reads a view id. The fields are read in one place each because the id
// stands in nearly every message.
func (r *reader) view(field string) views.ViewID {
	var v views.ViewID
	v.Seq = views.Seq(r.uvarint(field))
	v.Coordinator = r.host(field)
	v.Incarnation = r.incarnation(field)
	return v
}

func (w *writer) process(p views.Process) {
	w.host(p.Host)
	w.incarnation(p.Incarnation)
}

func (r *reader) process(field string) views.Process {
	return views.Process{Host: r.host(field), Incarnation: r.incarnation(field)}
}

// Lengths of an address, which stand before it.
const (
	addrNone = 0
	addrV4   = 4 + 2
	addrV6   = 16 + 2
)

// addr writes an address and port. A zone means something on one host only,
// so it has no place here.
func (w *writer) addr(field string, a netip.AddrPort) {
	ip := a.Addr()
	switch {
	case !ip.IsValid():
		w.byte(addrNone)
		return
	case ip.Zone() != "":
		w.fail(field, ErrForm)
		return
	case ip.Is4():
		b := ip.As4()
		w.byte(addrV4)
		w.b = append(w.b, b[:]...)
	default:
		b := ip.As16()
		w.byte(addrV6)
		w.b = append(w.b, b[:]...)
	}
	w.b = binary.BigEndian.AppendUint16(w.b, a.Port())
}

func (r *reader) addr(field string) netip.AddrPort {
	n := int(r.byte(field))
	if n != addrNone && n != addrV4 && n != addrV6 {
		r.fail(field, ErrEnum)
		return netip.AddrPort{}
	}
	if n > len(r.b) {
		r.fail(field, ErrShort)
		return netip.AddrPort{}
	}
	b := r.b[:n]
	r.b = r.b[n:]
	switch n {
	case addrV4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[4:]))
	case addrV6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)), binary.BigEndian.Uint16(b[16:]))
	}
	return netip.AddrPort{}
}

func (w *writer) bits(field string, b views.Bits) {
	if !b.Valid() {
		w.fail(field, ErrEnum)
	}
	w.byte(byte(b))
}

func (r *reader) bits(field string) views.Bits {
	b := views.Bits(r.byte(field))
	if !b.Valid() {
		r.fail(field, ErrEnum)
	}
	return b
}

// attrCheck holds attributes against the limits of the whole list.
type attrCheck struct {
	last  string
	any   bool
	bytes int
}

// add checks the next attribute, whose own lengths are within their limits.
func (c *attrCheck) add(a views.Attr) error {
	if c.any && a.Key <= c.last {
		return ErrOrder
	}
	c.last, c.any = a.Key, true
	c.bytes += len(a.Key) + len(a.Value)
	if c.bytes > views.AttrBytesMax {
		return ErrLimit
	}
	return nil
}

func (w *writer) attrs(field string, attrs []views.Attr) {
	if !w.count(field, len(attrs), views.AttrsMax) {
		return
	}
	var check attrCheck
	for _, a := range attrs {
		w.line(field, a.Key, views.AttrKeyMax)
		w.text(field, a.Value, views.AttrValueMax)
		if err := check.add(a); err != nil {
			w.fail(field, err)
			return
		}
	}
}

func (r *reader) attrs(field string) []views.Attr {
	n := r.count(field, views.AttrsMax, attrLeast)
	if n == 0 {
		return nil
	}
	var check attrCheck
	attrs := make([]views.Attr, n)
	for i := range attrs {
		attrs[i].Key = r.line(field, views.AttrKeyMax)
		attrs[i].Value = r.text(field, views.AttrValueMax)
		if r.err != nil {
			return nil
		}
		if err := check.add(attrs[i]); err != nil {
			r.fail(field, err)
			return nil
		}
	}
	return attrs
}

func (w *writer) member(field string, m *views.Member) {
	if m.Name == "" {
		w.fail(field, ErrForm)
	}
	w.process(m.Process)
	w.fixed64(m.Nonce)
	w.line(field, m.Name, views.NameMax)
	w.addr(field, m.Addr)
	w.bits(field, m.Bits)
	w.line(field, m.Version, views.VersionMax)
	w.attrs(field, m.Attrs)
}

// member reads a member into m. The version before, if it is the same, is
// shared: in a list nearly all are.
func (r *reader) member(field string, m *views.Member, versionBefore string) {
	m.Process = r.process(field)
	m.Nonce = r.fixed64(field)
	m.Name = r.line(field, views.NameMax)
	m.Addr = r.addr(field)
	m.Bits = r.bits(field)
	m.Version = r.sameLine(field, views.VersionMax, versionBefore)
	m.Attrs = r.attrs(field)
	if r.err == nil && m.Name == "" {
		r.fail(field, ErrForm)
	}
}

func (w *writer) members(field string, list []views.Member) {
	if !w.count(field, len(list), views.MembersMax) {
		return
	}
	for i := range list {
		w.member(field, &list[i])
	}
}

func (r *reader) members(field string) []views.Member {
	n := r.count(field, views.MembersMax, memberLeast)
	if n == 0 {
		return nil
	}
	list := make([]views.Member, n)
	version := ""
	for i := range list {
		r.member(field, &list[i], version)
		if r.err != nil {
			return nil
		}
		version = list[i].Version
	}
	return list
}

func (w *writer) processes(field string, list []views.Process) {
	if !w.count(field, len(list), views.MembersMax) {
		return
	}
	for _, p := range list {
		w.process(p)
	}
}

func (r *reader) processes(field string) []views.Process {
	n := r.count(field, views.MembersMax, processLeast)
	if n == 0 {
		return nil
	}
	list := make([]views.Process, n)
	for i := range list {
		list[i] = r.process(field)
	}
	return list
}

// risingProcesses reports whether list is sorted without duplicates.
func risingProcesses(list []views.Process) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1].Compare(list[i]) >= 0 {
			return false
		}
	}
	return true
}

func (w *writer) ranks(field string, list []uint16) {
	if !w.count(field, len(list), views.MembersMax) {
		return
	}
	for _, rank := range list {
		w.rank(field, rank)
	}
}

func (r *reader) ranks(field string) []uint16 {
	n := r.count(field, views.MembersMax, 1)
	if n == 0 {
		return nil
	}
	list := make([]uint16, n)
	for i := range list {
		list[i] = r.rank(field)
	}
	return list
}

func (w *writer) positions(field string, list []message.StreamPos) {
	if !w.count(field, len(list), message.StreamsMax) {
		return
	}
	for _, p := range list {
		w.position(field, p)
	}
}

func (w *writer) position(field string, p message.StreamPos) {
	w.stream(field, p.Stream)
	w.uvarint(uint64(p.Seq))
}

func (r *reader) positions(field string) []message.StreamPos {
	n := r.count(field, message.StreamsMax, streamPosLeast)
	if n == 0 {
		return nil
	}
	list := make([]message.StreamPos, n)
	for i := range list {
		list[i] = r.position(field)
	}
	return list
}

func (r *reader) position(field string) message.StreamPos {
	return message.StreamPos{Stream: r.stream(field), Seq: r.streamSeq(field)}
}
