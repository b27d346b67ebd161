package stable

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// FuzzReadState: whatever a disk gives back for the state file, what is read is a record that
// stands there whole, in its place, and no sound one is newer. text is the records of the
// four blocks, one behind the other; bit n of summed has the checksum of block n made good.
func FuzzReadState(f *testing.F) {
	sound := func(writes ...uint64) (text []byte) {
		for i, w := range writes {
			r := record{incarnation: 3, seq: 40, write: w}
			r.host[0] = 1
			text = append(text, r.encode(i/copyCount, i%copyCount)...)
		}
		return text
	}
	f.Add(sound(1, 1, 2, 2), byte(0))
	f.Add(sound(4, 4, 3, 3), byte(15))
	f.Add(sound(4, 4), byte(0))
	f.Add(sound(2, 1, 2, 3)[:3*recordSize+9], byte(8))
	f.Add(make([]byte, slotCount*copyCount*recordSize), byte(1))
	f.Fuzz(func(t *testing.T, text []byte, summed byte) {
		file := stateOf(text, summed)
		rd, ok, _ := readState(file)
		found := false
		for place := range slotCount * copyCount {
			slot, copyNo := place/copyCount, place%copyCount
			r, fault := decode(file, slot, copyNo)
			if fault != faultNone {
				continue
			}
			if !ok || r.write > rd.record.write {
				t.Fatalf("%+v is passed over for %+v, %v", r, rd, ok)
			}
			found = found || slot == rd.slot && r == rd.record
			again, fault := decode(append(make([]byte, blockOffset(slot, copyNo)), r.encode(slot, copyNo)...), slot, copyNo)
			if again != r || fault != faultNone {
				t.Fatalf("%+v is written as %+v, %s", r, again, fault)
			}
		}
		if ok != found {
			t.Fatalf("%+v, %v: it stands nowhere", rd, ok)
		}
	})
}

// stateOf spreads records over the blocks of a file, which ends where they do.
func stateOf(text []byte, summed byte) (file []byte) {
	for block := 0; block < slotCount*copyCount && len(text) > 0; block++ {
		file = append(file, make([]byte, block*blockSize-len(file))...)
		n := min(len(text), recordSize)
		file, text = append(file, text[:n]...), text[n:]
		if b := file[block*blockSize:]; n == recordSize && summed>>block&1 == 1 {
			binary.BigEndian.PutUint32(b[crcOffset:], crc32.Checksum(b[:crcOffset], castagnoli))
		}
	}
	return file
}
