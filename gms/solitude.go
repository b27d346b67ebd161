package gms

import (
	"fmt"
	"strings"
	"time"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/views"
)

const (
	// aloneAfter is how long a host may be alone before it says that it should not
	// be, and says so again in twice the time, at most aloneMost.
	aloneAfter = 5 * time.Second
	aloneMost  = 10 * time.Minute
	// absentTold bounds the absent that a status names.
	absentTold = 16
)

// solitude is a host alone that should not be: its record says that it was with others,
// so it is not the first of a new cluster, and must not be taken for that; or it was told
// where others are, and nobody is there; or it was told of nobody, and its transport finds
// nobody by itself.
type solitude struct {
	since views.Instant // 0: it is not so
	sayAt views.Instant
	wait  time.Duration
	said  bool
}

// watchSolitude says that this host is alone though it should not be, and that it
// no longer is.
func (l *loop) watchSolitude() {
	s := &l.seeker.alone
	snap := l.host.board.current()
	switch {
	case snap == nil:
	case snap.View.Size() > 1 || !l.seeker.expectsOthers():
		if s.said {
			l.log.Info("no longer alone", "view", snap.View)
		}
		*s = solitude{}
	case s.since == 0:
		*s = solitude{since: l.now, sayAt: l.now.Add(aloneAfter), wait: aloneAfter}
	case s.sayAt <= l.now:
		s.said = true
		s.wait = min(2*s.wait, aloneMost)
		s.sayAt = l.now.Add(s.wait)
		l.sayAlone(l.now.Sub(s.since).Round(time.Second))
	}
}

// expectsOthers reports whether this host should not be alone.
func (s *seeker) expectsOthers() bool {
	return s.wasWithOthers() || len(s.absent) > 0 || s.blind
}

func (s *seeker) wasWithOthers() bool { return len(s.cache.Records()) > 0 }

func (l *loop) sayAlone(alone time.Duration) {
	s := &l.seeker
	switch {
	case s.wasWithOthers():
		l.log.Warn("this host was with others before and finds none of them; it is not the first of a new cluster",
			"alone", alone, "remembered", len(s.cache.Records()), "sought", len(s.absent),
			"cure", "see that they run and can be reached, or name where they are now in peers")
	case len(s.absent) > 0:
		l.log.Warn("this host is alone: no member answers where others should be",
			"alone", alone, "sought", s.describeAbsent(),
			"cure", "start a host there, or name another place in peers; the first host of a new cluster waits like this for the next")
	default:
		l.log.Warn("this host is alone: it knows no address but its own, and its transport finds nobody by itself",
			"alone", alone, "cure", "name other hosts in peers, peers-file or peers-dns, or use transport mcast")
	}
}

// soughtTold bounds the addresses that a line of the log names.
const soughtTold = 4

// describeAbsent names the likeliest of those that are sought, and who says so.
func (s *seeker) describeAbsent() string {
	var list []string
	for _, a := range s.layers.Addresses() {
		if !s.isHere(a.Addr) && len(a.By) > 0 {
			list = append(list, fmt.Sprintf("%s (%s)", a.Addr, a.By[0].Source))
		}
	}
	if more := len(list) - soughtTold; more > 0 {
		list = append(list[:soughtTold], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}

// Discovery is what this host knows of where others may be.
type Discovery struct {
	// Layers are the sources.
	Layers []discovery.Layer
	// Known counts the addresses, without our own; Absent those at which no member
	// of the view is, of which the first are named.
	Known, Absent int
	Sought        []discovery.Address
	// Alone is for how long this host has been alone though its record says that it
	// was with others; 0: it is not so.
	Alone time.Duration
}

func (l *loop) discovery() Discovery {
	s := &l.seeker
	if s.layers == nil {
		return Discovery{}
	}
	l.look()
	d := Discovery{Layers: s.layers.Status(), Known: s.known, Absent: len(s.absent)}
	for _, a := range s.layers.Addresses() {
		if len(d.Sought) < absentTold && !s.isHere(a.Addr) {
			d.Sought = append(d.Sought, a)
		}
	}
	if s.alone.since != 0 && s.wasWithOthers() {
		d.Alone = l.now.Sub(s.alone.since)
	}
	return d
}
