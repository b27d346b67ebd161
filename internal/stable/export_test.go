package stable

import (
	"encoding/binary"
	"hash/crc32"
)

// AsLaterFormat makes every block of a state file a sound one of format 2.
func AsLaterFormat(file []byte) []byte {
	for off := 0; off < len(file); off += blockSize {
		b := file[off : off+recordSize]
		binary.BigEndian.PutUint16(b[6:], stateFormat+1)
		binary.BigEndian.PutUint32(b[crcOffset:], crc32.Checksum(b[:crcOffset], castagnoli))
	}
	return file
}
