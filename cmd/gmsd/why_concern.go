package main

import (
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// closeBefore is how long before a change a refusal may have to do with it, whoever
// was refused.
const closeBefore = time.Second

// concerning leaves of the events before an install those that have to do with it:
// who was refused over and over may have waited for hours beside a group in which
// something else happened.
func concerning(events []trace.Record, install trace.Record, before []trace.HostBits) []trace.Record {
	began := install.T
	for _, r := range events {
		if !isRefusal(r.Event) {
			began = r.T
			break
		}
	}
	hosts := changedHosts(install.Event.(trace.Install), before)
	return slices.DeleteFunc(events, func(r trace.Record) bool {
		j, ok := r.Event.(trace.Join)
		return ok && isRefusal(j) && began.Sub(r.T) > closeBefore && !slices.Contains(hosts, j.Who)
	})
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
