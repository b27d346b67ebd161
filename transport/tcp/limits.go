package tcp

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// Bounds of one transport. Bytes are those of frames with their heads.
const (
	// strangersMax bounds the connections that have not greeted yet.
	strangersMax = 64
	// linksMax bounds the greeted connections; perHostMax those of one host:
	// two of a process while one takes the other's place, and a clone's.
	linksMax   = views.MembersMax + 128
	perHostMax = 4
	// peersMax bounds the addresses that are known, dialsMax those being dialled.
	peersMax = 4 * views.MembersMax
	dialsMax = 64
	// queueMax bounds what one peer has not taken, queuedMax what all have not:
	// beyond it a peer has queueLeast each. waitingMax bounds what waits for a
	// connection to be made.
	queueMax   = 8 << 20
	queuedMax  = 64 << 20
	queueLeast = 128 << 10
	waitingMax = 256 << 10
)

// timing holds every duration of the transport.
type timing struct {
	// dial, and four round trips, bound the making of a connection to one who was
	// reached within knownFor, firstDial to others: they may be far.
	dial, firstDial, knownFor time.Duration
	// greet bounds an exchange of greetings.
	greet time.Duration
	// stepKnown and stepMost bound the waits between dials to the two; stepRefused
	// that to one who was reached and refuses, or a sixteenth of the time since.
	stepKnown, stepRefused, stepMost time.Duration
	// wanted is how long after a frame its address is dialled for it.
	wanted time.Duration
	// unacked is how long the peer's kernel may acknowledge nothing: TCP_USER_TIMEOUT.
	unacked time.Duration
	// stallEvery is how often a connection in use is looked at: see stall.go.
	stallEvery time.Duration
	// linger bounds the goodbye of a connection.
	linger time.Duration
	// stale: a reset after so long a silence may be of a connection that the other
	// kernel gave up, and says nothing of the process.
	stale time.Duration
	// unanswered is how long no dial must have been answered after a reset until that
	// says that the process is gone: one that stands still for a second is not, nor one
	// that alone can dial, as from behind a NAT, and meets the reset with its next beat.
	unanswered time.Duration
	// closing is how long Close waits for what was sent to go.
	closing time.Duration
	// idle is how long a connection that nobody watches may be unused; forget is
	// the same for an address; tend is how often that is looked at.
	idle, forget, tend time.Duration
}

func shippedTiming() timing {
	return timing{
		dial: 200 * time.Millisecond, firstDial: 1500 * time.Millisecond, knownFor: time.Hour, greet: 2 * time.Second,
		stepKnown: 100 * time.Millisecond, stepRefused: 2 * time.Second, stepMost: 5 * time.Second,
		wanted: 3 * time.Second, unacked: 5 * time.Second, stallEvery: 200 * time.Millisecond,
		linger: 2 * time.Second, stale: time.Second, unanswered: 1500 * time.Millisecond, closing: 200 * time.Millisecond,
		idle: 2 * time.Minute, forget: 10 * time.Minute, tend: 15 * time.Second,
	}
}
