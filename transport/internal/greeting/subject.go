package greeting

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Outcome is what an attempt to reach a process says of it.
type Outcome uint8

// Outcomes.
const (
	// Unknown: nothing.
	Unknown Outcome = iota
	// Refuses: its port does not let us in.
	Refuses
	// Replaced: another process of the host has its place.
	Replaced
	// Alive: it answered.
	Alive
)

// Subject is a watched process as its observer knows it. One goroutine at a time.
type Subject struct {
	Process views.Process
	// reached: the process has greeted us; nonce is then its nonce.
	reached bool
	nonce   uint64
	// told is what was told last, if anything was (spoke).
	told  message.Evidence
	spoke bool
}

// Reached reports whether the process has ever greeted us.
func (s *Subject) Reached() bool { return s.reached }

// Told is the last finding, none where there was none.
func (s *Subject) Told() message.Evidence { return s.told }

// Judge says what a greeting means for the watched process. Another host at the
// address means nothing: addresses move. An earlier incarnation than the one that
// never greeted us is a copy we know nothing of.
func (s *Subject) Judge(p Peer) Outcome {
	switch {
	case p.Host != s.Process.Host:
		return Unknown
	case p.Process == s.Process && (!s.reached || p.Nonce == s.nonce):
		return Alive
	case s.reached || p.Incarnation > s.Process.Incarnation:
		return Replaced
	}
	return Unknown
}

// Greeted takes a greeting in. It gives what it means and, where news, the finding.
func (s *Subject) Greeted(p Peer) (met Outcome, found message.Evidence, news bool) {
	met = s.Judge(p)
	switch met {
	case Alive:
		s.reached, s.nonce = true, p.Nonce
		news = s.tell(message.EvidenceNone)
	case Replaced:
		found = message.EvidenceReplaced
		news = s.tell(found)
	case Unknown, Refuses:
	}
	return met, found, news
}

// Refused takes in that its port refuses. A port that never greeted us may do so
// behind a firewall: that is no news.
func (s *Subject) Refused() bool { return s.reached && s.tell(message.EvidenceRefused) }

// Closed takes in that the peer's kernel ended the connection.
func (s *Subject) Closed() bool { return s.tell(message.EvidenceClosed) }

// tell notes a finding and reports whether it is news.
func (s *Subject) tell(found message.Evidence) bool {
	if s.spoke && s.told == found {
		return false
	}
	s.told, s.spoke = found, true
	return true
}
