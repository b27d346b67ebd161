package client

import (
	"fmt"
	"sync"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// incoming is a state that the program reads; its bytes are with the daemon until
// then.
type incoming struct {
	link   *link
	number uint64

	mu   sync.Mutex
	come sync.Cond
	in   clientwire.Incoming
}

// Read waits for some of the state.
func (s *incoming) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		n, grant, err := s.in.Read(p)
		if grant > 0 {
			s.link.free(func(b []byte) []byte {
				return clientwire.AppendMore(b, &clientwire.More{Number: s.number, Bytes: uint64(grant)}) //nolint:gosec // positive
			})
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		s.come.Wait()
	}
}

// Close says that this member has the state.
func (s *incoming) Close() error {
	s.mu.Lock()
	first, over := s.in.Stop(), s.in.Over()
	s.come.Broadcast()
	s.mu.Unlock()
	if first {
		s.link.free(func(b []byte) []byte { return clientwire.AppendStop(b, s.number) })
	}
	if over {
		s.link.forgetState(s.number)
	}
	return nil
}

// change is what the daemon says.
func (s *incoming) change(say func(*clientwire.Incoming) error) error {
	s.mu.Lock()
	err, over := say(&s.in), s.in.Over()
	s.come.Broadcast()
	s.mu.Unlock()
	if over {
		s.link.forgetState(s.number)
	}
	return err
}

// lost ends what did not come whole.
func (s *incoming) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.in.End(fmt.Errorf("%w: %w", member.ErrState, s.link.client.lost(member.ErrLost))) // unless it is whole
	s.come.Broadcast()
}

func (l *link) forgetState(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.states, number)
}

// state tells the program of a state.
func (r *reader) state(body []byte, size int) error {
	s, err := clientwire.ParseState(body)
	if err != nil {
		return err
	}
	group, err := r.group(s.Handle)
	if err != nil {
		return err
	}
	e := &member.Event{Kind: member.KindState, Group: group}
	if s.Number != 0 {
		in := &incoming{link: r.link, number: s.Number}
		in.come.L = &in.mu
		if err := r.link.newStream(s.Number, func() { r.link.states[s.Number] = in }); err != nil {
			return err
		}
		e.State = &member.State{ReadCloser: in, Size: int64(s.Size)} //nolint:gosec // at most StateMax
	}
	r.push(e, size)
	return nil
}

func (r *reader) progress(body []byte, size int) error {
	p, err := clientwire.ParseProgress(body)
	if err != nil {
		return err
	}
	group, err := r.group(p.Handle)
	if err == nil {
		r.push(&member.Event{Kind: member.KindProgress, Group: group, Progress: member.Progress{
			Bytes: int64(p.Bytes), Total: int64(p.Total), //nolint:gosec // at most StateMax
		}}, size)
	}
	return err
}

// newStream notes a stream under a number that is not in use.
func (l *link) newStream(number uint64, add func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
		return member.ErrLost
	case l.states[number] != nil || l.gifts[number] != nil:
		return errBroken
	case len(l.states)+len(l.gifts) >= clientwire.StatesMax+clientwire.GiftsMax:
		return clientwire.ErrLimit
	}
	add()
	return nil
}

// stream takes a frame about a state.
func (l *link) stream(t clientwire.Type, body []byte) error {
	switch t {
	case clientwire.TypePiece:
		p, err := clientwire.ParsePiece(body)
		if err != nil {
			return err
		}
		return l.comes(p.Number, func(in *clientwire.Incoming) error { return in.Take(p.Bytes) })
	case clientwire.TypeEnd:
		e, err := clientwire.ParseEnd(body)
		if err != nil {
			return err
		}
		return l.comes(e.Number, func(in *clientwire.Incoming) error { return in.End(errorOf(e.Code, e.Text)) })
	case clientwire.TypeMore:
		m, err := clientwire.ParseMore(body)
		if err != nil {
			return err
		}
		return l.goes(m.Number, func(o *clientwire.Outgoing) error { return o.More(m.Bytes) })
	case clientwire.TypeStop:
		n, err := clientwire.ParseStop(body)
		if err != nil {
			return err
		}
		return l.goes(n, (*clientwire.Outgoing).Stop)
	default:
		return clientwire.ErrEnum
	}
}

// comes is what the daemon says of a state that comes.
func (l *link) comes(number uint64, say func(*clientwire.Incoming) error) error {
	l.mu.Lock()
	s := l.states[number]
	l.mu.Unlock()
	if s == nil {
		return errBroken
	}
	return s.change(say)
}

// goes is what it says of one that goes.
func (l *link) goes(number uint64, say func(*clientwire.Outgoing) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.gifts[number]
	if d == nil {
		return errBroken
	}
	err := say(&d.out)
	if d.out.Over() {
		delete(l.gifts, number)
	}
	l.room.Broadcast()
	return err
}
