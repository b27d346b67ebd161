package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Detectors that are told in words of their own: quorum counts what others say, pause
// is this host's own, flow finds who holds up all.
const (
	detectorQuorum = "quorum"
	detectorPause  = "pause"
	detectorFlow   = "flow"
)

// inWords says what the causes of a phase mean.
var inWords = map[string]string{
	"strangers-met":      "hosts outside the view were met, and are taken in",
	"member-lost":        "a member is lost",
	"member-leaving":     "a member leaves, or was put out",
	"left-out":           "it was decided without this host, whose answer came too late",
	"messages-missing":   "messages have to be fetched first",
	"patience":           "its coordinator took too long",
	"coordinator-failed": "its coordinator is gone",
	"nack":               "members had promised a later one",
}

// unread says why frames of a host are not read.
var unread = map[string]string{
	views.RefuseVersion.String(): "its version speaks another protocol",
	views.RefuseKey.String():     "they are sealed with a key of another group",
	views.RefuseOldKey.String():  "they are sealed with a key that was removed",
	views.RefusePlain.String():   "they are not sealed",
	views.RefuseSealed.String():  "they are sealed, and one side has no key",
	views.RefuseGroup.String():   "they are of another group",
}

// words tells one thing in words.
func (l *told) words(name func(views.HostID) string) string {
	if _, last := l.event.(trace.Install); last {
		return "installed it"
	}
	text := describeCause(l.event, l.host, name)
	if l.times > 1 {
		text += fmt.Sprintf(", %d times until %v", l.times, l.until.Round(10*time.Microsecond))
	}
	return text
}

// describeCause tells one event of a host in words.
func describeCause(event trace.Event, host views.HostID, name func(views.HostID) string) string {
	switch e := event.(type) {
	case trace.Suspect:
		return describeSuspicion(e, host, name)
	case trace.Trust:
		return fmt.Sprintf("trusted %s again (%s): %s", name(e.Who), e.Detector, e.Evidence)
	case trace.Pause:
		return fmt.Sprintf("noticed that this host itself had stood still for %s", e.For)
	case trace.Join:
		return describeVerdictOnJoin(e, host, name)
	case trace.Phase:
		text := fmt.Sprintf("%s for view %s", e.Phase, e.Ballot)
		if e.Cause != "" {
			text += ": " + cmp.Or(inWords[e.Cause], e.Cause)
		}
		return text
	case trace.Laggard:
		return fmt.Sprintf("waited for %s: %s", name(e.Who), e.Step)
	case trace.Block:
		return "stopped sending, to complete view " + e.View.String()
	}
	return event.Name()
}

func describeSuspicion(e trace.Suspect, host views.HostID, name func(views.HostID) string) string {
	switch {
	case e.Detector == detectorQuorum:
		return fmt.Sprintf("gave up %s, corroborated by %s", name(e.Who), e.Evidence)
	case e.Detector == detectorPause && e.Who == host:
		return "noticed that this host itself was " + e.Evidence
	case e.Detector == detectorFlow:
		return fmt.Sprintf("put out %s, for which all waited: it %s", name(e.Who), e.Evidence)
	}
	return fmt.Sprintf("suspected %s (%s): %s", name(e.Who), e.Detector, e.Evidence)
}

// describeVerdictOnJoin tells from whose side it is: of a host that names itself
// another one has said that it cannot read it, and it does not know who that is.
func describeVerdictOnJoin(e trace.Join, host views.HostID, name func(views.HostID) string) string {
	why, isUnread := unread[e.Code]
	switch {
	case e.Verdict == trace.JoinAccept && e.Who == host:
		return "began as a group of its own"
	case e.Verdict == trace.JoinAccept:
		return "took in " + name(e.Who)
	case e.Verdict == trace.JoinRetry:
		return strings.TrimSpace(fmt.Sprintf("told %s to ask again: %s", name(e.Who), e.Code))
	case e.Who == host:
		return fmt.Sprintf("was told by another host that it does not read this one's frames (%s): %s", e.Code, cmp.Or(why, e.Code))
	case isUnread:
		return fmt.Sprintf("did not read the frames of %s (%s): %s", name(e.Who), e.Code, why)
	}
	return fmt.Sprintf("refused %s: %s", name(e.Who), e.Code)
}
