package wire

import (
	"encoding/binary"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func writeData(w *writer, m *message.Data) {
	if field, err := checkData(m); err != nil {
		w.fail(field, err)
	}
	w.view(m.View)
	w.stream("Stream", m.Stream)
	w.uvarint(uint64(m.Seq))
	w.byte(byte(m.Flags))
	w.bytes("Body", m.Body, views.DatagramMax)
}

// AppendDataHead appends to a frame all of a Data that stands before its Body,
// which must follow: so a long packet can stay where it is.
func AppendDataHead(dst []byte, m *message.Data) []byte {
	var fields [binary.MaxVarintLen64*4 + 64]byte
	w := writer{b: fields[:0]}
	w.view(m.View)
	w.stream("Stream", m.Stream)
	w.uvarint(uint64(m.Seq))
	w.byte(byte(m.Flags))
	w.uvarint(uint64(len(m.Body)))
	dst = append(dst, byte(message.TypeData))
	dst = binary.AppendUvarint(dst, uint64(len(w.b)+len(m.Body)))
	return append(dst, w.b...)
}

// readData reads into one of the frame's own: packets are nearly all of the
// traffic, and their bytes stay where they are.
func readData(r *reader) *message.Data {
	m := message.Data{
		View:   r.view("View"),
		Stream: r.stream("Stream"),
		Seq:    r.streamSeq("Seq"),
		Flags:  message.DataFlags(r.byte("Flags")),
		Body:   r.span("Body", views.DatagramMax),
	}
	if r.err != nil {
		return nil
	}
	if field, err := checkData(&m); err != nil {
		r.fail(field, err)
		return nil
	}
	if r.frame == nil { // out of pieces: the bytes are the caller's
		own := m
		own.Body = append(make([]byte, 0, len(m.Body)), m.Body...)
		return &own
	}
	kept := r.frame.packets.next()
	*kept = m
	return kept
}

// checkData: packets are numbered from 1, ask for nothing unknown and are not empty.
func checkData(m *message.Data) (field string, err error) {
	switch {
	case m.Seq == 0:
		return "Seq", ErrForm
	case !m.Flags.Valid():
		return "Flags", ErrEnum
	case len(m.Body) == 0:
		return "Body", ErrForm
	}
	return "", nil
}

// packets gives the memory of the Data of one frame, and again that of the next.
// Only a Data that is good takes one, so the bytes of a datagram bound them.
type packets struct {
	all  []*message.Data
	used int
}

func (p *packets) next() *message.Data {
	if p.used == len(p.all) {
		p.all = append(p.all, new(message.Data))
	}
	p.used++
	return p.all[p.used-1]
}

// reset takes all back and lets go of the frame that their bodies are in.
func (p *packets) reset() {
	for _, d := range p.all[:p.used] {
		*d = message.Data{}
	}
	p.used = 0
}
