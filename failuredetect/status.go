package failuredetect

import (
	"fmt"
	"strings"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// SubjectStatus is what an operator may know of one member.
type SubjectStatus struct {
	Rank uint16
	views.Process
	Name string
	// Role is "observer", "check" or empty: not watched by this host.
	Role string
	// State is "steady", "late", "grave" or "silent"; "failed" where the
	// group's opinion goes further.
	State string
	// Evidence is this host's own doubt.
	Evidence message.Evidence
	// RTT is the smoothed round trip; 0: not measured.
	RTT time.Duration
	// HeardAge is how long ago it was heard; -1: not in this view.
	HeardAge time.Duration
	// Late and Silence are the present deadlines for a ping and a doubt.
	Late, Silence time.Duration
	// Accusers are the ranks that accuse it, ascending.
	Accusers []uint16
}

// Status gives every member but this host, by rank, as of the last call.
func (d *Detector) Status() []SubjectStatus {
	var all []SubjectStatus
	for i := range d.members {
		if r := uint16(i); r != d.self {
			all = append(all, d.status(r))
		}
	}
	return all
}

func (d *Detector) status(r uint16) SubjectStatus {
	m := &d.members[r]
	stretch := d.stretch(d.now)
	s := SubjectStatus{
		Rank: r, Process: m.Process, Name: d.view.Members[r].Name,
		Role: m.role.String(), State: m.phase.String(), Evidence: d.doubt(r),
		RTT: m.link.rtt, HeardAge: -1,
		Late:    d.lateOf(r, stretch),
		Silence: d.silenceOf(d.now, r, stretch),
	}
	if m.heardAt != 0 {
		s.HeardAge = d.now.Sub(m.heardAt)
	}
	if m.failed {
		s.State = "failed"
	}
	for _, v := range m.votes {
		s.Accusers = append(s.Accusers, v.from)
	}
	return s
}

// Bound gives how long after a host falls silent it is failed at the latest,
// as the links to those this host observes are now: the longest silence, one
// list of doubts that is lost, and, where not everyone observes everyone, one
// round in which substitutes take over from observers that fell silent with it.
// Broken links and further rounds take longer, BandDeadline bounds each.
func (d *Detector) Bound() time.Duration {
	stretch := d.stretch(d.now)
	longest := stretched(d.cfg.SilenceMin, stretch, &d.cfg)
	for _, r := range d.watched {
		longest = max(longest, d.silenceOf(d.now, r, stretch))
	}
	bound := longest + d.cfg.AccuseEvery
	if d.active() && !d.ring.everyone() {
		bound += longest - d.cfg.LateMin + d.cfg.AccuseEvery
	}
	return bound
}

// Describe draws the opinions in one line, for transcripts: failed, suspected
// and late members by name, and the accusations that stand.
func (d *Detector) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "failed=%s suspected=%s", d.names(d.failed), d.names(d.suspected))
	for _, r := range d.accused {
		fmt.Fprintf(&b, " %s<-", d.view.Members[r].Name)
		for i, v := range d.members[r].votes {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%s:%s", d.view.Members[v.from].Name, v.evidence)
		}
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{d.unsettled, "unsettled"}, {d.Condemned(), "condemned"}, {d.quietUntil != 0, "quiet"}} {
		if flag.set {
			b.WriteString(" " + flag.name)
		}
	}
	return b.String()
}

// names gives "{h1 h2}".
func (d *Detector) names(ranks []uint16) string {
	var names []string
	for _, r := range ranks {
		names = append(names, d.view.Members[r].Name)
	}
	return "{" + strings.Join(names, " ") + "}"
}
