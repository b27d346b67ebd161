package groups

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
)

// stage is a world whose hosts' events and controls are kept for a look.
type stage struct {
	*world
	t *testing.T
}

// together puts n hosts into one view, settled.
func together(t *testing.T, n int) *stage {
	s := &stage{newWorld(n, t.Errorf), t}
	s.view(s.hosts, nil)
	s.rest()
	return s
}

func (s *stage) join(host int, port uint32, group string, block bool) {
	s.t.Helper()
	if err := s.hosts[host].join(port, group, block); err != nil {
		s.t.Fatal(err)
	}
}

// heard gives what the ports of a host were told since the last look.
func (h *host) heard() []Event {
	e := h.log
	h.log = nil
	return e
}

// told draws the events of a host since the last look, one a line.
func (h *host) told() string {
	var lines []string
	for _, e := range h.heard() {
		lines = append(lines, draw1(e))
	}
	return strings.Join(lines, "\n")
}

func draw1(e Event) string {
	switch e := e.(type) {
	case GroupView:
		out := fmt.Sprintf("%s %v: %s", e.Group, e.Ports, short(e.Members))
		if len(e.Joined) > 0 {
			out += " joined " + short(e.Joined)
		}
		for _, d := range e.Left {
			out += fmt.Sprintf(" %s %s", d.Why, short([]Member{d.Member}))
		}
		if e.ID.K == 0 {
			out += " at install"
		}
		if e.ID.Side > 0 {
			out += fmt.Sprintf(" of side %d", e.ID.Side)
		}
		return out
	case Handover:
		from := short([]Member{e.Donor})
		if e.First {
			from = "first"
		} else if e.Donor.Port == 0 {
			from = "nobody"
		}
		return fmt.Sprintf("%s: cut for %s from %s", e.Group, short([]Member{e.Joiner}), from)
	case Block:
		return fmt.Sprintf("%s %v: block", e.Group, e.Ports)
	case JoinFailed:
		return fmt.Sprintf("%s [%d]: %v", e.Group, e.Port, e.Err)
	case Parted:
		return fmt.Sprintf("%s [%d]: parted, %s", e.Group, e.Port, e.Why)
	}
	return "?"
}

// short draws members as host:port.
func short(members []Member) string {
	var out []string
	for _, m := range members {
		out = append(out, fmt.Sprintf("%d:%d", m.Host[0], m.Port))
	}
	return "{" + strings.Join(out, " ") + "}"
}

func (s *stage) expect(host int, lines ...string) {
	s.t.Helper()
	if got, want := s.hosts[host].told(), strings.Join(lines, "\n"); got != want {
		s.t.Errorf("host %d was told\n%s\nwant\n%s", host+1, got, want)
	}
}

// forget drops what was told so far.
func (s *stage) forget() {
	for _, h := range s.hosts {
		h.log = nil
	}
}

// controls is how many controls of a kind the present view carries.
func (h *host) controls(kind byte) int {
	n := 0
	for _, c := range h.at.order {
		if c.body[1] == kind {
			n++
		}
	}
	return n
}

// say puts a control of a host's own making into the order.
func (s *stage) say(host int, body []byte) {
	h := s.hosts[host]
	h.at.order = append(h.at.order, sent{from: h.p, body: body})
}

func viewID(s *stage, host int) views.ViewID { return s.hosts[host].at.view.ID }
