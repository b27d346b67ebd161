package stable

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/gmsd/gmsd/views"
)

// The state file: four blocks of 4096 bytes, so that no two share a page or a
// physical sector; slot s, copy c stands in block 2s+c. The record takes the
// first 512 bytes of its block:
//
//	 0  "gmsdST"           magic
//	 6  uint16             format, 1
//	 8  uint8, uint8       slot and copy it was written for
//	12  uint32             incarnation
//	16  [16]byte           host id
//	32  uint64             number of this write; the higher of two slots counts
//	40  uint64             highest view seq promised or installed
//	508 uint32             CRC-32C of everything before it
//
// Numbers are big-endian; the rest is zero and left to later formats.
const (
	recordSize  = 512
	blockSize   = 4096
	slotCount   = 2
	copyCount   = 2
	stateSize   = slotCount * copyCount * blockSize
	stateFormat = 1
	crcOffset   = recordSize - 4
	stateMagic  = "gmsdST"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is what the state file holds.
type record struct {
	host        views.HostID
	incarnation views.Incarnation
	seq         views.Seq
	// write counts the writes since the file was made; the first is 1.
	write uint64
}

// blockOffset gives the place of a copy in the file.
func blockOffset(slot, copyNo int) int64 { return int64(slot*copyCount+copyNo) * blockSize }

// encode gives the 512 bytes for that place.
func (r record) encode(slot, copyNo int) []byte {
	b := make([]byte, recordSize)
	copy(b, stateMagic)
	binary.BigEndian.PutUint16(b[6:], stateFormat)
	b[8], b[9] = byte(slot), byte(copyNo)
	binary.BigEndian.PutUint32(b[12:], uint32(r.incarnation))
	copy(b[16:], r.host[:])
	binary.BigEndian.PutUint64(b[32:], r.write)
	binary.BigEndian.PutUint64(b[40:], uint64(r.seq))
	binary.BigEndian.PutUint32(b[crcOffset:], crc32.Checksum(b[:crcOffset], castagnoli))
	return b
}

// blockFault says why a block is no record.
type blockFault string

const (
	faultNone      blockFault = ""
	faultShort     blockFault = "cut off"
	faultEmpty     blockFault = "empty"
	faultMagic     blockFault = "not a record"
	faultSum       blockFault = "wrong checksum"
	faultMisplaced blockFault = "a record that was written for another place"
	faultNewer     blockFault = "a later format"
)

// decode reads the record at that place of the file's content.
func decode(file []byte, slot, copyNo int) (record, blockFault) {
	off := blockOffset(slot, copyNo)
	if int64(len(file)) < off+recordSize {
		return record{}, faultShort
	}
	b := file[off : off+recordSize]
	switch {
	case allZero(b):
		return record{}, faultEmpty
	case string(b[:6]) != stateMagic:
		return record{}, faultMagic
	case binary.BigEndian.Uint32(b[crcOffset:]) != crc32.Checksum(b[:crcOffset], castagnoli):
		return record{}, faultSum
	case binary.BigEndian.Uint16(b[6:]) != stateFormat:
		return record{}, faultNewer
	case int(b[8]) != slot || int(b[9]) != copyNo:
		return record{}, faultMisplaced
	}
	r := record{
		incarnation: views.Incarnation(binary.BigEndian.Uint32(b[12:])),
		write:       binary.BigEndian.Uint64(b[32:]),
		seq:         views.Seq(binary.BigEndian.Uint64(b[40:])),
	}
	copy(r.host[:], b[16:32])
	return r, faultNone
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// reading is what a state file says.
type reading struct {
	record record
	slot   int
	// notices say which blocks were bad, for the log.
	notices []string
	// lostSlot: one whole slot is bad. It may have held the newer record, of a
	// write that was under way or, with two damaged blocks, of one that was done.
	lostSlot bool
}

// readState finds the newest record. ok is false where no block is good;
// newer says that a block belongs to a later format.
func readState(file []byte) (rd reading, ok, newer bool) {
	for slot := range slotCount {
		good := 0
		for copyNo := range copyCount {
			r, fault := decode(file, slot, copyNo)
			if fault != faultNone {
				newer = newer || fault == faultNewer
				rd.notices = append(rd.notices, fmt.Sprintf("slot %d copy %d: %s", slot, copyNo, fault))
				continue
			}
			good++
			if !ok || r.write > rd.record.write {
				rd.record, rd.slot, ok = r, slot, true
			}
		}
		rd.lostSlot = rd.lostSlot || good == 0
	}
	return rd, ok, newer
}
