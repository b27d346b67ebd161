package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// slowness is an application that does not take what it is given: its host tells
// the engine how far it is behind, and the others must stop sending. Nobody may be
// removed for it, and all is delivered in the end.
type slowness struct {
	// backlog is how many bytes wait, peak the most of them since it begins to
	// fall.
	backlog, peak int
	until         views.Instant
	// got counts what came in view since it was told to stop.
	got  int
	view views.ViewID
}

const (
	// slowTick is how often a slow host looks at its backlog.
	slowTick = 50 * time.Millisecond
	// stopAt is from how many windows of backlog on nothing may be sent.
	stopAt = 4
	// floodPieces messages of floodBytes go to a slow host from each of a few others.
	floodHosts  = 4
	floodPieces = 30
	floodBytes  = 16 << 10
)

// slowDown begins a slow time at a host and lets the others send all they can.
func (k *clients) slowDown(h *Host) {
	p := h.proc
	if p.slow != nil || h.View() == nil || h.View().Size() < 2 {
		return
	}
	k.w.cover.hit(coverSlow)
	window := int(k.w.opts.Window)
	h.fallBehind(window*between(k.r, 1, 7), k.w.opts.prompt(between(k.r, time.Second, 8*time.Second)))
	left := floodHosts
	for _, other := range k.w.hosts[1:] {
		if left == 0 || h.View() == nil {
			return
		}
		if other == h || !other.Running() || other.proc.view == nil || other.proc.view.ID != h.View().ID {
			continue
		}
		left--
		payloads := make([][]byte, floodPieces)
		for i := range payloads {
			payloads[i] = k.long[:floodBytes:floodBytes]
		}
		other.sendFrom(0, groupNames[0], views.Order(k.r.IntN(int(views.OrderEnd))), payloads...)
	}
}

// fallBehind makes the application of a host that far behind for a while.
func (h *Host) fallBehind(bytes int, d time.Duration) {
	p := h.proc
	p.slow = &slowness{backlog: bytes, until: h.w.now.Add(d)}
	h.tellBacklog(p)
	h.w.after(slowTick, func() { h.tickSlow(p) })
}

// tickSlow tells the engine how far the application is behind by now.
func (h *Host) tickSlow(p *process) {
	s := p.slow
	if h.proc != p || s == nil {
		return
	}
	if !p.paused {
		h.countStopped(p)
		if h.w.now >= s.until {
			s.peak = max(s.peak, s.backlog)
			s.backlog = max(0, s.backlog-s.peak/8-1)
		}
		h.tellBacklog(p)
	}
	if s.backlog == 0 && h.proc == p {
		p.slow = nil
		return
	}
	h.w.after(slowTick, func() { h.tickSlow(p) })
}

// tellBacklog tells it where it has changed by a window, as the daemon does.
func (h *Host) tellBacklog(p *process) {
	if in, changed := h.backlog(p); changed {
		h.step(in)
	}
}

// backlog is what the engine is told of how far the applications are behind.
func (h *Host) backlog(p *process) (in engine.Backlog, changed bool) {
	window, bytes := h.w.opts.window(), p.over
	if p.slow != nil {
		bytes += p.slow.backlog
	}
	if bytes/window == p.told/window && bytes != 0 {
		return in, false
	}
	p.told = bytes
	return engine.Backlog{Bytes: bytes}, true
}

// take counts what is delivered to a slow application. What is under way when it
// says stop may come, and what a grant of places lets go; no more.
func (s *slowness) take(h *Host, p *process, bytes int) {
	s.backlog += bytes
	window := h.w.opts.window()
	if p.told/window < stopAt || p.view == nil {
		s.got = 0
		return
	}
	if s.view != p.view.ID {
		s.view, s.got = p.view.ID, 0
	}
	s.got += bytes
	if most := p.view.Size() * (2*window + floodBytes + h.w.opts.longMax()/2); s.got > most {
		h.w.fail("flow", fmt.Sprintf("host %d let nothing be under way, and was given %d bytes in %v since\n%s",
			h.number, s.got, s.view, h.w.DescribeHosts()))
	}
}

// window is how much may be under way in a view.
func (o *Options) window() int {
	if o.Window == 0 {
		return 1 << 20
	}
	return int(o.Window)
}

// countStopped counts the senders that a slow host has stopped.
func (h *Host) countStopped(p *process) {
	if p.told/h.w.opts.window() < stopAt || p.view == nil {
		return
	}
	for _, other := range h.w.hosts[1:] {
		if other != h && other.Running() && other.proc.view != nil && other.proc.view.ID == p.view.ID &&
			strings.Contains(other.proc.eng.Describe(), "slowest="+p.id.Host.Short()+" room=0") {
			h.w.stats.Stopped++
		}
	}
}

// endSlowness lets every application catch up: from now on all is delivered.
func (w *World) endSlowness() {
	w.work.clients.swift = true
	for _, h := range w.hosts[1:] {
		if h.proc != nil && h.proc.slow != nil {
			h.proc.slow.until = 0
		}
	}
}
