package router

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// Bounds of one transport. Bytes are those of frames with their heads.
const (
	// RoutersMax bounds the routers.
	RoutersMax = 8
	// entriesMax bounds what one router may tell: all lives of a group.
	entriesMax = 2 * views.MembersMax
	// claimsMax bounds the hosts to which a frame for one address goes where it is not
	// known who is there. More than a router lets one address claim of it, so that an
	// outsider takes nobody's turn.
	claimsMax = 8
	// pastMax bounds the former members that are remembered.
	pastMax = 4 * views.MembersMax
	// queueMax bounds what one router has not taken, queuedMax what all have not:
	// beyond it each has queueLeast.
	queueMax   = 8 << 20
	queuedMax  = 32 << 20
	queueLeast = 128 << 10
)

// timing holds every duration of the transport.
type timing struct {
	// dial bounds the making of a connection, greet the exchange of greetings.
	dial, greet time.Duration
	// stepMost bounds the waits between attempts.
	stepMost time.Duration
	// busy is how long after a frame a router counts as in use. pingBusy and pingIdle
	// are after how much silence it is asked for a sign of life.
	busy, pingBusy, pingIdle time.Duration
	// doubt is after how long without an answer others are preferred, lost after how
	// long it is given up.
	doubt, lost time.Duration
	// unacked is TCP_USER_TIMEOUT.
	unacked time.Duration
	// sought is how long what was sought is sent to who registers.
	sought time.Duration
	// closing is how long Close waits for the routers to take the goodbye.
	closing time.Duration
	// tell is the least time between two log lines of one router.
	tell time.Duration
}

func shippedTiming() timing {
	return timing{
		dial: 1500 * time.Millisecond, greet: time.Second, stepMost: 2 * time.Second,
		busy: 2 * time.Second, pingBusy: 250 * time.Millisecond, pingIdle: 3 * time.Second,
		doubt: 300 * time.Millisecond, lost: time.Second, unacked: 5 * time.Second,
		sought: time.Second, closing: 200 * time.Millisecond, tell: 5 * time.Second,
	}
}
