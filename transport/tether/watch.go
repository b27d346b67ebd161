package tether

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views/message"
)

// Times of dialling.
const (
	dialTimeout = 2 * time.Second
	// A process that never greeted us is dialled again after firstStep, one
	// that we lost after lostStep; the waits grow fourfold up to stepMax.
	firstStep = 100 * time.Millisecond
	lostStep  = 5 * time.Millisecond
	stepMax   = 10 * time.Second
	// A tether that stood this long is dialled again at once when it is lost.
	// Below that the waits go on growing, or a peer that greets and closes
	// would have us spin.
	settled = time.Second
)

// watch is one watched process. Its goroutine alone uses the fields below cancel.
type watch struct {
	target transport.Target
	cancel context.CancelFunc

	// reached: the process has greeted us; nonce is then its nonce.
	reached bool
	nonce   uint64
	// told is what was reported last, if anything was (spoke).
	told  message.Evidence
	spoke bool
	// step is the next wait; 0 means none.
	step time.Duration
}

// outcome is what a dial says of the watched process.
type outcome uint8

const (
	unknown outcome = iota
	refused
	replaced
	alive
)

// start begins to watch; the caller holds t.mu.
func (t *Tethers) start(target transport.Target) *watch {
	ctx, cancel := context.WithCancel(t.ctx)
	w := &watch{target: target, cancel: cancel, step: firstStep}
	t.wg.Go(func() {
		defer cancel()
		for ctx.Err() == nil {
			t.attempt(ctx, w)
			w.wait(ctx)
		}
	})
	return w
}

// attempt dials once and, where the process answers, stays until it no longer does.
func (t *Tethers) attempt(ctx context.Context, w *watch) {
	conn, met := t.dial(ctx, w)
	switch met {
	case alive:
		if !w.reached {
			w.reached, w.step = true, 0
		}
		t.tell(w, message.EvidenceNone)
		t.hold(ctx, w, conn)
	case replaced:
		t.tell(w, message.EvidenceReplaced)
	case refused:
		if w.reached {
			t.tell(w, message.EvidenceRefused)
		}
	case unknown:
	}
}

// tell reports a finding that is news.
func (t *Tethers) tell(w *watch, found message.Evidence) {
	if w.spoke && w.told == found {
		return
	}
	w.told, w.spoke = found, true
	t.report(w, found)
}

// hold keeps the silent connection until it ends, and reports its end if the
// peer's kernel made it.
func (t *Tethers) hold(ctx context.Context, w *watch, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()

	since := time.Now()
	var b [1]byte
	_, err := conn.Read(b[:])
	if time.Since(since) >= settled {
		w.step = 0
	}
	switch {
	case ctx.Err() != nil:
	case err == nil: // nobody speaks on a tether
		t.tally.Drop(transport.DropTetherHello, 1)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		t.tell(w, message.EvidenceClosed)
	}
}

// dial connects and greets. The connection is set for alive only.
func (t *Tethers) dial(ctx context.Context, w *watch) (net.Conn, outcome) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: -1}
	d.SetMultipathTCP(false)
	if t.cfg.Source.IsValid() && !t.cfg.Source.IsUnspecified() {
		d.LocalAddr = &net.TCPAddr{IP: t.cfg.Source.AsSlice()}
	}
	conn, err := d.DialContext(ctx, "tcp4", w.target.Addr.String())
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, refused
	}
	if err != nil {
		return nil, unknown
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	met := t.meet(w, conn)
	if met != alive {
		_ = conn.Close()
		return nil, met
	}
	return conn, alive
}

// meet exchanges greetings and judges who answered.
func (t *Tethers) meet(w *watch, conn net.Conn) outcome {
	_ = conn.SetDeadline(time.Now().Add(greetingTimeout))
	if writeGreeting(conn, t.self) != nil {
		return unknown
	}
	g, err := readGreeting(conn, t.self.group)
	if err != nil {
		// Silence and broken connections are no offence of one we dialled: it
		// may be frozen or just ending.
		if errors.Is(err, errGarbage) || errors.Is(err, errOtherGroup) {
			t.countBadGreeting(err)
		}
		return unknown
	}
	met := w.judge(g)
	if met == alive {
		w.nonce = g.nonce
		_ = conn.SetDeadline(time.Time{})
	}
	return met
}

// judge says what an answer from g means for the watched process. Another host
// at the address means nothing: addresses move. An earlier incarnation than
// the one that never greeted us is a copy we know nothing of.
func (w *watch) judge(g greeting) outcome {
	switch {
	case g.Host != w.target.Host:
		return unknown
	case g.Process == w.target.Process && (!w.reached || g.nonce == w.nonce):
		return alive
	case w.reached || g.Incarnation > w.target.Incarnation:
		return replaced
	}
	return unknown
}

// wait sleeps for the next step, with a tenth of jitter so that the observers
// of a host do not come back in one burst.
func (w *watch) wait(ctx context.Context) {
	if w.step > 0 {
		timer := time.NewTimer(w.step + rand.N(w.step/10+1))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	w.step = w.nextStep()
}

func (w *watch) nextStep() time.Duration {
	if w.step == 0 {
		return lostStep
	}
	return min(4*w.step, stepMax)
}
