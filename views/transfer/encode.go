package transfer

import (
	"encoding/binary"

	"github.com/gmsd/gmsd/views"
)

// version is the first byte of every message, the kind the second.
const version = 1

const (
	kindAsk = iota + 1
	kindOffer
	kindWant
	kindHave
	kindChunk
	kindSame
	kindEnd
	kindDone
	kindStop
)

func appendProcess(b []byte, p views.Process) []byte {
	return binary.AppendUvarint(append(b, p.Host[:]...), uint64(p.Incarnation))
}

func appendID(b []byte, id TransferID) []byte {
	b = binary.AppendUvarint(b, uint64(len(id.Group)))
	b = append(b, id.Group...)
	b = binary.AppendUvarint(b, uint64(id.View.Seq))
	b = appendProcess(b, views.Process{Host: id.View.Coordinator, Incarnation: id.View.Incarnation})
	b = binary.AppendUvarint(b, uint64(id.K))
	b = appendProcess(b, id.Joiner)
	return binary.AppendUvarint(b, uint64(id.Port))
}

func appendHead(b []byte, kind byte, tag Tag) []byte {
	return binary.BigEndian.AppendUint64(append(b, version, kind), uint64(tag))
}

func appendNumbers(b []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func appendHashes(b []byte, hashes []Hash) []byte {
	b = append(b, byte(len(hashes)))
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendTo appends the encoded message.
func (m *Ask) AppendTo(b []byte) []byte {
	b = appendID(append(b, version, kindAsk), m.ID)
	return appendNumbers(b, m.Serial, uint64(m.ChunkMax), uint64(m.Window), m.Kept) //nolint:gosec // not negative
}

// AppendTo appends the encoded message.
func (m *Offer) AppendTo(b []byte) []byte {
	b = appendHead(b, kindOffer, m.Tag)
	return appendNumbers(b, m.Echo, m.Delay, uint64(m.ChunkBytes), uint64(m.Slots), m.Size) //nolint:gosec // not negative
}

// AppendTo appends the encoded message.
func (m *Want) AppendTo(b []byte) []byte {
	b = appendNumbers(appendHead(b, kindWant, m.Tag), m.Serial, m.Next, m.Limit)
	b = append(appendBool(b, m.Stalled), byte(len(m.Missing)))
	end := uint64(0)
	for _, r := range m.Missing {
		b = appendNumbers(b, r.From-end, uint64(r.Count)) //nolint:gosec // not negative
		end = r.From + uint64(r.Count)                    //nolint:gosec // not negative
	}
	return b
}

// AppendTo appends the encoded message.
func (m *Have) AppendTo(b []byte) []byte {
	return appendHashes(appendNumbers(appendHead(b, kindHave, m.Tag), m.Next, m.From), m.Hashes)
}

// AppendTo appends the encoded message.
func (m *Chunk) AppendTo(b []byte) []byte {
	b = appendNumbers(appendHead(b, kindChunk, m.Tag), m.Index, m.Echo, m.Delay)
	b = binary.BigEndian.AppendUint32(b, m.CRC)
	return append(binary.AppendUvarint(b, uint64(len(m.Data))), m.Data...)
}

// AppendTo appends the encoded message.
func (m *Same) AppendTo(b []byte) []byte {
	return appendHashes(appendNumbers(appendHead(b, kindSame, m.Tag), m.Echo, m.Delay, m.From), m.Hashes)
}

// AppendTo appends the encoded message.
func (m *End) AppendTo(b []byte) []byte {
	b = appendNumbers(appendHead(b, kindEnd, m.Tag), m.Echo, m.Delay, m.Chunks, m.Bytes)
	return append(b, m.Sum[:]...)
}

// AppendTo appends the encoded message.
func (m *Done) AppendTo(b []byte) []byte { return appendHead(b, kindDone, m.Tag) }

// AppendTo appends the encoded message.
func (m *Stop) AppendTo(b []byte) []byte {
	return append(appendBool(appendHead(b, kindStop, m.Tag), m.ByDonor), byte(m.Reason))
}
