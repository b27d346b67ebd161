package gms

// laneQuantum is how many bytes a lane may send a round while others have
// something, too.
const laneQuantum = 16 << 10

// lane is what one port, or the host itself, has posted, in order.
type lane struct {
	// Under the outbox's lock: bytes are those of all that the engine was not given
	// but for long messages, posted counts all that ever came in.
	waiting []outgoing
	bytes   int
	posted  uint64
	// held are the callers that wait for room, long those of them with a long
	// message. Room is closed when it is worth while to look again.
	held, long int
	room       chan struct{}
	// listed: it is in the round, or fresh.
	listed bool

	// The loop's own: taken are those out of the lock, given how many of them the
	// engine has; deficit is what the lane may send before others have their turn.
	taken   []outgoing
	given   int
	deficit int
	// total counts all that the loop took out; later is what it does once total has
	// come to a number.
	total uint64
	later []delayed
}

// turn is what a lane gives when it has its turn.
type turn struct {
	lane     *lane
	messages []outgoing
}

// refill takes what was posted out of the lock, where the last is given. It
// reports whether there is something to give.
func (l *lane) refill() bool {
	if l.given < len(l.taken) {
		return true
	}
	l.taken, l.waiting = l.waiting, l.taken[:0]
	l.given = 0
	l.listed = len(l.taken) > 0
	if !l.listed {
		l.deficit = 0
	}
	return l.listed
}

// serve gives the messages a lane may send now, of about most bytes; at least one
// where it is the first to be served. It has one.
func (l *lane) serve(most int, first bool) (messages []outgoing, bytes int) {
	l.deficit += laneQuantum
	from := l.given
	for l.given < len(l.taken) {
		n := l.taken[l.given].bytes()
		if (n > l.deficit || bytes+n > most) && (!first || bytes > 0) {
			break
		}
		bytes += n
		l.deficit -= n
		l.given++
	}
	l.total += uint64(l.given - from) //nolint:gosec // not below 0
	return l.taken[from:l.given], bytes
}

// wakeHeld lets all who wait look again.
func (l *lane) wakeHeld() {
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}
