package stream

import (
	"time"

	"golang.org/x/sys/unix"
)

// SegmentLeast is the segment for a path that swallows long packets, in bytes: with its
// headers it passes where 576 bytes do.
const SegmentLeast = 512

// Options has the kernel give up what is not acknowledged for long, and repeat
// soon what is lost: where it knows how (Linux 6.16) after 60 ms first and at most a
// second, else every 200 ms for a while as long as little is under way. A kernel that
// does not know an option is as good, only slower. segment bounds what one packet
// carries; 0: the kernel does.
func Options(fd int, unacked time.Duration, segment int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacked.Milliseconds()))
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_THIN_LINEAR_TIMEOUTS, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_RTO_MAX_MS, 1000)
	if unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DELACK_MAX_US, 40_000) == nil {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_RTO_MIN_US, 60_000)
	}
	if segment > 0 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, segment)
	}
}
