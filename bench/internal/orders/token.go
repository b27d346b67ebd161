package orders

import "time"

const (
	// quietRounds and holdFor are Corosync's: seqno_unchanged_const and hold.
	quietRounds = 30
	holdFor     = 180 * time.Millisecond
)

// token: who holds it numbers.
type token struct {
	line
	holds bool
	// quiet counts the rounds in which nobody sent.
	quiet int
	// cancelled: this host has asked the coordinator to let the token go.
	cancelled bool
}

func (t *token) take(h header, b []byte) bool {
	switch h.kind {
	case kindData:
		t.hold(b)
		return true
	case kindToken:
		t.quiet++
		if h.number != t.slot {
			t.quiet = 0
		}
		t.slot, t.holds, t.cancelled = h.number, true, false
	case kindCancel:
		t.quiet, t.wake = 0, time.Time{}
	default:
	}
	return false
}

func (t *token) settle() {
	if t.holds {
		t.use()
	} else if t.maybeKept() && !t.cancelled && t.ready() > 0 {
		t.cancelled = true
		t.say(0, header{kind: kindCancel})
	}
	t.deliverPlaced()
}

// maybeKept reports whether the coordinator may keep the token: it can have seen
// one quiet round more.
func (t *token) maybeKept() bool { return t.rank != 0 && t.quiet >= quietRounds-1 }

// use sends what the credit allows, and passes the token on.
func (t *token) use() {
	before := t.slot
	t.publishReady()
	if t.slot != before {
		t.quiet = 0
	}
	if t.keeps() {
		return
	}
	t.holds, t.wake = false, time.Time{}
	t.say((t.rank+1)%t.n, header{kind: kindToken, number: t.slot})
}

func (t *token) keeps() bool {
	if t.rank != 0 || t.quiet < quietRounds {
		return false
	}
	if t.wake.IsZero() {
		t.wake = t.now.Add(holdFor)
	}
	return t.now.Before(t.wake)
}
