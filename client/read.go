package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/internal/straight"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
)

// chunkSize is how much is read into one piece of memory; payloads are slices of it.
const chunkSize = 256 << 10

// fault is the end of a link that the daemon, or its bytes, gave the reason of.
type fault struct {
	code clientwire.Code
	err  error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

var errBroken = errors.New("the daemon broke the protocol")

func broken(t clientwire.Type, what any) error {
	return &fault{clientwire.CodeProtocol, fmt.Errorf("%w: %w: type %#x: %v", ErrDaemon, errBroken, byte(t), what)}
}

// reader takes the frames of one link.
type reader struct {
	link *link
	in   *straight.Reader
	// chunk[at:end] was read and is not yet taken.
	chunk   []byte
	at, end int
	// kept: payloads that are slices of chunk were passed on.
	kept    bool
	senders []clientwire.Sender
	events  assembly
	answers assembly
	// woken: events were pushed since the last signal.
	woken bool
}

// assembly puts the parts of one payload together.
type assembly struct {
	bytes []byte
	left  int
}

func (a *assembly) add(body []byte) error {
	p, err := clientwire.ParsePart(body)
	if err != nil {
		return err
	}
	if a.bytes == nil {
		if a.left = len(p.Bytes) + int(p.Left); a.left > views.PayloadMax {
			return views.ErrTooLong
		}
		a.bytes = make([]byte, 0, a.left)
	}
	if a.left -= len(p.Bytes); a.left != int(p.Left) {
		return clientwire.ErrLimit
	}
	a.bytes = append(a.bytes, p.Bytes...)
	return nil
}

// whole gives the payload of a frame, with its parts.
func (a *assembly) whole(parts bool, tail []byte) ([]byte, error) {
	if !parts {
		return tail, nil
	}
	if a.bytes == nil || a.left != len(tail) {
		return nil, clientwire.ErrLimit
	}
	b := append(a.bytes, tail...)
	*a = assembly{}
	return b, nil
}

// frame gives the next one. Its body stays good.
func (r *reader) frame() (t clientwire.Type, body []byte, size int, err error) {
	for {
		t, body, size, err := clientwire.Cut(r.chunk[r.at:r.end])
		if err != nil {
			return 0, nil, 0, broken(0, err)
		}
		if size > 0 {
			r.at += size
			return t, body, size, nil
		}
		if r.woken {
			r.woken = false
			r.link.client.queue.signal()
		}
		r.makeRoom()
		n, err := r.in.Read(r.chunk[r.end:])
		r.end += n
		if n == 0 && err != nil {
			return 0, nil, 0, err
		}
	}
}

// leastRead is the least room for which a read is worth its call.
const leastRead = 4 << 10

// makeRoom takes a new chunk where the frame that has begun, or another read, does
// not fit into this one.
func (r *reader) makeRoom() {
	need := clientwire.HeadSize
	if r.end-r.at >= 4 {
		need = 4 + int(binary.BigEndian.Uint32(r.chunk[r.at:]))
	}
	if r.at+need <= len(r.chunk) && len(r.chunk)-r.end >= leastRead {
		return
	}
	chunk := r.chunk
	if r.kept || chunk == nil {
		chunk, r.kept = make([]byte, chunkSize), false
	}
	r.end = copy(chunk, r.chunk[r.at:r.end])
	r.chunk, r.at = chunk, 0
}

// read takes frames until the link ends, and gives why.
func (r *reader) read() error {
	for {
		t, body, size, err := r.frame()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		r.kept = r.kept || t == clientwire.TypeMessage || t == clientwire.TypeAnswer
		switch {
		case t.Event():
			err = r.event(t, body, size)
		case t.Stream():
			err = r.link.stream(t, body)
		default:
			err = r.word(t, body)
		}
		if err != nil {
			var f *fault
			if !errors.As(err, &f) {
				err = broken(t, err)
			}
			return err
		}
	}
}

// event takes a frame that costs credit.
func (r *reader) event(t clientwire.Type, body []byte, size int) error {
	q := &r.link.client.queue
	switch t {
	case clientwire.TypeMessage:
		return r.message(body, size)
	case clientwire.TypeEventPart:
		r.woken = true
		q.pay(size)
		return r.events.add(body)
	case clientwire.TypeSender:
		q.pay(size)
		return r.sender(body)
	case clientwire.TypeView:
		return r.view(body, size)
	case clientwire.TypeBlock:
		return r.about(body, member.KindBlock, size)
	case clientwire.TypeUnblock:
		return r.about(body, member.KindUnblock, size)
	case clientwire.TypeParted:
		return r.parted(body, size)
	case clientwire.TypeState:
		return r.state(body, size)
	case clientwire.TypeDonate:
		return r.donate(body, size)
	case clientwire.TypeProgress:
		return r.progress(body, size)
	default:
		return clientwire.ErrEnum
	}
}

func (r *reader) push(e *member.Event, size int) {
	r.woken = true
	r.link.client.queue.push(e, size)
}

// group gives the name of a number.
func (r *reader) group(handle uint32) (string, error) {
	name := r.link.names[handle].Load()
	if name == nil {
		return "", errBroken
	}
	return *name, nil
}

func (r *reader) message(body []byte, size int) error {
	m, err := clientwire.ParseMessage(body)
	if err != nil {
		return err
	}
	group, err := r.group(m.Handle)
	if err != nil || int(m.Sender) >= len(r.senders) {
		return errBroken
	}
	payload, err := r.events.whole(m.Parts, m.Tail)
	if err != nil {
		return err
	}
	from := &r.senders[m.Sender]
	r.push(&member.Event{Kind: member.KindMessage, Group: group, Msg: member.Message{
		ID: trace.MsgID{From: from.From, N: m.N}, Port: from.Port, Order: m.Order, K: m.K,
		Transitional: m.Transitional, Request: m.Request, Payload: payload,
	}}, size)
	return nil
}

func (r *reader) sender(body []byte) error {
	s, err := clientwire.ParseSender(body)
	if err != nil {
		return err
	}
	switch n := int(s.Index); {
	case n < len(r.senders):
		r.senders[n] = s
	case n == len(r.senders):
		r.senders = append(r.senders, s)
	default:
		return clientwire.ErrLimit
	}
	return nil
}

func (r *reader) view(body []byte, size int) error {
	f, err := clientwire.ParseView(body)
	if err != nil {
		return err
	}
	group, err := r.group(f.Handle)
	if err != nil {
		return err
	}
	tail, err := r.events.whole(f.Parts, f.Tail)
	if err != nil {
		return err
	}
	v, err := clientwire.ParseGroupView(tail)
	if err != nil {
		return err
	}
	v.Group, v.Ports = group, []uint32{r.link.self.Port}
	r.push(&member.Event{Kind: member.KindView, Group: group, View: &v}, size)
	return nil
}

// about takes a frame that says something of a group.
func (r *reader) about(body []byte, k member.Kind, size int) error {
	h, err := clientwire.ParseHandle(body)
	if err != nil {
		return err
	}
	group, err := r.group(h)
	if err == nil {
		r.push(&member.Event{Kind: k, Group: group}, size)
	}
	return err
}

func (r *reader) parted(body []byte, size int) error {
	p, err := clientwire.ParseParted(body)
	if err != nil {
		return err
	}
	group, err := r.group(p.Handle)
	if err != nil {
		return err
	}
	r.link.parted(p.Handle)
	if p.Why != groups.Left {
		r.link.client.forget(group)
	}
	r.push(&member.Event{Kind: member.KindParted, Group: group, Why: p.Why, Err: errorOf(p.Code, p.Text)}, size)
	return nil
}

// parted frees the number of a group.
func (l *link) parted(number uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.numbers[number]; h.uses > 0 {
		h.uses--
	}
}

// word takes a frame that is free.
func (r *reader) word(t clientwire.Type, body []byte) error {
	l := r.link
	switch t {
	case clientwire.TypeDone:
		token, err := clientwire.ParseNumber(body)
		return known(l.word(token, nil, nil), err)
	case clientwire.TypeFailed:
		f, err := clientwire.ParseFailed(body)
		if err != nil {
			return err
		}
		return known(l.word(f.Token, nil, errorOf(f.Code, f.Text)), nil)
	case clientwire.TypeReceipt:
		return r.receipt(body)
	case clientwire.TypeAnswer:
		return r.answer(body)
	case clientwire.TypeAnswerPart:
		return r.answers.add(body)
	case clientwire.TypeCredit:
		n, err := clientwire.ParseNumber(body)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.credit += int(min(n, clientwire.CreditMax)) //nolint:gosec // bounded
		l.room.Broadcast()
		return err
	case clientwire.TypePing:
		n, err := clientwire.ParseNumber(body)
		l.free(func(b []byte) []byte { return clientwire.AppendPong(b, n) })
		return err
	case clientwire.TypePong:
		_, err := clientwire.ParseNumber(body)
		return err
	case clientwire.TypeError:
		e, err := clientwire.ParseError(body)
		if err != nil {
			return err
		}
		if e.Code == clientwire.CodeNone {
			e.Code = clientwire.CodeInternal
		}
		return &fault{e.Code, errorOf(e.Code, e.Text)}
	default:
		return clientwire.ErrEnum
	}
}

func known(ok bool, err error) error {
	if err == nil && !ok {
		return errBroken
	}
	return err
}

func (r *reader) receipt(body []byte) error {
	x, err := clientwire.ParseReceipt(body)
	if err != nil {
		return err
	}
	receipt := member.Receipt{ID: trace.MsgID{From: r.link.self.Process, N: x.N}, View: x.View, K: x.K}
	return known(r.link.word(x.Token, func(c *call) { c.receipt = receipt }, nil), nil)
}

// answer keeps a reply with its call. Only the reader touches replies before the
// call is done.
func (r *reader) answer(body []byte) error {
	a, err := clientwire.ParseAnswer(body)
	if err != nil {
		return err
	}
	payload, err := r.answers.whole(a.Parts, a.Tail)
	if err != nil {
		return err
	}
	r.link.mu.Lock()
	defer r.link.mu.Unlock()
	c := r.link.calls[a.Token]
	if c == nil {
		return errBroken
	}
	c.replies = append(c.replies, member.Reply{From: a.From, Gone: a.Gone, Payload: payload})
	return nil
}
