package tether

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

// witness keeps a second descriptor of a socket that is dialled, to ask it why there was
// no connection: by its error alone that nobody has the address looks like a firewall
// that says no.
type witness struct{ fd int }

// control is for [net.Dialer].
func (w *witness) control(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		w.close()
		if err := unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1); err != nil { //nolint:gosec // a descriptor
			return
		}
		if dup, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3); err == nil {
			w.fd = dup
		}
	})
}

// prohibited reports whether somebody on the way, or the other host's firewall, said by
// ICMP that it may not be.
func (w *witness) prohibited() bool {
	if w.fd == 0 {
		return false
	}
	var b [1]byte
	oob := make([]byte, 512)
	_, n, _, _, err := unix.Recvmsg(w.fd, b[:], oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return false
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return false
	}
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR && isProhibition(m.Data) {
			return true
		}
	}
	return false
}

// isProhibition reads a sock_extended_err: errno, origin, type, code.
func isProhibition(data []byte) bool {
	const originICMP, unreachable = 2, 3
	if len(data) < 8 || binary.NativeEndian.Uint32(data) == 0 || data[4] != originICMP || data[5] != unreachable {
		return false
	}
	switch data[6] {
	case 3, 9, 10, 13: // port, network, host, all: prohibited
		return true
	}
	return false
}

func (w *witness) close() {
	if w.fd > 0 {
		_ = unix.Close(w.fd)
		w.fd = 0
	}
}
