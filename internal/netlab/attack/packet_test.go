package attack

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

var (
	one, two = mac{2, 0, 0, 0, 0, 1}, mac{2, 0, 0, 0, 0, 2}
	from     = netip.MustParseAddrPort("10.0.0.1:7749")
	to       = netip.MustParseAddrPort("10.0.0.2:7000")
)

// sound reports whether the checksums of a frame hold.
func sound(frame []byte) bool {
	ip := frame[etherSize:]
	body := ip[ipSize:]
	return fold(ones(ip[:ipSize], 0)) == 0xffff && fold(ones(body, ones(ip[12:20], uint32(ip[9])+uint32(len(body))))) == 0xffff
}

func TestDatagram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, payloadMax).Draw(t, "payload")
		frame := appendDatagram(nil, one, two, from, to, payload)
		p, ok := parse(frame)
		if !ok || p.src != from || p.dst != to || p.to != two || p.protocol != unix.IPPROTO_UDP || !bytes.Equal(p.payload, payload) {
			t.Fatalf("parsed %v, %+v", ok, p)
		}
		if !sound(frame) || len(frame) > frameMax {
			t.Fatalf("%d bytes, checksums hold: %v", len(frame), sound(frame))
		}
		other := netip.MustParseAddrPort("10.0.0.9:9")
		again := appendAgain(nil, one, &p, other)
		if q, ok := parse(again); !ok || q.src != other || q.dst != to || !bytes.Equal(q.payload, payload) || !sound(again) {
			t.Fatalf("again: %v, %+v, checksums hold: %v", ok, q, sound(again))
		}
	})
}

// segment is a frame of TCP.
func segment(seq uint32, flags byte, payload string) []byte {
	frame := appendDatagram(nil, one, two, from, to, append(make([]byte, tcpSize-udpSize), payload...))
	frame[etherSize+9] = unix.IPPROTO_TCP
	tcp := frame[etherSize+ipSize:]
	binary.BigEndian.PutUint32(tcp[4:], seq)
	tcp[12], tcp[13] = tcpSize/4<<4, flags
	sum(frame[etherSize:])
	return frame
}

func TestSegment(t *testing.T) {
	frame := segment(5, 2, "hello")
	p, ok := parse(frame)
	if !ok || p.seq != 5 || !p.syn || string(p.payload) != "hello" || !sound(frame) {
		t.Errorf("parsed %v, %+v, checksums hold: %v", ok, p, sound(frame))
	}
}

// Nothing that comes off a wire breaks it.
func TestParseAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := appendDatagram(nil, one, two, from, to, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "payload"))
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			frame[rapid.IntRange(0, len(frame)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		parse(frame[:rapid.IntRange(0, len(frame)).Draw(t, "length")])
	})
}
