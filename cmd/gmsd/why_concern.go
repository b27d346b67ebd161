package main

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// closeBefore is how long before a change something of a host that it does not concern
// may have to do with it. A host that stood still accuses nobody for a second, and
// gives the others up when it has not heard them for two more.
const closeBefore = 3 * time.Second

// concerning leaves of the events before an install those that have to do with it: all
// of who came or went, and of others, this host included, what was close before the
// change or during it. Between two views may lie hours in which this host stood still,
// doubted another for a moment, or refused a stranger over and over.
func concerning(events []trace.Record, install trace.Record, before []trace.HostBits) []trace.Record {
	hosts := changedHosts(install.Event.(trace.Install), before)
	began := beginning(events, install, hosts)
	return slices.DeleteFunc(events, func(r trace.Record) bool {
		return began.Sub(r.T) > closeBefore && !slices.Contains(hosts, subject(r.Event))
	})
}

// beginning is when this host stopped sending for the change, or began to doubt one of
// hosts and did not trust it again.
func beginning(events []trace.Record, install trace.Record, hosts []views.HostID) views.Instant {
	began := install.T
	doubted := map[views.HostID]views.Instant{}
	for _, r := range events {
		switch e := r.Event.(type) {
		case trace.Suspect:
			if _, already := doubted[e.Who]; !already && slices.Contains(hosts, e.Who) {
				doubted[e.Who] = r.T
			}
		case trace.Trust:
			delete(doubted, e.Who)
		case trace.Block:
			began = min(began, r.T)
		}
	}
	for _, t := range doubted {
		began = min(began, t)
	}
	return began
}

// subject is whom an event is of, zero where it is of none.
func subject(e trace.Event) views.HostID {
	switch e := e.(type) {
	case trace.Suspect:
		return e.Who
	case trace.Trust:
		return e.Who
	case trace.Join:
		return e.Who
	}
	return views.HostID{}
}

func isRefusal(e trace.Event) bool {
	j, ok := e.(trace.Join)
	return ok && j.Verdict == trace.JoinReject
}

// changedHosts are those who came in with a view, and those of the view before who
// are out.
func changedHosts(now trace.Install, before []trace.HostBits) (hosts []views.HostID) {
	in := map[views.HostID]bool{}
	for _, m := range now.Members {
		in[m.Host] = true
		if !slices.Contains(now.Trans, m.Host) {
			hosts = append(hosts, m.Host)
		}
	}
	for _, m := range before {
		if !in[m.Host] {
			hosts = append(hosts, m.Host)
		}
	}
	return hosts
}

// told is what one host tells of one thing, at its time before that host's own install.
type told struct {
	before time.Duration
	host   views.HostID
	by     string
	event  trace.Event
	// times is how often it happened, the last time until before the install.
	times int
	until time.Duration
}

// tell gives what led to the view as lines for people, the install last. A refusal
// that was repeated is one line.
func (found *cause) tell(by string) []told {
	var lines []told
	at := map[trace.Join]int{}
	for _, r := range append(slices.Clone(found.events), found.install) {
		before := r.T.Sub(found.install.T)
		if j, ok := r.Event.(trace.Join); ok && isRefusal(j) {
			if i, known := at[j]; known {
				lines[i].times++
				lines[i].until = before
				continue
			}
			at[j] = len(lines)
		}
		lines = append(lines, told{before: before, host: r.Host, by: by, event: r.Event, times: 1})
	}
	return lines
}
