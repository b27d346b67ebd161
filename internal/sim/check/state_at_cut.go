package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gmsd/gmsd/views/trace"
)

// GV9: who takes a state at a cut goes on as its donor does. From the cut on both
// have one label, and with one label states are equal behind each message that is
// not transitional, and at the end of a group view from which both go to the same
// next one. So exactly the messages before the cut are in the state, and exactly
// those behind it follow.

// give notes what a donor has at a cut.
func (c *Checker) give(l *life, a *seat, e *AppEvent) {
	if c.apps.gifts == nil {
		c.apps.gifts = make(map[Cut]*gift)
	}
	g := &gift{sum: e.Sum}
	if l != nil {
		c.checkHasState(l, a, e, "gives its state")
		g.by, g.cur, g.label = l.proc, a.cur, a.label
	}
	if old := c.apps.gifts[e.Cut]; old != nil && (old.by == nil || old.by == g.by || g.by == nil) {
		g.twice = true // twins of one state directory
	}
	c.apps.gifts[e.Cut] = g
}

// takeState holds what a joiner got against what its donor had.
func (c *Checker) takeState(l *life, a *seat, e *AppEvent) {
	c.count(StateAtCut)
	c.checkFirstState(l, a, e)
	a.has, a.wishing, a.label = true, false, 0
	g := c.apps.gifts[e.Cut]
	switch {
	case g == nil:
		c.fail(StateAtCut, l.viewID(), []*proc{l.proc}, "port %d of %q takes a state that nobody gave", e.Port, e.Group)
	case g.twice:
	case g.sum != e.Sum:
		c.fail(StateAtCut, l.viewID(), []*proc{l.proc, g.by}, "port %d of %q takes state %x, its donor had %x at the cut", e.Port, e.Group, e.Sum, g.sum)
	case g.by != nil && g.cur != a.cur:
		c.fail(StateAtCut, l.viewID(), []*proc{l.proc, g.by}, "port %d of %q takes a state cut in %s, being in %s", e.Port, e.Group, c.groupID(g.cur), c.groupID(a.cur))
	default:
		a.label = g.label
	}
}

func (c *Checker) appEnters(l *life, a *seat, e *AppEvent) {
	if a.has && a.label != 0 && a.cur != (trace.GroupID{}) {
		c.compareStates(l, e, appPlace{group: e.Group, cur: a.cur, label: a.label, next: e.ID})
	}
	a.cur = e.ID
	if a.has {
		a.label = e.Sum
	}
}

func (c *Checker) appAfter(l *life, a *seat, e *AppEvent) {
	if c.checkHasState(l, a, e, "is given a message") && a.label != 0 {
		c.compareStates(l, e, appPlace{group: e.Group, cur: a.cur, label: a.label, view: e.View, k: e.K})
	}
}

// checkHasState fails an application that is shown a message, or asked for a state,
// before it has one.
func (c *Checker) checkHasState(l *life, a *seat, e *AppEvent, what string) bool {
	c.count(StateAtCut)
	if !a.has {
		c.fail(StateAtCut, l.viewID(), []*proc{l.proc}, "port %d of %q %s and has none", e.Port, e.Group, what)
	}
	return a.has
}

// compareStates holds a state against the first that was seen at a place.
func (c *Checker) compareStates(l *life, e *AppEvent, at appPlace) {
	c.count(StateAtCut)
	first, known := c.apps.sums[at]
	if !known {
		if c.apps.sums == nil {
			c.apps.sums = make(map[appPlace]appSum)
		}
		c.apps.sums[at] = appSum{l.proc, e.Port, e.Sum}
		return
	}
	if first.sum == e.Sum {
		return
	}
	where := "at the end of " + c.groupID(at.cur)
	if at.k > 0 {
		where = fmt.Sprintf("behind place %d of %s", at.k, c.viewName(at.view))
	}
	c.fail(StateAtCut, l.viewID(), []*proc{l.proc, first.by}, "port %d of %q has state %x %s, port %d of %s has %x",
		e.Port, e.Group, e.Sum, where, first.port, first.by, first.sum)
}

// checkFirstState is GV10's second half: a membership has one state from others, or
// one of its own.
func (c *Checker) checkFirstState(l *life, a *seat, e *AppEvent) {
	c.count(StateWish)
	switch {
	case a.has:
		c.fail(StateWish, l.viewID(), []*proc{l.proc}, "port %d of %q is given a state and has one", e.Port, e.Group)
	case e.Kind == AppTakes && !a.wishing:
		c.fail(StateWish, l.viewID(), []*proc{l.proc}, "port %d of %q is given a state that it did not want", e.Port, e.Group)
	}
}

func sortedSeats(m map[groupPort]*seat) []groupPort {
	return slices.SortedFunc(maps.Keys(m), func(a, b groupPort) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.port, b.port))
	})
}
