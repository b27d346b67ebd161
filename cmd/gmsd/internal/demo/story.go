package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
)

// Scene is what came of one act that changes who can be in a view.
type Scene struct {
	Act string `json:"act"`
	// At is when the act began, since the first one.
	At time.Duration `json:"atNs"`
	// Took is the time from the act to the last survivor's new view; 0 where
	// nothing had to change.
	Took time.Duration `json:"tookNs"`
	// Sides are the components that had to agree, each with its view.
	Sides []Side `json:"sides"`
	// Doubts are the first suspicions that the act raised.
	Doubts []Doubt `json:"doubts,omitempty"`
	// ViewsMax is the most views any host installed on the way.
	ViewsMax int `json:"viewsMax"`
	// Above is the highest number of a view before the act; 0: there was none.
	Above views.Seq `json:"-"`
	// Cells is the picture: for each host its view's seq, or how it lives.
	Cells []Cell `json:"-"`
}

// Side is one component and its view.
type Side struct {
	View   string        `json:"view"`
	Reason string        `json:"reason"`
	Kind   string        `json:"kind"`
	Hosts  []string      `json:"hosts"`
	Took   time.Duration `json:"tookNs"`
}

// Doubt is a suspicion.
type Doubt struct {
	By       string        `json:"by"`
	Who      string        `json:"who"`
	Detector string        `json:"detector"`
	Evidence string        `json:"evidence"`
	After    time.Duration `json:"afterNs"`
}

// Cell is a host in a picture.
type Cell struct {
	Seq  views.Seq
	View views.ViewID
	Life life
}

// settleTimeout bounds the wait for an act's outcome: several times the worst
// detection bound. Running into it is the failure of the demo.
const settleTimeout = 20 * time.Second

// pollEvery is how often the logs are looked at while an act settles; the
// figures do not depend on it, they come from the lines.
const pollEvery = 3 * time.Millisecond

// story plays a script.
type story struct {
	stage *stage
	cast  *cast
	links links
	logs  []*tracelog.Log
	out   *narrator
	begun views.Instant // of the first act
	act   views.Instant // of the last act
	// scenes so far.
	scenes []Scene
}

// play runs one act and, where it changes who can be in a view, waits for it.
func (s *story) play(ctx context.Context, a Act) error {
	switch a.Verb {
	case Say:
		s.out.say(a.Text)
		return nil
	case Wait:
		return s.wait(ctx, s.act.Add(a.For))
	case Start, Kill, Freeze, Thaw, Leave, Cut, Heal:
	}
	if err := s.stage.play(a); err != nil {
		return err
	}
	above := s.highest()
	begun, err := s.perform(ctx, a)
	if err != nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	if s.begun == 0 {
		s.begun = begun.first
	}
	s.act = begun.last
	s.out.act(a, begun.first.Sub(s.begun))
	scene, err := s.settle(ctx, a, begun.last)
	if err != nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	scene.Above = above
	s.scenes = append(s.scenes, scene)
	s.out.scene(&scene)
	return nil
}

// span is when the first and the last part of an act was done.
type span struct{ first, last views.Instant }

func (s *story) perform(ctx context.Context, a Act) (span, error) {
	begun := span{}
	note := func(at views.Instant) {
		if begun.first == 0 {
			begun.first = at
		}
		begun.last = at
	}
	if a.Verb == Cut || a.Verb == Heal {
		note(tracelog.Now())
		err := s.links.cut(ctx, a.Sides, s.running())
		if a.Verb == Heal {
			note(tracelog.Now()) // the last cable is in
		}
		return begun, err
	}
	for _, h := range a.Hosts {
		at, err := s.each(a.Verb, h)
		if err != nil {
			return begun, err
		}
		note(at)
	}
	return begun, nil
}

func (s *story) each(v Verb, host int) (views.Instant, error) {
	switch v {
	case Start:
		s.logs[host-1].Forget() // the life before
		return s.cast.start(host)
	case Kill:
		return s.cast.signal(host, syscall.SIGKILL)
	case Freeze:
		return s.cast.signal(host, syscall.SIGSTOP)
	case Thaw:
		return s.cast.signal(host, syscall.SIGCONT)
	case Leave:
		return s.cast.signal(host, syscall.SIGTERM)
	case Cut, Heal, Wait, Say:
	}
	return 0, errors.New("not for a host")
}

func (s *story) running() []int {
	var out []int
	for h, l := range s.stage.lives {
		if l == running {
			out = append(out, h+1)
		}
	}
	return out
}

// wait reads the logs until a moment has come.
func (s *story) wait(ctx context.Context, until views.Instant) error {
	for tracelog.Now() < until {
		if err := s.look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look reads the logs once and rests; it finds daemons that died by themselves.
func (s *story) look(ctx context.Context) error {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	for _, l := range s.logs {
		if err := l.Poll(); err != nil {
			return err
		}
	}
	for _, h := range s.running() {
		if err := s.cast.ended(h); err != nil {
			return err
		}
	}
	return nil
}

// highest is the highest number of a view that a host has been in.
func (s *story) highest() (seq views.Seq) {
	for _, l := range s.logs {
		if l.View != nil {
			seq = max(seq, l.View.View.Seq)
		}
	}
	return seq
}

// settle waits until every component agrees.
func (s *story) settle(ctx context.Context, a Act, begun views.Instant) (Scene, error) {
	deadline := begun.Add(settleTimeout)
	if err := s.reapply(ctx, a); err != nil {
		return Scene{Act: a.String()}, err
	}
	for {
		err := s.look(ctx)
		scene, ok := s.measure(a, begun)
		switch {
		case err != nil || ok:
			return scene, err
		case tracelog.Now() > deadline:
			return scene, fmt.Errorf("no agreement within %s: %s", settleTimeout, s.disagreement())
		}
	}
}

// reapply tells a cut to hosts that could not hear of it: just started or thawed.
func (s *story) reapply(ctx context.Context, a Act) error {
	if s.stage.sides == nil || a.Verb != Start && a.Verb != Thaw {
		return nil
	}
	for _, h := range a.Hosts {
		for s.logs[h-1].View == nil {
			if err := s.look(ctx); err != nil {
				return err
			}
		}
	}
	return s.links.cut(ctx, s.stage.sides, s.running())
}

// measure draws what is; ok says that every component agrees.
func (s *story) measure(a Act, begun views.Instant) (Scene, bool) {
	scene := Scene{Act: a.String(), At: begun.Sub(s.begun), Cells: s.cells(), Doubts: unexpected(a, s.doubts(begun))}
	all := true
	for _, component := range s.stage.components() {
		at, ok := tracelog.Agree(s.logsOf(component))
		side := s.side(component)
		if at > begun {
			side.Took = at.Sub(begun)
		}
		scene.Took = max(scene.Took, side.Took)
		scene.Sides = append(scene.Sides, side)
		for _, h := range component {
			scene.ViewsMax = max(scene.ViewsMax, len(s.logs[h-1].InstallsSince(s.firstOf(a, begun))))
		}
		all = all && ok
	}
	return scene, all
}

// firstOf is from when views are counted: at a start of several from the
// first, so that views on the way are not missed.
func (s *story) firstOf(a Act, begun views.Instant) views.Instant {
	if a.Verb == Start && len(a.Hosts) == len(s.logs) {
		return 0
	}
	return begun
}

func (s *story) logsOf(component []int) []*tracelog.Log {
	out := make([]*tracelog.Log, 0, len(component))
	for _, h := range component {
		out = append(out, s.logs[h-1])
	}
	return out
}

func (s *story) side(component []int) Side {
	side := Side{}
	for _, h := range component {
		side.Hosts = append(side.Hosts, hostName(h))
	}
	if v := s.logs[component[0]-1].View; v != nil {
		side.View, side.Reason, side.Kind = v.View.String(), v.Reason.String(), v.Kind.String()
	}
	return side
}

func (s *story) cells() []Cell {
	cells := make([]Cell, len(s.logs))
	for i, l := range s.logs {
		cells[i].Life = s.stage.lives[i]
		if l.View != nil && cells[i].Life == running {
			cells[i].Seq, cells[i].View = l.View.View.Seq, l.View.View
		}
	}
	return cells
}

// doubts are the first suspicion of each suspect since begun.
func (s *story) doubts(begun views.Instant) []Doubt {
	first := map[views.HostID]Doubt{}
	for i, l := range s.logs {
		for _, d := range l.DoubtsSince(begun) {
			after := d.At.Sub(begun)
			if old, known := first[d.Who]; !known || after < old.After {
				first[d.Who] = Doubt{By: hostName(i + 1), Who: s.nameOf(d.Who), Detector: d.Detector, Evidence: d.Evidence, After: after}
			}
		}
	}
	var out []Doubt
	for _, d := range first {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Doubt) int { return int(a.After - b.After) })
	return out
}

// unexpected leaves out what is none of a doubt: who leaves in good order closes its
// connections.
func unexpected(a Act, doubts []Doubt) []Doubt {
	return slices.DeleteFunc(doubts, func(d Doubt) bool {
		return a.Verb == Leave && slices.ContainsFunc(a.Hosts, func(h int) bool { return hostName(h) == d.Who })
	})
}

func (s *story) nameOf(id views.HostID) string {
	for i, l := range s.logs {
		if l.Self.Host == id {
			return hostName(i + 1)
		}
	}
	return id.Short()
}

func (s *story) disagreement() string {
	text := ""
	for h, l := range s.logs {
		if s.stage.lives[h] != running {
			continue
		}
		seen := "no view"
		if l.View != nil {
			seen = fmt.Sprintf("view %s of %d", l.View.View, len(l.View.Members))
		}
		text += hostName(h+1) + ": " + seen + "; "
	}
	return text
}
