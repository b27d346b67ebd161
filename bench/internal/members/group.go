package members

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
)

// Group is some members. Its methods are for one goroutine.
type Group struct {
	lab     *netlab.Lab
	members []*Member
	events  chan event
	figures []Figure
	// size and since are of the view that is waited for.
	size  int
	since views.Instant
	fault error
}

// Member is one.
type Member struct {
	process *Process
	in      io.WriteCloser
	// gone: it was told to end, or its end is expected.
	gone, ended bool
	coordinator bool
	// reached is when it first had the view that is waited for; 0: not yet.
	reached views.Instant
	result  *Result
}

// event is what a member said, or its end.
type event struct {
	from  *Member
	said  any
	err   error
	ended bool
}

// NewGroup makes one without members.
func NewGroup(l *netlab.Lab) *Group { return &Group{lab: l, events: make(chan event)} }

// Start starts a member.
func (g *Group) Start(host int, argv ...string) (*Member, error) {
	p, err := newProcess(g.lab, argv)
	if err != nil {
		return nil, err
	}
	m := &Member{process: p}
	if m.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.start(g.lab, host); err != nil {
		return nil, err
	}
	g.members = append(g.members, m)
	go g.listen(m, out)
	return m, nil
}

// listen passes on what a member says until it ends.
func (g *Group) listen(m *Member, out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if said, err := parse(lines.Text()); said != nil || err != nil {
			g.events <- event{from: m, said: said, err: err}
		}
	}
	m.process.reap()
	g.events <- event{from: m, err: lines.Err(), ended: true}
}

func (g *Group) take(e event) {
	m := e.from
	if e.err != nil && !m.gone {
		g.fault = e.err
	}
	if e.ended {
		m.ended = true
		if !m.gone && g.fault == nil {
			g.fault = fmt.Errorf("a member ended by itself: %s: %s", m.process.cmd.ProcessState, m.process.lastWords())
		}
	}
	switch said := e.said.(type) {
	case View:
		m.coordinator = said.Coordinator
		if said.Members == g.size && said.At > g.since && m.reached == 0 {
			m.reached = said.At
		}
	case Result:
		m.result = &said
	case Figure:
		g.figures = append(g.figures, said)
	}
}

// wait takes what members say until a condition holds.
func (g *Group) wait(ctx context.Context, within time.Duration, what string, condition func() bool) error {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for !condition() {
		if g.fault != nil {
			return g.fault
		}
		select {
		case e := <-g.events:
			g.take(e)
		case <-timer.C:
			return fmt.Errorf("%s did not come within %s", what, within)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Rest lets time pass.
func (g *Group) Rest(ctx context.Context, d time.Duration) error {
	over := time.Now().Add(d)
	err := g.wait(ctx, d, "", func() bool { return !time.Now().Before(over) })
	if g.fault == nil && ctx.Err() == nil {
		return nil // what "did not come" was the end of the time
	}
	return err
}

// Reach acts, waits until all members that are not gone had a view of that many
// since, and gives the time from the act to the last of them.
func (g *Group) Reach(ctx context.Context, within time.Duration, size int, act func() error) (time.Duration, error) {
	g.size, g.since = size, tracelog.Now()
	for _, m := range g.members {
		m.reached = 0
	}
	if err := act(); err != nil {
		return 0, err
	}
	err := g.wait(ctx, within, fmt.Sprintf("a view of %d", size), func() bool {
		return !slices.ContainsFunc(g.staying(), func(m *Member) bool { return m.reached == 0 })
	})
	if err != nil {
		return 0, err
	}
	last := g.since
	for _, m := range g.staying() {
		last = max(last, m.reached)
	}
	return last.Sub(g.since), nil
}

// staying are the members that are not gone.
func (g *Group) staying() []*Member {
	return slices.DeleteFunc(slices.Clone(g.members), func(m *Member) bool { return m.gone })
}

// Bystander is a member that does not coordinate.
func (g *Group) Bystander() (*Member, error) {
	for _, m := range g.staying() {
		if !m.coordinator {
			return m, nil
		}
	}
	return nil, errors.New("no member that does not coordinate")
}

// Expect says that a member ends, by itself or by what is done to it.
func (m *Member) Expect() { m.gone = true }

// Kill ends a member at once, without waiting.
func (m *Member) Kill() {
	m.gone = true
	m.process.Signal(syscall.SIGKILL)
}

// Figures waits until all members have ended by themselves, and gives what they
// measured since the last call.
func (g *Group) Figures(ctx context.Context, within time.Duration) ([]Figure, error) {
	for _, m := range g.members {
		m.gone = true
	}
	err := g.wait(ctx, within, "the end of the members", g.allEnded)
	found := g.figures
	g.figures = nil
	return found, err
}

func (g *Group) allEnded() bool {
	return !slices.ContainsFunc(g.members, func(m *Member) bool { return !m.ended })
}

// Close ends all members at once.
func (g *Group) Close() {
	for _, m := range g.members {
		m.Kill()
	}
	for !g.allEnded() {
		g.take(<-g.events)
	}
}
