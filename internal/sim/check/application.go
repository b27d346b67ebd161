package check

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// Applications with a state. A log does not say what an application made of its
// messages: a harness that plays the applications does, by [Checker.App]. The state
// is a function of the placed messages that a port was given, in their order, and
// Sum stands for it.

// AppKind is what an application did.
type AppKind uint8

// What an application does. Sum is that of its state behind it.
const (
	// AppWishes: the port joins and wants the state. One that does not wish has a
	// state of its own from AppBegins on.
	AppWishes AppKind = iota
	// AppEnters: it is shown the group view ID.
	AppEnters
	// AppBegins: it makes a state of its own.
	AppBegins
	// AppGives: at Cut it is asked for the state, and Sum is what it then has.
	AppGives
	// AppTakes: it has got the state of Cut, in which Sum stands.
	AppTakes
	// AppAfter: it was given the message at place K of View, not as transitional.
	AppAfter
	// AppEnds: its membership is over, or was given up.
	AppEnds
)

// Cut names the place of the agreed order behind which a joiner wants to go on.
type Cut struct {
	Group  string
	View   views.ViewID
	K      views.Position
	Joiner views.Process
	Port   uint32
}

// AppEvent is something that the application of a port did.
type AppEvent struct {
	Kind  AppKind
	Group string
	Port  uint32
	ID    trace.GroupID
	Cut   Cut
	View  views.ViewID
	K     views.Position
	Sum   uint64
	// Unknown: not all that this application did before was told, so that only the
	// sum of what it gives counts.
	Unknown bool
}

// seat is the application of a port in a group.
type seat struct {
	// wishing until it has the state.
	wishing, has bool
	cur          trace.GroupID
	// label is common to those in cur that have had one state at some place of it;
	// zero where nothing is known.
	label uint64
}

// gift is what a donor had at a cut.
type gift struct {
	by    *proc
	cur   trace.GroupID
	label uint64
	sum   uint64
	// twice: two that share a process id have given it.
	twice bool
}

// appPlace is a place at which states with one label are equal: behind a message, or
// at the end of a group view, which next follows.
type appPlace struct {
	group string
	cur   trace.GroupID
	label uint64
	view  views.ViewID
	k     views.Position
	next  trace.GroupID
}

// appSum is the state that was seen first at a place.
type appSum struct {
	by   *proc
	port uint32
	sum  uint64
}

// apps is what is known of the applications.
type apps struct {
	gifts map[Cut]*gift
	sums  map[appPlace]appSum
}

// App takes what the application of a port of a living process did.
func (c *Checker) App(s Stream, p views.Process, e AppEvent) {
	c.tick++
	l := c.lives[lifeKey{p, s}]
	switch {
	case e.Kind == AppGives && (l == nil || e.Unknown):
		c.give(nil, nil, &e)
		return
	case l == nil || l.ended || e.Unknown:
		return
	}
	key := groupPort{e.Group, e.Port}
	a := l.apps[key]
	if a == nil {
		if l.apps == nil {
			l.apps = make(map[groupPort]*seat)
		}
		a = &seat{}
		l.apps[key] = a
	}
	switch e.Kind {
	case AppWishes:
		a.wishing = true
	case AppEnters:
		c.appEnters(l, a, &e)
	case AppBegins:
		c.checkFirstState(l, a, &e)
		a.has, a.wishing, a.label = true, false, e.Sum
	case AppGives:
		c.give(l, a, &e)
	case AppTakes:
		c.takeState(l, a, &e)
	case AppAfter:
		c.appAfter(l, a, &e)
	case AppEnds:
		delete(l.apps, key)
	}
}

// Rest says that nothing is under way any more: each living application that wants
// a state must have it.
func (c *Checker) Rest() {
	c.tick++
	for _, l := range c.logged {
		if l.ended {
			continue
		}
		for _, key := range sortedSeats(l.apps) {
			c.count(StateWish)
			if l.apps[key].wishing {
				c.fail(StateWish, l.viewID(), []*proc{l.proc}, "port %d of %q still waits for the state", key.port, key.group)
			}
		}
	}
}
