package tcp

import "time"

// tend says goodbye to connections that nobody uses and forgets addresses.
func (t *Transport) tend() {
	ticker := time.NewTicker(t.times.tend)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.tidy(time.Now())
		case <-t.ctx.Done():
			return
		}
	}
}

func (t *Transport) tidy(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	for l := range t.links {
		if l.idle(now, t.times.idle) {
			t.leave(l, reasonIdle)
		}
	}
	t.forget(now, t.times.forget)
}

// idle reports whether nobody needs the link.
func (l *link) idle(now time.Time, after time.Duration) bool {
	if l.left || now.UnixNano()-l.used.Load() < int64(after) {
		return false
	}
	for _, p := range l.peers {
		if len(p.watches) > 0 || now.Sub(p.used) < after {
			return false
		}
	}
	return true
}
