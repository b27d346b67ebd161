package netlab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// packetQueue is NFQUEUE number 0 of the network namespace it was opened in,
// spoken to by netlink. The kernel keeps the packets; it gives us copies with a
// number each and waits for our verdicts, in any order.
//
// linux/netfilter/nfnetlink_queue.h has the formats; all numbers inside the
// attributes are big-endian, those of netlink itself the machine's.
type packetQueue struct {
	file *os.File
	buf  []byte
	out  []byte
}

// Numbers of nfnetlink_queue.h that package unix lacks.
const (
	subsystemQueue = unix.NFNL_SUBSYS_QUEUE << 8

	messagePacket  = subsystemQueue // | 0
	messageVerdict = subsystemQueue | 1
	messageConfig  = subsystemQueue | 2

	attrPacketHeader  = 1
	attrVerdictHeader = 2
	attrPayload       = 10

	configCommand  = 1
	configParams   = 2
	configQueueMax = 3
	configMask     = 4
	configFlags    = 5

	commandBind  = 1
	copyPacket   = 2
	flagFailOpen = 1
	verdictPass  = 1

	netlinkHeader   = 16
	netfilterHeader = 4
	attrHeader      = 4
)

// kernelQueueMax packets may wait for us in the kernel; more pass untouched.
const kernelQueueMax = 2 * heldMax

func openPacketQueue() (*packetQueue, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, os.NewSyscallError("socket NETLINK_NETFILTER", err)
	}
	q := &packetQueue{buf: make([]byte, 128<<10)}
	err = errors.Join(
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20),
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_NO_ENOBUFS, 1),
		q.configure(fd),
		unix.SetNonblock(fd, true),
	)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("netlab: NFQUEUE: %w", err)
	}
	q.file = os.NewFile(uintptr(fd), "nfqueue")
	return q, nil
}

// configure binds queue 0, asks for whole packets, bounds the queue and lets
// what does not fit pass. The socket still blocks.
func (q *packetQueue) configure(fd int) error {
	for _, attr := range [][]byte{
		attribute(configCommand, commandBind, 0, 0, unix.AF_INET),
		attribute(configParams, 0, 0, 0xff, 0xff, copyPacket),
		attribute(configQueueMax, bigEndian(kernelQueueMax)...),
		append(attribute(configMask, bigEndian(flagFailOpen)...), attribute(configFlags, bigEndian(flagFailOpen)...)...),
	} {
		if _, err := unix.Write(fd, request(messageConfig, unix.NLM_F_ACK, attr)); err != nil {
			return err
		}
		n, err := unix.Read(fd, q.buf)
		if err != nil {
			return err
		}
		if err := acknowledged(q.buf[:n]); err != nil {
			return err
		}
	}
	return nil
}

// acknowledged reads the answer to a request with NLM_F_ACK.
func acknowledged(answer []byte) error {
	if len(answer) < netlinkHeader+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errors.New("no acknowledgement")
	}
	if code := int32(binary.NativeEndian.Uint32(answer[netlinkHeader:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// receive waits for packets and calls take for each; os.ErrDeadlineExceeded
// where none came.
func (q *packetQueue) receive(wait time.Duration, take func(id uint32, packet []byte)) error {
	if err := q.file.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	n, err := q.file.Read(q.buf)
	if err != nil {
		return err
	}
	for rest := q.buf[:n]; len(rest) >= netlinkHeader; {
		length := int(binary.NativeEndian.Uint32(rest))
		if length < netlinkHeader || length > len(rest) {
			return fmt.Errorf("netlab: NFQUEUE: a message of %d bytes in %d", length, len(rest))
		}
		if binary.NativeEndian.Uint16(rest[4:]) == messagePacket && length >= netlinkHeader+netfilterHeader {
			if id, packet, ok := parsePacket(rest[netlinkHeader+netfilterHeader : length]); ok {
				take(id, packet)
			}
		}
		rest = rest[min(align(length), len(rest)):]
	}
	return nil
}

func parsePacket(attrs []byte) (id uint32, packet []byte, ok bool) {
	for len(attrs) >= attrHeader {
		length := int(binary.NativeEndian.Uint16(attrs))
		if length < attrHeader || length > len(attrs) {
			return 0, nil, false
		}
		value := attrs[attrHeader:length]
		switch binary.NativeEndian.Uint16(attrs[2:]) &^ unix.NLA_F_NESTED {
		case attrPacketHeader:
			if len(value) < 4 {
				return 0, nil, false
			}
			id, ok = binary.BigEndian.Uint32(value), true
		case attrPayload:
			packet = value
		}
		attrs = attrs[min(align(length), len(attrs)):]
	}
	return id, packet, ok
}

// accept lets a packet through.
func (q *packetQueue) accept(id uint32) error { return q.verdict(id, nil) }

// replace lets other bytes through in place of a packet. The kernel does not touch their
// checksums.
func (q *packetQueue) replace(id uint32, packet []byte) error {
	return q.verdict(id, attribute(attrPayload, packet...))
}

func (q *packetQueue) verdict(id uint32, changed []byte) error {
	pass := attribute(attrVerdictHeader, append(bigEndian(verdictPass), bigEndian(id)...)...)
	q.out = request(messageVerdict, 0, append(pass, changed...))
	_, err := q.file.Write(q.out)
	return err
}

// close ends the queue; the kernel drops what it still holds.
func (q *packetQueue) close() error { return q.file.Close() }

// request makes a message to queue 0.
func request(kind, flags uint16, attrs []byte) []byte {
	m := make([]byte, netlinkHeader+netfilterHeader, netlinkHeader+netfilterHeader+len(attrs))
	binary.NativeEndian.PutUint32(m, uint32(cap(m)))
	binary.NativeEndian.PutUint16(m[4:], kind)
	binary.NativeEndian.PutUint16(m[6:], unix.NLM_F_REQUEST|flags)
	return append(m, attrs...)
}

// attribute makes one, padded.
func attribute(kind uint16, value ...byte) []byte {
	a := make([]byte, align(attrHeader+len(value)))
	binary.NativeEndian.PutUint16(a, uint16(attrHeader+len(value)))
	binary.NativeEndian.PutUint16(a[2:], kind)
	copy(a[attrHeader:], value)
	return a
}

func bigEndian(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func align(n int) int { return (n + 3) &^ 3 }
