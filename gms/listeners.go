package gms

import (
	"slices"
	"sync"
)

// listeners are those of a host, and its ports. Delivering never blocks the loop:
// what is not read is counted, and the group slows down to the slowest reader. One
// that does not read at all while that lasts is cut.
type listeners struct {
	backlog
	mu      sync.Mutex
	open    []*Listener
	ports   []*Port
	view    *Snapshot
	blocked bool
	closed  bool
	slow    func()
}

// add opens a listener; its first events are the view and the block it comes into.
func (s *listeners) add(group string) (*Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case len(s.open) >= ListenersMax:
		return nil, ErrBusy
	}
	l := &Listener{set: s, group: group, mailbox: newMailbox(&s.backlog, costOfEvent)}
	s.open = append(s.open, l)
	l.give(GroupEvent{Kind: KindView, View: s.view})
	if s.blocked {
		l.give(GroupEvent{Kind: KindBlock, View: s.view})
	}
	return l, nil
}

// show gives an event to every listener. Snap, if set, is the new view.
func (s *listeners) show(ev GroupEvent, snap *Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snap != nil {
		s.view = snap
	}
	switch ev.Kind {
	case KindBlock:
		s.blocked = true
	case KindUnblock:
		s.blocked = false
	}
	ev.View = s.view
	for _, l := range s.open {
		l.give(ev)
	}
}

// messages gives messages to the listeners of their groups.
func (s *listeners) messages(list []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.open {
		l.giveOwn(s.view, list)
	}
}

// cutStale looks which readers have read since the last look, and cuts those that
// have not for several looks in a row. Those that hold less than their part of a
// window are left alone: it is others for whom the group waits, and one of them
// holds more. Ports are given back: the loop cuts those.
func (s *listeners) cutStale(window int) (ports []*Port) {
	s.mu.Lock()
	least := window / max(1, len(s.open)+len(s.ports))
	open := slices.Clone(s.open)
	for _, p := range s.ports {
		if p.box.isStale(least) {
			ports = append(ports, p)
		}
	}
	s.mu.Unlock()
	for _, l := range open {
		if l.isStale(least) {
			s.slow()
			s.remove(l, ErrSlow)
		}
	}
	return ports
}

// forgive begins the count of looks anew.
func (s *listeners) forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.open {
		l.forgive()
	}
	for _, p := range s.ports {
		p.box.forgive()
	}
}

func (s *listeners) addPort(p *Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports = append(s.ports, p)
}

// removePort ends a port's mailbox.
func (s *listeners) removePort(p *Port, why error) {
	s.mu.Lock()
	s.ports = slices.DeleteFunc(s.ports, func(o *Port) bool { return o == p })
	s.mu.Unlock()
	p.box.end(why)
	p.box.drop()
}

// remove ends a listener and drops what it has not read.
func (s *listeners) remove(l *Listener, why error) {
	s.mu.Lock()
	if i := slices.Index(s.open, l); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
	}
	s.mu.Unlock()
	l.end(why)
	l.drop()
}

// close ends them all; what was delivered can still be read.
func (s *listeners) close() {
	s.mu.Lock()
	open := s.open
	s.open, s.closed = nil, true
	s.mu.Unlock()
	for _, l := range open {
		l.end(ErrClosed)
	}
}
