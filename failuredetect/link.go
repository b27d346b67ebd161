package failuredetect

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// link is what a host has learned of the way from one other: how regularly
// heartbeats come, how long a ping takes, and how wrong it was last. It
// outlives views. The zero value knows nothing and gives the defaults.
type link struct {
	// beatAt is the last heartbeat; zero: none that the next may be measured from.
	beatAt views.Instant
	// mean and dev are of the time a beat takes to be followed by the next,
	// smoothed over 8 and 4 samples. Zero mean: none measured.
	mean, dev time.Duration
	// rtt and rttDev are of pings. Zero rtt: none measured.
	rtt, rttDev time.Duration
	// lesson is a silence that was doubted and then broken, with a quarter on
	// top; it fades from lessonAt on.
	lesson   time.Duration
	lessonAt views.Instant
}

// lessonFade: a lesson of 1 s is forgotten after 64 s.
const lessonFade = 64

// beatArrived takes one heartbeat into the statistics. A gap is divided by
// the beats it spans: a lost heartbeat says nothing about jitter. A beat out of
// schedule (a refutation, a new view) says nothing either.
func (l *link) beatArrived(now views.Instant, cfg *Config) {
	gap := now.Sub(l.beatAt)
	first := l.beatAt == 0
	l.beatAt = now
	if first || gap > cfg.SilenceMax || gap < cfg.Beat/2 {
		return
	}
	spanned := max(1, (gap+cfg.Beat/2)/cfg.Beat)
	smooth(&l.mean, &l.dev, gap/spanned, cfg.Beat)
}

// pongArrived takes one round trip into the statistics.
func (l *link) pongArrived(rtt time.Duration) {
	smooth(&l.rtt, &l.rttDev, max(rtt, 1), rtt)
}

// smooth is Jacobson's estimator. A zero mean starts at first.
func smooth(mean, dev *time.Duration, sample, first time.Duration) {
	if *mean == 0 {
		*mean = max(first, 1)
	}
	diff := sample - *mean
	*mean = max(1, *mean+diff/8)
	*dev += (diff.Abs() - *dev) / 4
}

// mistaken: a silence of that length was doubted, then broken. One that a relay cut
// short teaches nothing that is less than what is known.
func (l *link) mistaken(now views.Instant, silence time.Duration, cfg *Config) {
	if lesson := silence * 5 / 4; silence < cfg.SilenceMax && lesson > l.learned(now) {
		l.lesson, l.lessonAt = lesson, now
	}
}

// learned gives what is left of the last lesson.
func (l *link) learned(now views.Instant) time.Duration {
	return l.lesson - now.Sub(l.lessonAt)/lessonFade
}

// probeExtra is by how much the answer to a ping may come later than the next
// ping is sent.
func (l *link) probeExtra(cfg *Config) time.Duration {
	if l.rtt == 0 {
		return 0
	}
	return max(0, l.rtt+4*l.rttDev-cfg.PingEvery)
}

// late gives the silence after which to ping: one beat may be lost, where they
// come at the pace.
func (l *link) late(cfg *Config) time.Duration {
	if l.mean == 0 {
		return cfg.LateMin
	}
	return min(max(l.mean+min(l.mean, cfg.Pace)+4*l.dev, cfg.LateMin), cfg.LateMax)
}

// silence gives the silence after which to doubt. It grows with jitter beyond
// half a beat, with the time a ping needs, and with past mistakes.
func (l *link) silence(now views.Instant, cfg *Config) time.Duration {
	s := cfg.SilenceMin
	s += max(0, 4*l.dev-cfg.Beat/2)
	s += l.probeExtra(cfg)
	if l.lesson > 0 {
		s = max(s, l.learned(now))
	}
	return min(s, cfg.SilenceMax)
}
