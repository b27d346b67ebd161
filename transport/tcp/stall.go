package tcp

import (
	"time"

	"golang.org/x/sys/unix"
)

// stallAfter, and two round trips, is how long nothing may have been acknowledged,
// with something sent again meanwhile, before another connection is tried beside:
// after a cut has healed, or where much is lost, that one stands at once, while the
// old one waits longer and longer for its next repetition.
const stallAfter = 400 * time.Millisecond

// narrowFrame is what passes every path of IPv4. Where nothing gets through to one
// who is heard or answers, and frames beyond it are under way, they may be why: the
// path swallows long packets and says nothing. The next connection gets small segments;
// should it stall, the one after has usual ones.
const narrowFrame = 400

// stall looks after a link in use, under its mutex.
type stall struct {
	looked time.Time
	// bulk is when something longer than narrowFrame was last written.
	bulk time.Time
	// acked is how many bytes the other kernel had acknowledged at since, when that
	// was last seen to grow.
	acked   uint64
	since   time.Time
	stalled bool
	info    *unix.TCPInfo
	call    func(fd uintptr)
}

func (s *stall) init() {
	s.call = func(fd uintptr) {
		s.info, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) // nil: no news
	}
}

// stuck asks the kernel, now and then, whether nothing gets through. It costs
// nothing where nothing is sent: nobody minds then.
func (l *link) stuck(now time.Time, longest int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.stall
	if longest > narrowFrame {
		s.bulk = now
	}
	if now.Sub(s.looked) < l.t.times.stallEvery {
		return false
	}
	s.looked, s.info = now, nil
	_ = l.raw.Control(s.call) // of a closed one there is no news
	if s.info == nil {
		return false
	}
	trip := time.Duration(s.info.Rtt) * time.Microsecond
	l.trip.Store(int64(trip))
	if s.info.Unacked == 0 || s.info.Bytes_acked != s.acked {
		s.acked, s.since = s.info.Bytes_acked, now
	}
	s.stalled = s.info.Retransmits > 0 && now.Sub(s.since) >= stallAfter+2*trip
	return s.stalled
}

// isStalled gives what was seen last.
func (l *link) isStalled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stall.stalled
}

// staysStalled is isStalled for who does not write to a link that is: since nothing is
// sent on it, nobody else asks the kernel whether what it repeats gets through by now.
func (l *link) staysStalled(now time.Time) bool {
	if l.isStalled() {
		l.stuck(now, 0)
	}
	return l.isStalled()
}

// chokes reports whether long frames may be why nothing gets through. answers: no dial
// there has missed since, so there is no cut that stops everything.
func (l *link) chokes(now time.Time, answers bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.stall
	heard := l.source.HeardAt().After(s.since)
	return s.stalled && !l.narrow && now.Sub(s.bulk) < l.t.times.unacked && (answers || heard)
}
