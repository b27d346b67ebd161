package attack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// htons turns a number into the order of the network, as sockets of packets want it.
func htons(n uint16) uint16 { return n<<8 | n>>8 }

// openTap opens a socket that hears every frame of the namespace of the calling thread.
// readEvery bounds one read.
func openTap(readEvery time.Duration) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	wait := unix.NsecToTimeval(int64(readEvery))
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
	)
	if err != nil {
		_ = unix.Close(fd)
		return 0, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil
}

// card sends frames as they are, whatever they say of whom they come from.
type card struct {
	fd  int
	mac mac
	// full counts the waits for room in the card's queue.
	full int
}

func openCard(name string) (*card, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) // 0: it hears nothing
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	to := &unix.SockaddrLinklayer{Protocol: 0, Ifindex: ifi.Index}
	if err := unix.Bind(fd, to); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return &card{fd: fd, mac: mac(ifi.HardwareAddr)}, nil
}

// send puts a frame on the wire; it waits where the card's queue is full.
func (c *card) send(frame []byte) error {
	for {
		_, err := unix.Write(c.fd, frame)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			c.full++
			time.Sleep(time.Millisecond)
		case !errors.Is(err, unix.EINTR):
			return fmt.Errorf("attack: a frame of %d bytes: %w", len(frame), err)
		}
	}
}

func (c *card) close() { _ = unix.Close(c.fd) }
