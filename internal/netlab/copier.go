package netlab

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// copyMark stands in the type-of-service byte of the copies we make, so that a
// copy is not copied again. No daemon sets or reads that byte.
const copyMark = 0x04

// ipHeaderMin is the length of an IPv4 header without options.
const ipHeaderMin = 20

// isCopy tells a copy, or what is no IPv4 packet, from what may be copied.
func isCopy(packet []byte) bool {
	return len(packet) < ipHeaderMin || packet[0]>>4 != 4 || packet[1] == copyMark
}

// copier sends packets a second time out of a host's port on the bridge, as if
// the cable had.
type copier struct {
	fd  int
	to  unix.SockaddrLinklayer
	mac net.HardwareAddr
}

// openCopier must be called inside the bridge's namespace.
func openCopier(host int) (*copier, error) {
	out, err := net.InterfaceByName(port(host))
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket AF_PACKET", err)
	}
	hw := MAC(host)
	return &copier{fd: fd, mac: hw[:], to: unix.SockaddrLinklayer{
		Protocol: binary.NativeEndian.Uint16([]byte{0x08, 0x00}), // IPv4 in network order
		Ifindex:  out.Index, Halen: uint8(len(hw)),
	}}, nil
}

// send sends a marked copy of an IPv4 packet.
func (c *copier) send(packet []byte) error {
	header := int(packet[0]&0x0f) * 4
	if header < ipHeaderMin || header > len(packet) {
		return fmt.Errorf("netlab: an IPv4 header of %d bytes", header)
	}
	twin := append([]byte(nil), packet...)
	twin[1] = copyMark
	twin[10], twin[11] = 0, 0
	binary.BigEndian.PutUint16(twin[10:], checksum(twin[:header]))
	to := c.to
	copy(to.Addr[:], c.mac)
	if twin[16]&0xf0 == 0xe0 { // multicast: RFC 1112, 6.4
		copy(to.Addr[:], []byte{0x01, 0x00, 0x5e, twin[17] & 0x7f, twin[18], twin[19]})
	}
	return unix.Sendto(c.fd, twin, 0, &to)
}

func (c *copier) close() error { return unix.Close(c.fd) }

// checksum is that of RFC 791 over a header whose own field is zero.
func checksum(header []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
