package endpoint

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

const (
	// segmentsMax bounds the frames that go as one datagram, to be cut apart
	// below: kernels before 6.9 take no more.
	segmentsMax = 64
	// askAgain is after how many frames beyond the bound one more run is tried:
	// an MTU may grow again.
	askAgain = 1024
)

// segments decides which frames may go as one datagram that the kernel, or the
// interface, cuts apart (UDP_SEGMENT, generic segmentation offload). The zero
// value says none.
type segments struct {
	on bool
	// bound is the longest frame that may be part of one; 0 means that none is
	// known. The kernel refuses segments beyond the path's MTU, which IP
	// would have to fragment.
	bound  int
	passed int // frames beyond the bound since the last try
}

// run says how many of frames, at least one, may go together from the first
// on: those as long as the first, and one shorter at the end.
func (g *segments) run(frames []transport.Outbound) int {
	size := len(frames[0].Frame)
	if !g.tries(size) {
		return 1
	}
	n, total := 1, size
	for n < min(len(frames), segmentsMax) {
		next := len(frames[n].Frame)
		if next == 0 || next > size || total+next > views.DatagramMax {
			break
		}
		n++
		total += next
		if next < size {
			break
		}
	}
	return n
}

func (g *segments) tries(size int) bool {
	if !g.on || size == 0 {
		return false
	}
	if g.bound == 0 || size <= g.bound {
		return true
	}
	g.passed++
	return g.passed%askAgain == 0
}

// taken learns from a run that the kernel took.
func (g *segments) taken(size int) {
	if size > g.bound {
		g.bound = 0
	}
}

// refused learns from a run that the kernel did not take.
func (g *segments) refused(size int, err error) {
	switch {
	case errors.Is(err, unix.EIO), errors.Is(err, unix.ENOPROTOOPT), errors.Is(err, unix.EOPNOTSUPP):
		g.on = false // the interface cannot do it, or what is between us and it
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EMSGSIZE):
		if g.bound == 0 || size <= g.bound {
			g.bound = max(size-1, 1)
		}
		g.passed = 0
	}
}

// canSegment reports whether the kernel knows both directions, and has it
// coalesce what comes. A kernel that does not know UDP_SEGMENT would take the
// control message, pass it over, and send a run as one frame.
func canSegment(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	return err == nil && coalesce(fd) == nil
}

// coalesce has the kernel give runs as they came (UDP_GRO). Where it cannot, it
// cuts them apart for us.
func coalesce(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1)
}
