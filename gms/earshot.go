package gms

import (
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// earshotAfter is how long multicast must not have worked with somebody until that is
// said: by then it is known of all of them.
const earshotAfter = 2 * time.Second

// earshot says once that multicast does not work with some members, and once that it
// works with all again.
type earshot struct {
	members []engine.OutOfEarshot
	sayAt   views.Instant // 0: there is nothing to say
	said    bool
}

// takeEarshot notes with whom multicast does not work now.
func (l *loop) takeEarshot(e engine.Earshot) {
	s := &l.seeker.ears
	s.members = e.Members
	switch {
	case len(e.Members) == 0 && s.said:
		l.log.Info("multicast passes between this host and all members again")
		*s = earshot{}
	case len(e.Members) == 0:
		*s = earshot{}
	case !s.said && s.sayAt == 0:
		s.sayAt = l.now.Add(earshotAfter)
		l.seeker.lookAt = min(l.seeker.lookAt, s.sayAt)
	}
}

// watchEarshot says it when it is time.
func (l *loop) watchEarshot() {
	s := &l.seeker.ears
	if s.sayAt == 0 || l.now < s.sayAt {
		return
	}
	s.said, s.sayAt = true, 0
	var unheard, deaf []string
	for _, m := range s.members {
		if m.Unheard {
			unheard = append(unheard, m.Name)
		}
		if m.Deaf {
			deaf = append(deaf, m.Name)
		}
	}
	l.log.Warn("multicast does not pass between this host and other members; membership goes on by unicast",
		"not heard here", unheard, "do not hear us", deaf, "cure", "let the multicast group pass, or use transport udp")
}
