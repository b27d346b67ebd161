package failuredetect

import (
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// strongGuard is how long after "closed" or "refused" a frame from the same
// process proves nothing.
//
//  1. B sends a heartbeat and is killed. Its kernel closes the sockets.
//  2. A's kernel holds the heartbeat in the UDP socket's buffer and the reset
//     of the tether in the TCP socket's. A happens to read the reset first.
//  3. The heartbeat A reads next is older than the death. If it cleared the
//     doubt, a kill would be noticed after SilenceMin and not at once.
//
// A process that lives on sends again within a beat, or answers the pings that
// strong evidence sets off, after the guard.
const strongGuard = 50 * time.Millisecond

// closedGuard is how long "closed" is not enough for a host that nobody is left to
// contradict: who has seen a connection end dials again at once, and a process that has
// ended is refused by its kernel, which is enough; one that lives answers.
//
//  1. A NAT before B is started anew, or a firewall forgets: all connections of B are
//     reset.
//  2. B doubts all others, so it is the only observer whom it believes, and gives up all.
//  3. A millisecond later it has all connections again, and the group two views.
//
// Only where the dial gets no answer does the end alone count, behind the guard.
const closedGuard = strongGuard

// Names of the detectors in events.
const (
	detectorSilence = "silence"
	detectorSocket  = "socket"
	detectorView    = "view"
	detectorQuorum  = "quorum"
	detectorLink    = "link"
	detectorPause   = "pause"
)

// detectorOf names the detector that finds such evidence.
func detectorOf(ev message.Evidence) string {
	switch {
	case ev == message.EvidenceDeparted:
		return detectorView
	case ev.Strong():
		return detectorSocket
	}
	return detectorSilence
}

// lasting: a frame of the process cannot take it back. Another incarnation in
// its place, or a later view without us, is not undone by a frame that was
// long on the way.
func lasting(ev message.Evidence) bool { return ev >= message.EvidenceReplaced }

// HandleEvidence tells what the operating system, or an answer from its
// address, says of a process. EvidenceNone says that it answers again: that
// takes back all but "departed", and not silence, since the kernel of a
// stopped process accepts connections for it. EvidenceSilent says that what
// carries its frames has lost it: it is asked at once (relay.go); silence itself
// is found here.
func (d *Detector) HandleEvidence(now views.Instant, p views.Process, ev message.Evidence) {
	now = d.enter(now)
	r, ok := d.rank(p)
	if !ok || !ev.Valid() {
		return
	}
	m := &d.members[r]
	if ev == message.EvidenceNone {
		d.restored(r)
		return
	}
	if ev == message.EvidenceSilent {
		d.lost(now, r)
		return
	}
	if ev > m.strong {
		m.strong, m.strongSince = ev, now
		d.noteDoubt(r)
		d.event(trace.Suspect{Who: m.Host, Detector: detectorOf(ev), Evidence: ev.String()})
	}
	m.strongAt = now
	d.probeAfterEvidence(now, r)
}

// HandleDeparted tells that p was seen in a later view without us: it has left
// this one for good.
func (d *Detector) HandleDeparted(now views.Instant, p views.Process) {
	d.HandleEvidence(now, p, message.EvidenceDeparted)
}

func (d *Detector) restored(r uint16) {
	m := &d.members[r]
	if m.strong == message.EvidenceNone || m.strong == message.EvidenceDeparted {
		return
	}
	was := m.strong
	m.strong = message.EvidenceNone
	d.noteDoubt(r)
	if d.doubt(r) == message.EvidenceNone {
		d.event(trace.Trust{Who: m.Host, Detector: detectorOf(was), Evidence: "answers again"})
	}
}

// probeAfterEvidence asks a member whose socket seems gone at once: either it
// answers and the doubt was wrong, or silence confirms it early.
func (d *Detector) probeAfterEvidence(now views.Instant, r uint16) {
	m := &d.members[r]
	if m.role == roleNone || m.phase != steady {
		return
	}
	overdue := now.Add(-d.lateOf(r, d.stretch(now)))
	m.clock = min(m.clock, overdue)
	d.dirty = true
}

// doubt gives this host's own evidence against r; none: it has no doubt.
func (d *Detector) doubt(r uint16) message.Evidence {
	m := &d.members[r]
	if m.strong != message.EvidenceNone {
		return m.strong
	}
	if m.phase == silent {
		return message.EvidenceSilent
	}
	return message.EvidenceNone
}

// noteDoubt records that the doubt of r may have changed.
func (d *Detector) noteDoubt(r uint16) {
	d.doubting = withRank(d.doubting, r, d.doubt(r) != message.EvidenceNone)
	d.rewatchDue, d.dirty = true, true
}

// doubted reports whether the word of r counts for nothing here: this host
// doubts it, or holds it for failed.
func (d *Detector) doubted(r uint16) bool {
	m := &d.members[r]
	return m.failed || m.phase == silent || m.strong != message.EvidenceNone
}
