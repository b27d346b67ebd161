package clients

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// submitter works the queue of asks off.
type submitter struct {
	*session
	// long is the payload of the parts so far; left is how much comes. held is
	// what it took from the budget of all sessions.
	long       []byte
	left, held int
}

// work submits until the session ends or the client says goodbye.
func (ss *session) work() {
	defer close(ss.asks.ended)
	s := &submitter{session: ss}
	defer s.drop(true)
	for {
		frames := ss.asks.take()
		if frames == nil {
			return
		}
		for len(frames) > 0 {
			t, body, size, _ := clientwire.Cut(frames)
			if ss.ctx.Err() != nil || !s.handle(t, body) {
				return
			}
			ss.took(int64(size))
			frames = frames[size:]
		}
	}
}

// handle does what one frame asks for. It gives false at the end.
func (s *submitter) handle(t clientwire.Type, body []byte) bool {
	var err error
	switch t {
	case clientwire.TypeSend:
		err = s.send(body)
	case clientwire.TypePart:
		err = s.part(body)
	case clientwire.TypeJoin:
		err = s.join(body)
	case clientwire.TypeLeave:
		err = s.leave(body)
	case clientwire.TypeReady:
		err = s.ready(body)
	case clientwire.TypeRequest:
		err = s.ask(body)
	case clientwire.TypeReply:
		err = s.reply(body)
	case clientwire.TypeBind:
		err = s.bind(body)
	case clientwire.TypeCancel:
		err = s.takeBack(body)
	case clientwire.TypeBye:
		s.goodbye()
		return false
	default:
		s.unexpected(t)
	}
	if err != nil {
		s.malformed(t, err)
	}
	return s.ctx.Err() == nil
}

// groupOf gives the group of a number, or ends the session.
func (ss *session) groupOf(t clientwire.Type, handle uint32) (string, error) {
	if g := ss.names.name(handle); g != "" {
		return g, nil
	}
	ss.malformed(t, errNoHandle)
	return "", errNoHandle
}

func (s *submitter) bind(body []byte) error {
	b, err := clientwire.ParseBind(body)
	if err == nil && b.Group == "" {
		err = clientwire.ErrShort
	}
	if err != nil {
		return err
	}
	if why := s.names.bind(b.Handle, b.Group); why != "" {
		return errors.New(why)
	}
	return nil
}

func (s *submitter) takeBack(body []byte) error {
	token, err := clientwire.ParseNumber(body)
	if err == nil {
		s.words.cancel(token)
	}
	return err
}

func (s *submitter) goodbye() {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	s.bye = s.end == nil
}

// part takes a piece of a long payload.
func (s *submitter) part(body []byte) error {
	p, err := clientwire.ParsePart(body)
	if err != nil {
		return err
	}
	if s.held == 0 {
		total := len(p.Bytes) + int(p.Left)
		if total > views.PayloadMax {
			return views.ErrTooLong
		}
		if s.server.large.take(s.ctx, total) != nil {
			return nil // the session has ended, for a reason of its own
		}
		s.held, s.left = total, total
	}
	if s.left-len(p.Bytes) != int(p.Left) {
		return errPartsLength
	}
	s.left = int(p.Left)
	s.long = append(s.long, p.Bytes...)
	return nil
}

// whole gives the payload of a frame with its parts; it is good until drop.
func (s *submitter) whole(parts bool, tail []byte) ([]byte, error) {
	switch {
	case !parts:
		return tail, nil
	case s.held == 0 || len(tail) != s.left:
		return nil, errPartsLength
	}
	return append(s.long, tail...), nil
}

// drop forgets the long payload, if it was used.
func (s *submitter) drop(used bool) {
	if used && s.held > 0 {
		s.server.large.give(s.held)
		s.long, s.left, s.held = nil, 0, 0
	}
}

func (s *submitter) send(body []byte) error {
	m, err := clientwire.ParseSend(body)
	if err != nil {
		return err
	}
	payload, err := s.whole(m.Parts, m.Tail)
	if err != nil {
		return err
	}
	defer s.drop(m.Parts)
	group, err := s.groupOf(clientwire.TypeSend, m.Handle)
	if err != nil {
		return nil //nolint:nilerr // groupOf has ended the session
	}
	if m.Token == 0 {
		s.words.sends.Wait()
		s.posted(s.port.Post(s.ctx, group, m.Order, payload))
		return nil
	}
	s.out.waitRoom()
	if !s.beginToken(clientwire.TypeSend, m.Token, nil) {
		return nil
	}
	s.submitOne(&m, group, payload)
	return nil
}

// posted ends the session where a message without a token cannot be sent: the
// client would not learn it otherwise.
func (s *submitter) posted(err error) {
	if err != nil && s.ctx.Err() == nil {
		s.failWith(err)
	}
}

// submitOne sends with a receipt.
func (s *submitter) submitOne(m *clientwire.Send, group string, payload []byte) {
	token := m.Token
	if s.submit != nil {
		err := s.submit.Submit(s.ctx, group, m.Order, payload, func(r member.Receipt, err error) { s.receipt(token, &r, err) })
		if err != nil {
			s.word(token, err)
		}
		return
	}
	// The port cannot tell us when the message has its place: it has it when the
	// receipt is there.
	s.words.sends.Wait()
	s.words.sends.Add(1)
	s.words.sending.Add(1)
	kept, order := slices.Clone(payload), m.Order
	s.words.running.Go(func() {
		defer s.words.sends.Done()
		r, err := s.port.Send(s.ctx, group, order, kept)
		s.words.sending.Add(-1)
		s.receipt(token, &r, err)
	})
}

func (s *submitter) join(body []byte) error {
	j, err := clientwire.ParseJoin(body)
	if err != nil {
		return err
	}
	group, err := s.groupOf(clientwire.TypeJoin, j.Handle)
	if err != nil {
		return nil //nolint:nilerr // groupOf has ended the session
	}
	if j.State && s.features&clientwire.FeatureState == 0 {
		return errNoFeature
	}
	o := member.Options{Block: j.Block, State: j.State, BlockFor: time.Duration(j.BlockFor) * time.Millisecond}
	s.out.waitRoom()
	s.names.use(j.Handle, 1)
	s.start(clientwire.TypeJoin, j.Token, func(ctx context.Context) error {
		err := s.port.Join(ctx, group, o)
		if err != nil && ctx.Err() == nil {
			s.names.use(j.Handle, -1)
		}
		return err
	})
	return nil
}

func (s *submitter) leave(body []byte) error {
	l, err := clientwire.ParseLeave(body)
	if err != nil {
		return err
	}
	group, err := s.groupOf(clientwire.TypeLeave, l.Handle)
	if err != nil {
		return nil //nolint:nilerr // groupOf has ended the session
	}
	s.out.waitRoom()
	s.start(clientwire.TypeLeave, l.Token, func(ctx context.Context) error { return s.port.Leave(ctx, group) })
	return nil
}

func (s *submitter) ready(body []byte) error {
	h, err := clientwire.ParseHandle(body)
	if err != nil {
		return err
	}
	group, err := s.groupOf(clientwire.TypeReady, h)
	if err == nil {
		s.port.Ready(group)
	}
	return nil //nolint:nilerr // groupOf has ended the session
}

func (s *submitter) ask(body []byte) error {
	q, err := clientwire.ParseRequest(body)
	if err != nil {
		return err
	}
	payload, err := s.whole(q.Parts, q.Tail)
	if err != nil {
		return err
	}
	group, err := s.groupOf(clientwire.TypeRequest, q.Handle)
	if err != nil {
		return nil //nolint:nilerr // groupOf has ended the session
	}
	kept, give := s.keep(q.Parts, payload)
	s.out.waitRoom()
	ask := func(ctx context.Context) error {
		defer give()
		return s.request(ctx, &q, group, kept, give)
	}
	if !s.start(clientwire.TypeRequest, q.Token, ask) {
		give()
	}
	return nil
}

// keep makes a payload good for longer. A long one counts as unfinished until give,
// which may be called more than once.
func (s *submitter) keep(parts bool, payload []byte) (kept []byte, give func()) {
	if !parts {
		return slices.Clone(payload), func() {}
	}
	held := s.held
	s.long, s.left, s.held = nil, 0, 0
	return payload, sync.OnceFunc(func() { s.server.large.give(held) })
}

func (s *submitter) reply(body []byte) error {
	p, err := clientwire.ParseReply(body)
	if err != nil {
		return err
	}
	payload, err := s.whole(p.Parts, p.Tail)
	if err != nil {
		return err
	}
	defer s.drop(p.Parts)
	group, err := s.groupOf(clientwire.TypeReply, p.Handle)
	if err != nil {
		return nil //nolint:nilerr // groupOf has ended the session
	}
	if p.Token != 0 {
		s.out.waitRoom()
		if !s.beginToken(clientwire.TypeReply, p.Token, nil) {
			return nil
		}
	}
	to := member.Message{ID: trace.MsgID{From: p.From, N: p.N}, Port: p.Port, Request: p.Request}
	err = s.port.Reply(s.ctx, group, &to, payload)
	if p.Token != 0 {
		s.word(p.Token, err)
	}
	return nil
}
