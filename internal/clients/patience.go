package clients

import (
	"sync"
	"time"
)

// patience is how long the rest of a long message is waited for: it holds bytes that
// all clients share. The time runs while the client has credit, whatever else it sends
// in between. The reader tells of frames, whoever grants of credit.
type patience struct {
	mu sync.Mutex
	// under: a long message is under way. runs: a deadline is set for it.
	under, runs bool
}

// part notes a piece: the time for the next one begins.
func (p *patience) part(ss *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.under, p.runs = true, ss.hasCredit()
	p.set(ss)
}

// whole notes the last piece.
func (p *patience) whole(ss *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.under {
		p.under, p.runs = false, false
		p.set(ss)
	}
}

// other notes a frame between two pieces: it may have used the credit up.
func (p *patience) other(ss *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs && !ss.hasCredit() {
		p.runs = false
		p.set(ss)
	}
}

// granted notes new credit.
func (p *patience) granted(ss *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.under && !p.runs && ss.hasCredit() {
		p.runs = true
		p.set(ss)
	}
}

func (p *patience) set(ss *session) {
	var until time.Time
	if p.runs {
		until = time.Now().Add(ss.server.config.PartTimeout)
	}
	ss.conn.SetReadDeadline(until)
	if ss.ctx.Err() != nil {
		ss.conn.SetReadDeadline(time.Unix(1, 0)) // as stop did
	}
}

// hasCredit reports whether the client may send.
func (ss *session) hasCredit() bool { return ss.ahead.Load() < int64(ss.server.config.Window) }
