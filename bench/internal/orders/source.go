package orders

import "time"

// Load is what the senders send.
type Load struct {
	// Senders is how many hosts send, the coordinator last; 0 is an idle group.
	Senders int
	// Size is the length of a message in bytes, 8 at least.
	Size int
	// Rate is in messages a second and sender; 0 is a flood.
	Rate int
	// Count ends the load after so many messages a sender; 0 goes on.
	Count int
}

// source is the application of one host. At a rate a message is submitted when it
// is due and the host looks, and its stamp says when; those of a flood have none.
type source struct {
	size int
	// left is how many are still to come; endless: until they are told to end.
	left    int
	endless bool
	period  time.Duration
	next    time.Time
	stamps  []int64
}

func (s *source) submit(now time.Time) {
	for ; s.period > 0 && s.left > 0 && !s.next.After(now); s.left-- {
		s.stamps = append(s.stamps, now.UnixNano())
		s.next = s.next.Add(s.period)
	}
}

// waiting is how many messages wait to be sent.
func (s *source) waiting() int {
	if s.period > 0 {
		return len(s.stamps)
	}
	return s.left
}

// take takes the next, which may be one more than waits: it was promised.
func (s *source) take() (stamp int64) {
	if s.period == 0 {
		s.left--
		return 0
	}
	stamp, s.stamps = s.stamps[0], s.stamps[1:]
	return stamp
}

// end ends an endless one. What waits is still sent.
func (s *source) end() {
	if s.endless {
		s.left = 0
	}
}

func (s *source) ended() bool { return s.left <= 0 && len(s.stamps) == 0 }
