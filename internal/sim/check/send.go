package check

import (
	"fmt"
	"sort"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// send takes a send record in: what was sent is remembered in the current view
// of its sender until nobody can deliver it there any more.
func (c *Checker) send(l *life, e *trace.Send) {
	c.messages++
	c.count(InitialView)
	c.count(SendingView)
	if e.Msg.From != l.proc.Process {
		c.fail(DeliveryIntegrity, e.View, []*proc{l.proc}, "sends in the name of %s", c.procOf(e.Msg.From))
		return
	}
	if l.cur == nil {
		c.fail(InitialView, e.View, []*proc{l.proc}, "sends %s before its first view", c.msgName(e.Msg))
		return
	}
	v := l.cur.view
	if !sameID(e.View, v.id) {
		c.fail(SendingView, v.id, []*proc{l.proc}, "sends %s in %s, being in another view", c.msgName(e.Msg), c.viewName(e.View))
	}
	c.checkSendInWindow(l, e.Msg)
	if v.retired || !c.checkSentOnce(l, e) {
		return
	}
	class := classOf(e.Order)
	s := v.sender(l.proc)
	s.sent[class] = append(s.sent[class], message{
		n: e.Msg.N, port: e.Port, group: e.Group, length: e.Len, sum: e.Sum, after: l.cur.lastK,
	})
	l.noteSent(v, e.Msg.N)
}

// checkSentOnce is P11 at the sender, and the half of P17 that is the sender's:
// in each class the n of its messages rise.
func (c *Checker) checkSentOnce(l *life, e *trace.Send) bool {
	c.count(NoDuplication)
	class := classOf(e.Order)
	if e.Msg.N > l.maxSent[class] {
		l.maxSent[class] = e.Msg.N
		if s := l.cur.view.senders[l.proc.Process]; s != nil && s.find(1-class, e.Msg.N) != nil {
			c.fail(NoDuplication, l.viewID(), []*proc{l.proc}, "sends %s under both orders", c.msgName(e.Msg))
		}
		return true
	}
	if s := l.cur.view.senders[l.proc.Process]; s != nil && s.find(class, e.Msg.N) != nil || l.sentIn(e.Msg.N) != nil {
		c.fail(NoDuplication, l.viewID(), []*proc{l.proc}, "sends %s a second time", c.msgName(e.Msg))
		return false
	}
	c.fail(FIFOOrder, l.viewID(), []*proc{l.proc}, "sends %s after %d", c.msgName(e.Msg), l.maxSent[class])
	return false
}

// noteSent remembers in which view which n were sent: it outlives the view.
func (l *life) noteSent(v *view, n uint64) {
	if last := len(l.sent) - 1; last >= 0 && l.sent[last].view == v {
		r := &l.sent[last]
		r.first, r.last = min(r.first, n), max(r.last, n)
		return
	}
	l.sent = append(l.sent, sentRange{view: v, first: n, last: n})
}

// sentIn gives the latest view in which a message numbered like n was sent, or nil.
func (l *life) sentIn(n uint64) *view {
	for i := len(l.sent) - 1; i >= 0; i-- {
		if r := &l.sent[i]; r.first <= n && n <= r.last {
			return r.view
		}
	}
	return nil
}

// place finds a message by its n; the sequence is sorted by it.
func (s *sender) place(class int, n uint64) (uint32, bool) {
	sent := s.sent[class]
	i := sort.Search(len(sent), func(i int) bool { return sent[i].n >= n })
	return uint32(i), i < len(sent) && sent[i].n == n
}

func (s *sender) find(class int, n uint64) *message {
	if i, ok := s.place(class, n); ok {
		return &s.sent[class][i]
	}
	return nil
}

func msgName(p *proc, n uint64) string { return fmt.Sprintf("%s#%d", p, n) }

// checkSelfDelivery is P16: who goes on has delivered all that it sent.
func (c *Checker) checkSelfDelivery(l *life, old *visit) {
	s := old.view.senders[l.proc.Process]
	if s == nil {
		return
	}
	c.count(SelfDelivery)
	for class := range classes {
		cur := old.cursor(s.slot, class)
		if missing, ok := cur.firstMissing(uint32(len(s.sent[class]))); ok {
			c.fail(SelfDelivery, old.view.id, []*proc{l.proc}, "leaves the view without its own %s message %s",
				orderOf(class), msgName(l.proc, s.sent[class][missing].n))
			return
		}
	}
}

func orderOf(class int) views.Order {
	if class == 1 {
		return views.Agreed
	}
	return views.FIFO
}

// firstMissing gives the first place before end that was not delivered.
func (u *cursor) firstMissing(end uint32) (uint32, bool) {
	missing, found := end, u.next < end
	if found {
		missing = u.next
	}
	for place := range u.skipped {
		if place < missing {
			missing, found = place, true
		}
	}
	return missing, found
}
