package vsync

import "time"

// Timing holds every duration of the core. The zero value means the defaults.
type Timing struct {
	// JoinQuiet is how long a settled group waits for further joiners after one
	// was heard: larger means fewer views, smaller a faster join. Default 2 ms.
	JoinQuiet time.Duration
	// FormQuiet is the same for a host that is alone and new: many start at once.
	// Default 30 ms, at most FormMax (150 ms) in all.
	FormQuiet, FormMax time.Duration
	// BusyQuiet is the same within BusyFor after a view that brought joiners, at
	// most BusyMax in all: a mass start ends in few views. Defaults 120 ms, 1 s, 300 ms.
	BusyQuiet, BusyFor, BusyMax time.Duration
	// MergeQuiet is the same where a regime was met: after a partition heals the
	// others are heard within a heartbeat, at most MergeMax in all. Defaults
	// 100 ms, 350 ms.
	MergeQuiet, MergeMax time.Duration
	// CrashQuiet batches crashes known by strong evidence (default 4 ms);
	// CrashMax bounds the wait for members that are still in doubt (default 400 ms).
	CrashQuiet, CrashMax time.Duration
	// Yield is how long a coordinator leaves the lead of a merge to a better
	// one before it leads itself. Default 800 ms.
	Yield time.Duration
	// Retry is the first repetition of a proposal to one who has not answered,
	// doubling up to RetryMax. Defaults 30 ms, 250 ms.
	Retry, RetryMax time.Duration
	// Relay is when a silent one is tried through a third member. Default 120 ms.
	Relay time.Duration
	// JoinerWait, MergeWait and MemberWait bound the wait for an answer: of a
	// joiner, of a member of another view, of a member of our own that the
	// detector does not give up. Defaults 300 ms (and 3 ms an invited), 1.8 s, 2.5 s.
	JoinerWait, MergeWait, MemberWait time.Duration
	// Hold is the repetition of "still at work". Default 150 ms.
	Hold time.Duration
	// Poll is the first repetition of an answer while no decision comes, doubling
	// up to RetryMax. Default 60 ms.
	Poll time.Duration
	// Patience is how long one who has promised waits for a sign of the
	// coordinator before another takes the lead. Default 700 ms.
	Patience time.Duration
	// Depart is how long a member may be seen in a later view without us before
	// we go on without it. Default 600 ms.
	Depart time.Duration
	// Hello is the period in which a coordinator makes itself known. Default 400 ms.
	Hello time.Duration
	// StrangerTTL is how long a stranger counts after it was last heard. Default 1.5 s.
	StrangerTTL time.Duration
	// AckDelay gathers acknowledgements. Default 15 ms.
	AckDelay time.Duration
	// Stopped is how long one member may keep all from sending before it is taken
	// out. Default 30 s.
	Stopped time.Duration
	// NakDelay tolerates reordering before a gap is reported; NakRetry repeats
	// the report, doubling up to RetryMax. Defaults 2 ms, 20 ms.
	NakDelay, NakRetry time.Duration
	// Tail is when a sender first repeats how much it has sent, doubling up to
	// RetryMax, until all is stable. Default 30 ms.
	Tail time.Duration
	// Challenge is the repetition of the challenge of a member whose id was seen
	// twice; three unanswered ones mean it is gone. Default 100 ms.
	Challenge time.Duration
}

// EnsureDefaults fills what is zero.
func (t *Timing) EnsureDefaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	const ms = time.Millisecond
	set(&t.JoinQuiet, 2*ms)
	set(&t.FormQuiet, 30*ms)
	set(&t.FormMax, 150*ms)
	set(&t.BusyQuiet, 120*ms)
	set(&t.BusyFor, 1000*ms)
	set(&t.BusyMax, 300*ms)
	set(&t.MergeQuiet, 100*ms)
	set(&t.MergeMax, 350*ms)
	set(&t.CrashQuiet, 4*ms)
	set(&t.CrashMax, 400*ms)
	set(&t.Yield, 800*ms)
	set(&t.Retry, 30*ms)
	set(&t.RetryMax, 250*ms)
	set(&t.Relay, 120*ms)
	set(&t.JoinerWait, 300*ms)
	set(&t.MergeWait, 1800*ms)
	set(&t.MemberWait, 2500*ms)
	set(&t.Hold, 150*ms)
	set(&t.Poll, 60*ms)
	set(&t.Patience, 700*ms)
	set(&t.Depart, 600*ms)
	set(&t.Hello, 400*ms)
	set(&t.StrangerTTL, 1500*ms)
	set(&t.AckDelay, 15*ms)
	set(&t.Stopped, 30_000*ms)
	set(&t.NakDelay, 2*ms)
	set(&t.NakRetry, 20*ms)
	set(&t.Tail, 30*ms)
	set(&t.Challenge, 100*ms)
}
