package tcp

import (
	"errors"
	"net"
	"time"
)

// A try that got no answer within its limit is followed by another, since the kernel
// repeats one that is lost only after a second. It may not be lost, though: where a
// thin way has a long queue an answer takes half a second, and whoever gives each try
// up before that never gets through. So a try goes on beside those that follow.

// lateMost is how long it goes on.
const lateMost = time.Second

// latesMax bounds those that go on; beyond it a try is given up at its limit.
const latesMax = 64

var errLate = errors.New("tcp: no answer yet")

// greetAfter is how long greetings may take where the answer to a dial took as long as
// it did.
func (t *Transport) greetAfter(dialled time.Time) time.Duration {
	return min(t.times.greet, t.times.dial+4*time.Since(dialled))
}

// connect makes a connection. Where that takes longer than limit it gives errLate, and
// the connection serves when it is there, if one is lacking then.
func (t *Transport) connect(p *peer, narrow bool, limit time.Duration) (net.Conn, error) {
	type made struct {
		conn net.Conn
		err  error
	}
	select {
	case t.lates <- struct{}{}:
	default:
		return t.dialer(narrow, limit).DialContext(t.ctx, "tcp4", p.addr.String())
	}
	results := make(chan made) // taken or given up, by whoever comes first
	late := make(chan struct{})
	t.wg.Go(func() {
		defer func() { <-t.lates }()
		began := time.Now()
		conn, err := t.dialer(narrow, limit+lateMost).DialContext(t.ctx, "tcp4", p.addr.String())
		select {
		case results <- made{conn, err}:
		case <-late:
			if err == nil {
				t.comesLate(conn, p, narrow, t.greetAfter(began))
			}
		}
	})
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-results:
		return r.conn, r.err
	case <-timer.C:
		close(late)
		return nil, errLate
	}
}

// comesLate has a connection serve that nobody waits for any more.
func (t *Transport) comesLate(conn net.Conn, p *peer, narrow bool, greet time.Duration) {
	if known, who, err := t.greet(conn, p, greet); err == nil {
		t.meet(known, who, p, narrow)
	}
}
