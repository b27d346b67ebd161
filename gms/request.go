package gms

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// A request is an agreed message with a tag; its answers are FIFO messages to the
// same group, which all hosts get and give to the port that asked alone. An
// answer's payload begins with who asked: host, incarnation uv, port uv, number
// of the request uv.

// isRequest tells the tag of a request from that of an answer: it is odd.
func isRequest(tag uint64) bool { return tag&1 != 0 }

// tagOf makes the tag of the n-th request of a port.
func tagOf(n uint64) uint64 { return n<<1 | 1 }

// tagReply is the tag of every answer.
const tagReply = 2

// collecting is a request under way.
type collecting struct {
	group string
	need  member.Need
	// sent is its number among the messages of this host; from the delivery on
	// waiting are those who have not answered.
	waiting   []groups.Member
	want      int
	delivered bool
	replies   []member.Reply
	bytes     int // of the payloads in replies
	done      chan<- answer[[]member.Reply]
}

// Request is described at [member.Port].
func (p *Port) Request(ctx context.Context, group string, payload []byte, need member.Need) ([]member.Reply, error) {
	return p.Ask(ctx, group, payload, need, func() {})
}

// Ask is Request that calls posted once the message waits to be sent: the payload may
// be used again then. On an error it may not have been called.
func (p *Port) Ask(ctx context.Context, group string, payload []byte, need member.Need, posted func()) ([]member.Reply, error) {
	if !need.Valid() {
		need = member.All
	}
	if err := postable(ctx, group, views.Agreed, payload); err != nil {
		return nil, err
	}
	done := make(chan answer[[]member.Reply], 1)
	number, err := askPatiently(ctx, p.host, func(l *loop, reply chan<- answer[uint64]) {
		n, err := l.openRequest(p, group, need, done)
		reply <- answer[uint64]{value: n, err: err}
	})
	if err != nil {
		return nil, p.errorOf(err)
	}
	defer func() { _ = p.host.orderPatiently(context.Background(), func(l *loop) { l.closeRequest(p, number) }) }()
	if err := p.post(ctx, group, views.Agreed, tagOf(number), payload, nil, true); err != nil {
		return nil, err
	}
	posted()
	replies, err := await(ctx, p.host, done)
	return replies, p.errorOf(err)
}

// Reply is described at [member.Port].
func (p *Port) Reply(ctx context.Context, group string, to *member.Message, payload []byte) error {
	head := append(make([]byte, 0, len(payload)+40), to.ID.From.Host[:]...)
	head = binary.AppendUvarint(head, uint64(to.ID.From.Incarnation))
	head = binary.AppendUvarint(head, uint64(to.Port))
	head = binary.AppendUvarint(head, to.Request>>1)
	return p.post(ctx, group, views.FIFO, tagReply, append(head, payload...), nil, true)
}

func (l *loop) openRequest(p *Port, group string, need member.Need, done chan<- answer[[]member.Reply]) (uint64, error) {
	c := l.ports.byNumber[p.number]
	switch {
	case c == nil:
		return 0, member.ErrClosed
	case c.seats[group] == nil || !c.seats[group].joined:
		return 0, groups.ErrNotMember
	case len(c.asked) >= RequestsMax:
		l.host.counts.busy.Add(1)
		return 0, ErrBusy
	}
	c.calls++
	c.asked[c.calls] = &collecting{group: group, need: need, done: done}
	return c.calls, nil
}

func (l *loop) closeRequest(p *Port, number uint64) {
	if c := l.ports.byNumber[p.number]; c != nil {
		c.dropRequest(number)
	}
}

// noteRequests looks for the port's own requests among messages.
func (c *client) noteRequests(run []Message, s *seat, self views.Process) {
	if len(c.asked) == 0 {
		return
	}
	for i := range run {
		if m := &run[i]; m.Port == c.number && isRequest(m.Tag) && m.Msg.From == self {
			c.requestDelivered(m, s.members)
		}
	}
}

// requestDelivered notes who has to answer: those in the view in which the request
// was delivered.
func (c *client) requestDelivered(m *Message, members []groups.Member) {
	q := c.asked[m.Tag>>1]
	if q == nil || q.delivered {
		return
	}
	q.delivered = true
	q.waiting = slices.Clone(members)
	switch q.need {
	case member.First:
		q.want = 1
	case member.Majority:
		q.want = len(members)/2 + 1
	default:
		q.want = len(members)
	}
	c.maybeDone(m.Tag>>1, q)
}

// takeReply takes an answer, if it is for this port.
func (c *client) takeReply(m *Message) {
	var host views.HostID
	if len(m.Payload) < len(host) {
		return
	}
	rest := m.Payload[copy(host[:], m.Payload):]
	var n [3]uint64
	for i := range n {
		v, size := binary.Uvarint(rest)
		if size <= 0 {
			return
		}
		n[i], rest = v, rest[size:]
	}
	self := c.host.start.Process
	if host != self.Host || n[0] != uint64(self.Incarnation) || n[1] != uint64(c.number) {
		return
	}
	q := c.asked[n[2]]
	if q == nil || q.group != m.Group {
		return
	}
	i := slices.IndexFunc(q.waiting, func(w groups.Member) bool { return w.Process == m.Msg.From && w.Port == m.Port })
	if i < 0 {
		return
	}
	if c.answers+len(rest) > AnswersMax {
		c.endRequest(n[2], nil, fmt.Errorf("gms: the answers that the port collects pass %d MiB: %w", AnswersMax>>20, views.ErrTooLong))
		return
	}
	c.answers += len(rest)
	q.bytes += len(rest)
	q.replies = append(q.replies, member.Reply{From: q.waiting[i], Payload: rest})
	q.waiting = slices.Delete(q.waiting, i, i+1)
	c.maybeDone(n[2], q)
}

// viewChanged gives up on those who are gone.
func (c *client) viewChanged(group string, members []groups.Member) {
	for number, q := range c.asked {
		if q.group != group || !q.delivered {
			continue
		}
		q.waiting = slices.DeleteFunc(q.waiting, func(w groups.Member) bool {
			gone := !slices.ContainsFunc(members, func(m groups.Member) bool {
				return m.Process == w.Process && m.Port == w.Port && m.Join == w.Join
			})
			if gone {
				q.replies = append(q.replies, member.Reply{From: w, Gone: true})
			}
			return gone
		})
		c.maybeDone(number, q)
	}
}

// maybeDone answers who asked, once enough have answered or nobody is left.
func (c *client) maybeDone(number uint64, q *collecting) {
	answered := 0
	for i := range q.replies {
		if !q.replies[i].Gone {
			answered++
		}
	}
	if len(q.waiting) > 0 && (q.need == member.All || answered < q.want) {
		return
	}
	c.endRequest(number, q.replies, nil)
}

// endRequest tells who asked, and forgets the request.
func (c *client) endRequest(number uint64, replies []member.Reply, err error) {
	c.asked[number].done <- answer[[]member.Reply]{replies, err}
	c.dropRequest(number)
}

// dropRequest forgets a request, which may be over already.
func (c *client) dropRequest(number uint64) {
	if q := c.asked[number]; q != nil {
		c.answers -= q.bytes
		delete(c.asked, number)
	}
}

func (c *client) endRequests(cause error) {
	for number := range c.asked {
		c.endRequest(number, nil, cause)
	}
}
