package clients

import (
	"sync"
	"time"
)

// partTime is for how long each byte of a long message prolongs the patience with it:
// a second a MiB.
const partTime = time.Second / (1 << 20)

// patience is how long a long message is waited for: it holds bytes that all clients
// share. The time runs while the client has credit, whatever else it sends in between,
// and each piece gives more of it. The reader tells of frames, whoever grants of credit.
type patience struct {
	mu sync.Mutex
	// left is what was left at since, the last time at which that was reckoned; under:
	// a long message is under way. runs: the time does.
	left        time.Duration
	since       time.Time
	under, runs bool
}

// part notes a piece of n bytes.
func (p *patience) part(ss *session, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.under {
		p.under, p.runs, p.left = true, false, ss.server.config.PartTimeout
	}
	p.set(ss, ss.hasCredit(), time.Duration(n)*partTime)
}

// whole notes the last piece.
func (p *patience) whole(ss *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.under {
		p.set(ss, false, 0)
		p.under = false
	}
}

// other notes a frame between two pieces: it may have used the credit up.
func (p *patience) other(ss *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs && !ss.hasCredit() {
		p.set(ss, false, 0)
	}
}

// granted notes new credit.
func (p *patience) granted(ss *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.under && !p.runs && ss.hasCredit() {
		p.set(ss, true, 0)
	}
}

// set reckons what is left, adds more to it, and lets the time run or stand.
func (p *patience) set(ss *session, runs bool, more time.Duration) {
	now := time.Now()
	if p.runs {
		p.left -= now.Sub(p.since)
	}
	p.left, p.since, p.runs = p.left+more, now, runs
	var until time.Time
	if runs {
		until = now.Add(p.left)
	}
	ss.conn.SetReadDeadline(until)
	if ss.ctx.Err() != nil {
		ss.conn.SetReadDeadline(time.Unix(1, 0)) // as stop did
	}
}

// hasCredit reports whether the client may send.
func (ss *session) hasCredit() bool { return ss.ahead.Load() < int64(ss.server.config.Window) }
