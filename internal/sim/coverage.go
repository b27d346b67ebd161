package sim

import (
	"fmt"
	"strings"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/transfer"
)

// Stats count what a run did.
type Stats struct {
	Events, Steps                            uint64
	FramesSent, BytesSent, FramesReceived    uint64
	Records, Installs, Views                 uint64
	Messages, Delivered, Suspicions, Submits uint64
	// GroupViews were given to ports; Safe counts deliveries whose promise was
	// kept, Long those of messages in parts, Stopped senders that found no room
	// because of a slow receiver.
	GroupViews, Safe, Long, Stopped uint64
	// States were taken, StateBytes in all; Resumed of them not from the first donor.
	States, StateBytes, Resumed uint64
}

// Add sums two counts.
func (s *Stats) Add(o *Stats) {
	s.Events += o.Events
	s.Steps += o.Steps
	s.FramesSent += o.FramesSent
	s.BytesSent += o.BytesSent
	s.FramesReceived += o.FramesReceived
	s.Records += o.Records
	s.Installs += o.Installs
	s.Views += o.Views
	s.Messages += o.Messages
	s.Delivered += o.Delivered
	s.Suspicions += o.Suspicions
	s.Submits += o.Submits
	s.GroupViews += o.GroupViews
	s.Safe += o.Safe
	s.Long += o.Long
	s.Stopped += o.Stopped
	s.States += o.States
	s.StateBytes += o.StateBytes
	s.Resumed += o.Resumed
}

// coverSite is a place in the world whose being reached is counted: a site
// that no seed of a large batch reaches is a fault that is not tested.
type coverSite uint8

const (
	coverLost coverSite = iota
	coverMulticastLost
	coverCut
	coverMTU
	coverFull
	coverDuplicated
	coverReordered
	coverClogged
	coverNobody
	coverTooLong
	coverLateWake
	coverEarlyWake
	coverSlowPersist
	coverDiskError
	coverStop
	coverTetherLost
	coverShadow
	coverSubmitted
	coverSubmitRefused
	coverJoin
	coverJoinFailed
	coverPart
	coverPortGone
	coverAsked
	coverCutOff
	coverSlow
	coverStateRefused
	coverNextDonor
	coverNoDonor
	coverGaveUp
	coverKept
	coverHeld
	coverLied
	coverBent
	coverReplays
	coverReplayed
	coverForged
	coverRotated
	coverGranted
	coverGiven
	coverExpelled
	coverAskRefused
	coverOldKey
	coverRingFault
	coverSites
)

var siteNames = [coverSites]string{
	"lost", "multicast-lost", "cut", "mtu", "link-full", "duplicated", "reordered", "clogged",
	"nobody-there", "too-long", "late-wake", "early-wake", "slow-persist", "disk-error", "stopped",
	"tether-lost", "shadow", "submitted", "submit-refused",
	"join", "join-failed", "part", "port-gone", "asked-to-stop", "cut-off", "slow",
	"state-refused", "next-donor", "no-donor", "state-given-up", "kept-read", "held-for-state", "lied",
	"bent", "sent-again", "replayed", "forged", "rotated", "ring-granted", "ring-given", "expelled", "ask-refused", "old-key", "ring-fault",
}

// Coverage counts how often each part of the world was reached.
type Coverage struct {
	sites    [coverSites]uint64
	faults   [faultKinds]uint64
	evidence [8]uint64
	reasons  [16]uint64
	refused  [16]uint64
	// troubles are what went wrong with transfers, transfers why they failed at joiners.
	troubles  [troubleKinds]uint64
	transfers [16]uint64
}

func (c *Coverage) hit(s coverSite) { c.sites[s]++ }

// Add sums two counts.
func (c *Coverage) Add(o *Coverage) {
	for i := range c.sites {
		c.sites[i] += o.sites[i]
	}
	for i := range c.faults {
		c.faults[i] += o.faults[i]
	}
	for i := range c.evidence {
		c.evidence[i] += o.evidence[i]
	}
	for i := range c.reasons {
		c.reasons[i] += o.reasons[i]
	}
	for i := range c.refused {
		c.refused[i] += o.refused[i]
	}
	for i := range c.troubles {
		c.troubles[i] += o.troubles[i]
	}
	for i := range c.transfers {
		c.transfers[i] += o.transfers[i]
	}
}

// Lacking names what a batch must have done to prove something of light groups,
// orders and credits, and has not.
func (s *Stats) Lacking() (list []string) {
	for _, of := range []struct {
		name string
		n    uint64
	}{{"group views", s.GroupViews}, {"safe deliveries", s.Safe}, {"messages in parts", s.Long}, {"senders stopped by a slow receiver", s.Stopped}, {"states taken", s.States}, {"states from a second donor", s.Resumed}} {
		if of.n == 0 {
			list = append(list, of.name)
		}
	}
	return list
}

// Missing names the fault kinds and sites that were never reached.
func (c *Coverage) Missing() []string {
	var list []string
	for k, n := range c.faults {
		if n == 0 {
			list = append(list, "fault "+FaultKind(k).String())
		}
	}
	for s, n := range c.sites {
		if n == 0 && coverSite(s) != coverTooLong && coverSite(s) != coverJoinFailed {
			list = append(list, "site "+siteNames[s])
		}
	}
	return list
}

// String writes the counts, one group a line.
func (c *Coverage) String() string {
	var b strings.Builder
	b.WriteString("faults:")
	for k, n := range c.faults {
		fmt.Fprintf(&b, " %s=%d", FaultKind(k), n)
	}
	b.WriteString("\nsites:")
	for s, n := range c.sites {
		fmt.Fprintf(&b, " %s=%d", siteNames[s], n)
	}
	b.WriteString("\nstates:")
	for t, n := range c.troubles[1:] {
		fmt.Fprintf(&b, " %s=%d", troubleNames[t+1], n)
	}
	b.WriteString("; failed:")
	for r, n := range c.transfers {
		if n > 0 {
			fmt.Fprintf(&b, " %s=%d", transfer.Reason(r), n)
		}
	}
	b.WriteString("\ninstalls by reason:")
	for r := range c.reasons {
		if views.Reason(r).Valid() {
			fmt.Fprintf(&b, " %s=%d", views.Reason(r), c.reasons[r])
		}
	}
	b.WriteString("\nrefused:")
	for r := range c.refused {
		if views.RefuseCode(r).Valid() && r > 0 {
			fmt.Fprintf(&b, " %s=%d", views.RefuseCode(r), c.refused[r])
		}
	}
	b.WriteByte('\n')
	return b.String()
}
