package wire

import (
	"encoding/binary"
	"math"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// EchoHeadMax bounds what an Echo takes beside its pad, and the frame around it.
const EchoHeadMax = 1 + 3 + 8 + 5 + 16 + 10 + 16 + 5 + 2 + 2 + 3

// ReportMax bounds the body of a Report.
const ReportMax = views.MessageMax / 2

// writeLinkWord writes what tests and tells of links.
func writeLinkWord(w *writer, m message.Message) {
	switch m := m.(type) {
	case *message.Echo:
		w.fixed64(m.Token)
		w.uvarint(uint64(m.Seq))
		w.host(m.To)
		w.view(m.View)
		w.rank("First", m.First)
		w.size("Count", m.Count)
		w.bytes("Pad", m.Pad, views.DatagramMax)
	case *message.EchoReply:
		w.fixed64(m.Token)
		w.uvarint(uint64(m.Seq))
		w.uvarint(uint64(m.Size))
		w.uvarint(uint64(m.Got))
	case *message.Report:
		if !m.Kind.Valid() {
			w.fail("Kind", ErrEnum)
		}
		w.byte(byte(m.Kind))
		w.fixed64(m.Token)
		w.b = binary.AppendVarint(w.b, m.Wall)
		w.bytes("Body", m.Body, ReportMax)
	case *message.Missing:
		writeMissing(w, m)
	default:
		writeEarshot(w, m)
	}
}

// readLinkWord reads what tests and tells of links.
func readLinkWord(r *reader, typ message.Type) message.Message {
	switch typ {
	case message.TypeEcho:
		return &message.Echo{
			Token: r.fixed64("Token"), Seq: r.number("Seq"), To: r.host("To"), View: r.view("View"),
			First: r.rank("First"), Count: r.size("Count"), Pad: r.bytes("Pad", views.DatagramMax),
		}
	case message.TypeEchoReply:
		return &message.EchoReply{Token: r.fixed64("Token"), Seq: r.number("Seq"), Size: r.number("Size"), Got: r.number("Got")}
	case message.TypeReport:
		m := &message.Report{Kind: message.ReportKind(r.byte("Kind")), Token: r.fixed64("Token"), Wall: r.varint("Wall")}
		if !m.Kind.Valid() {
			r.fail("Kind", ErrEnum)
		}
		m.Body = r.bytes("Body", ReportMax)
		return m
	case message.TypeMissing:
		return readMissing(r)
	default:
		return readEarshot(r, typ)
	}
}

// number reads one of 32 bits.
func (r *reader) number(field string) uint32 {
	return uint32(r.upTo(field, math.MaxUint32)) //nolint:gosec // bounded
}

// varint reads a number that may be below zero, in its shortest form.
func (r *reader) varint(field string) int64 {
	u := r.uvarint(field)
	v := int64(u >> 1) //nolint:gosec // half of it
	if u&1 != 0 {
		v = ^v
	}
	return v
}
