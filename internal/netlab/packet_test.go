package netlab

import (
	"container/heap"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
)

func TestPacketAttributes(t *testing.T) {
	payload := []byte{1, 2, 3, 4, 5}
	attrs := append(attribute(attrPacketHeader, 0, 0, 1, 2, 8, 0, 1), attribute(7, 9)...)
	attrs = append(attrs, attribute(attrPayload, payload...)...)
	id, packet, ok := parsePacket(attrs)
	if !ok || id != 0x0102 || string(packet) != string(payload) {
		t.Errorf("got packet %d %v %v", id, packet, ok)
	}
	for cut := range attrs {
		parsePacket(attrs[:cut]) // must not panic, whatever it gives
	}
	if _, _, ok := parsePacket(attribute(attrPacketHeader, 1, 2)); ok {
		t.Error("a packet header of two bytes was taken")
	}
}

func TestAcknowledged(t *testing.T) {
	answer := make([]byte, netlinkHeader+4)
	binary.NativeEndian.PutUint16(answer[4:], 2) // NLMSG_ERROR
	if err := acknowledged(answer); err != nil {
		t.Errorf("code 0: %v", err)
	}
	refused := int32(-1)
	binary.NativeEndian.PutUint32(answer[netlinkHeader:], uint32(refused))
	if err := acknowledged(answer); err == nil || !strings.Contains(err.Error(), "not permitted") {
		t.Errorf("EPERM: %v", err)
	}
	if err := acknowledged(answer[:8]); err == nil {
		t.Error("half an answer was taken")
	}
}

// A header and its checksum, by hand.
func TestChecksum(t *testing.T) {
	header := []byte{0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7}
	if got := checksum(header); got != 0xb861 {
		t.Errorf("checksum %04x, want b861", got)
	}
}

func TestWaitingIsByDue(t *testing.T) {
	var w waiting
	for _, due := range []views.Instant{5, 1, 4, 2, 3} {
		heap.Push(&w, held{due: due})
	}
	for want := views.Instant(1); len(w) > 0; want++ {
		if got := heap.Pop(&w).(held); got.due != want {
			t.Errorf("due %d, want %d", got.due, want)
		}
	}
}

// A fault at one end of all links touches everybody.
func TestTouched(t *testing.T) {
	if got := touched([]int{1}, nil); got != nil {
		t.Errorf("one to all touches %v, want all", got)
	}
	if got := touched([]int{3, 1}, []int{1, 2}); len(got) != 3 || got[0] != 1 || got[2] != 3 {
		t.Errorf("touched %v", got)
	}
}
