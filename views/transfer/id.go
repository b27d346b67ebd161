package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/gmsd/gmsd/views"
)

// TransferID names one transfer: one port's coming into a light group, at one
// place of the agreed order. An id is used once; what is tried again has
// another cut.
type TransferID struct {
	// Group is the light group, 1..[views.GroupNameMax] bytes.
	Group string
	// View and K are the cut: the view, and the place in its agreed order at
	// which the membership takes effect.
	View views.ViewID
	K    views.Position
	// Joiner and Port are who receives the state.
	Joiner views.Process
	Port   uint32
}

// String gives "orders 12@1a2b3c4d/7 to 5e6f7a8b/3:80".
func (id TransferID) String() string {
	return fmt.Sprintf("%s %s/%d to %s:%d", id.Group, id.View, uint64(id.K), id.Joiner, id.Port)
}

func (id TransferID) valid() bool {
	return id.Group != "" && len(id.Group) <= views.GroupNameMax
}

// Tag stands for a transfer in the messages that are sent often: the first 8
// bytes of the SHA-256 of its id.
type Tag uint64

// Tag gives the tag of id.
func (id TransferID) Tag() Tag {
	sum := sha256.Sum256(appendID(nil, id))
	return Tag(binary.BigEndian.Uint64(sum[:]))
}

// Hash tells whether two chunks are the same: the first 16 bytes of the SHA-256
// of the content. Zero means "no such chunk".
type Hash [16]byte

// HashOf gives the hash of a chunk.
func HashOf(data []byte) Hash {
	sum := sha256.Sum256(data)
	return Hash(sum[:16])
}

// Sum is the SHA-256 of a whole state.
type Sum [sha256.Size]byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ChunkSum is the CRC-32C that guards a chunk on its way: of its transfer, its
// place and its content.
func ChunkSum(tag Tag, index uint64, data []byte) uint32 {
	var head [16]byte
	binary.BigEndian.PutUint64(head[:], uint64(tag))
	binary.BigEndian.PutUint64(head[8:], index)
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, data)
}
