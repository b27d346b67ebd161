package sim

import (
	"errors"
	"fmt"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// The fates of what is submitted: each token is answered once, with success in the
// step in which its own host delivers the message, just as it was submitted; or with
// one of the errors of sending, and then the message is never delivered there. Only
// a host that ends otherwise than by its own leave may owe an answer.

// fate is a message whose token was not answered yet.
type fate struct {
	at    views.Instant
	port  uint32
	group string
	order views.Order
	len   int
	sum   uint32
}

func (h *Host) noteSubmitted(in engine.Submit) {
	p := h.proc
	if p.fates == nil {
		p.fates = make(map[uint64]fate)
	}
	for i := range in {
		m := &in[i]
		p.fates[m.Token] = fate{h.w.now, m.Port, m.Group, m.Order, len(m.Payload), checksum(m.Payload)}
	}
}

// noteOwn notes that a message of this process was delivered here.
func (h *Host) noteOwn(p *process, m *engine.Message) {
	if m.Msg.From != p.id || m.Group == "" {
		return
	}
	if p.own == nil {
		p.own = make(map[uint64]*engine.Message)
	}
	p.own[m.Msg.N] = m
}

// takeFate takes the answer for a token.
func (h *Host) takeFate(p *process, d *engine.Submitted) {
	if d.Token == 0 {
		return // of what the host sends for itself
	}
	f, known := p.fates[d.Token]
	if !known {
		h.failFate(p, "token %d is answered (%v), and nothing waits for that", d.Token, d.Err)
		return
	}
	delete(p.fates, d.Token)
	if d.Err != nil {
		h.w.cover.hit(coverSubmitRefused)
		if !errors.Is(d.Err, views.ErrLeaving) && !errors.Is(d.Err, views.ErrTooLong) &&
			!errors.Is(d.Err, views.ErrFull) && !errors.Is(d.Err, views.ErrGroupName) {
			h.failFate(p, "token %d is refused for %v, which is no error of sending", d.Token, d.Err)
		}
		return
	}
	h.w.cover.hit(coverSubmitted)
	m := p.own[d.Msg.N]
	switch {
	case m == nil || m.Msg != d.Msg:
		h.failFate(p, "token %d is answered with %v, which was not delivered just now", d.Token, d.Msg)
		return
	case m.Port != f.port || m.Group != f.group || m.Order != f.order || m.K != d.K || len(m.Payload) != f.len || checksum(m.Payload) != f.sum:
		h.failFate(p, "token %d was submitted as %v of port %d to %q, and is answered with %v, %v of port %d to %q at %d",
			d.Token, f.order, f.port, f.group, d.Msg, m.Order, m.Port, m.Group, m.K)
	}
	delete(p.own, d.Msg.N)
}

// checkAnswered fails a host that delivers its own message and does not say so, or
// that was taken out as it wished and owes an answer. One that nobody took out does
// not know.
func (h *Host) checkAnswered(p *process, out *engine.Output) {
	if h.w.over != "" {
		return
	}
	if len(p.own) > 0 {
		h.failFate(p, "%d messages of its own are delivered and no token is answered for them", len(p.own))
	}
	if out.Stop != nil && out.Stop.How == trace.StopGraceful && out.Stop.Detail == "" && len(p.fates) > 0 {
		h.failFate(p, "it leaves, and %d tokens are not answered", len(p.fates))
	}
}

// judgeFates fails a world in which a token from before the last drain is not
// answered at the end of a stable window.
func (w *World) judgeFates(set HostSet) {
	for _, number := range set.Numbers() {
		h := w.hosts[number]
		if h.proc == nil {
			continue
		}
		late := 0
		for _, f := range h.proc.fates {
			late += int(b2i(f.at < w.drained)) // order-free: a sum
		}
		if late > 0 {
			h.failFate(h.proc, "%d tokens are not answered in the stable window", late)
		}
	}
}

func (h *Host) failFate(p *process, format string, args ...any) {
	h.w.fail("fate", fmt.Sprintf("host %d (%v): ", h.number, p.id)+fmt.Sprintf(format, args...)+"\n"+h.w.DescribeHosts())
}
