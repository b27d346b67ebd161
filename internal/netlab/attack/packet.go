package attack

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Sizes of headers without options, which is how the daemons' kernels make them.
const (
	etherSize = 14
	ipSize    = 20
	udpSize   = 8
	tcpSize   = 20
	// frameMax is the longest Ethernet frame of a path of 1,500 bytes.
	frameMax = etherSize + 1500
	// payloadMax is what a datagram holds there.
	payloadMax = 1500 - ipSize - udpSize
)

const (
	etherIPv4 = 0x0800
	ipv4First = 0x45
	ttl       = 64
)

// mac is a hardware address.
type mac [6]byte

// packet is a frame of the wire that carries UDP or TCP over IPv4.
type packet struct {
	protocol int // unix.IPPROTO_UDP or unix.IPPROTO_TCP
	to       mac
	src, dst netip.AddrPort
	seq      uint32 // of TCP
	syn      bool
	payload  []byte
	// ip is the whole IP packet. It and payload are of the frame.
	ip []byte
}

// parse reads an Ethernet frame; false where it is something else, or a piece of a
// packet.
func parse(frame []byte) (p packet, ok bool) {
	if len(frame) < etherSize+ipSize || binary.BigEndian.Uint16(frame[12:]) != etherIPv4 || frame[etherSize] != ipv4First {
		return p, false
	}
	ip := frame[etherSize:]
	n := int(binary.BigEndian.Uint16(ip[2:]))
	const pieces = 0x3fff // more fragments, offset
	if n < ipSize+udpSize || n > len(ip) || binary.BigEndian.Uint16(ip[6:])&pieces != 0 {
		return p, false
	}
	p.ip, p.to, p.protocol = ip[:n], mac(frame), int(ip[9])
	body := p.ip[ipSize:]
	switch {
	case p.protocol == unix.IPPROTO_UDP:
		p.payload = body[udpSize:]
	case p.protocol == unix.IPPROTO_TCP && len(body) >= tcpSize && int(body[12]>>4)*4 <= len(body):
		p.seq, p.syn = binary.BigEndian.Uint32(body[4:]), body[13]&2 != 0
		p.payload = body[int(body[12]>>4)*4:]
	default:
		return p, false
	}
	p.src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:])), binary.BigEndian.Uint16(body))
	p.dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:])), binary.BigEndian.Uint16(body[2:]))
	return p, true
}

// appendDatagram appends the frame of a UDP datagram.
func appendDatagram(b []byte, from, to mac, src, dst netip.AddrPort, payload []byte) []byte {
	b = appendEther(b, from, to)
	at := len(b)
	b = append(b, ipv4First, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(ipSize+udpSize+len(payload))) //nolint:gosec // cut to frameMax below
	b = append(b, 0, 0, 0x40, 0, ttl, unix.IPPROTO_UDP, 0, 0)
	b = append(b, src.Addr().AsSlice()...)
	b = append(b, dst.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(udpSize+len(payload))) //nolint:gosec // as above
	b = append(b, 0, 0)
	b = append(b, payload...)
	sum(b[at:])
	return b
}

// appendAgain appends a recorded frame as if it came from another machine's card, and
// from src, which is its own source where it is not valid.
func appendAgain(b []byte, from mac, p *packet, src netip.AddrPort) []byte {
	b = appendEther(b, from, p.to)
	at := len(b)
	b = append(b, p.ip...)
	ip := b[at:]
	if src.IsValid() {
		copy(ip[12:], src.Addr().AsSlice())
		binary.BigEndian.PutUint16(ip[ipSize:], src.Port())
	}
	sum(ip)
	return b
}

func appendEther(b []byte, from, to mac) []byte {
	b = append(append(b, to[:]...), from[:]...)
	return binary.BigEndian.AppendUint16(b, etherIPv4)
}

// sum writes the checksums of an IP packet: on cables without copper they are left out,
// and the kernel would drop what we make.
func sum(ip []byte) {
	ip[10], ip[11] = 0, 0
	binary.BigEndian.PutUint16(ip[10:], ^fold(ones(ip[:ipSize], 0)))
	body := ip[ipSize:]
	at := 6
	if ip[9] == unix.IPPROTO_TCP {
		at = 16
	}
	body[at], body[at+1] = 0, 0
	pseudo := ones(ip[12:20], uint32(ip[9])+uint32(len(body))) //nolint:gosec // a frame's length
	check := ^fold(ones(body, pseudo))
	if check == 0 && ip[9] == unix.IPPROTO_UDP {
		check = 0xffff // 0 would mean none
	}
	binary.BigEndian.PutUint16(body[at:], check)
}

// ones adds b up in words of two bytes.
func ones(b []byte, total uint32) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		total += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		total += uint32(b[0]) << 8
	}
	return total
}

func fold(total uint32) uint16 {
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// groupMAC is where frames for a multicast address go.
func groupMAC(a netip.Addr) mac {
	b := a.As4()
	return mac{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
}
