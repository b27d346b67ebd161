package gossip

import (
	"time"

	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
)

// tellAll tells a member who is registered in its group. Under s.mu.
func (s *Server) tellAll(m *member, g *group) {
	now := time.Now()
	var w listing
	for _, id := range inOrder(g.lives) {
		if e, ok := g.entry(id, s.id, now); ok {
			w.entry(m.out, &e)
		}
	}
	w.end(m.out)
	m.out.Urge(stream.Piece{Kind: relay.KindSynced})
}

// listing writes entries, or lives that are gone, as many in a piece as may be.
type listing struct {
	kind  byte
	body  []byte
	count int
}

func (w *listing) entry(out *stream.Writer, e *relay.Entry) {
	w.begin(out, relay.KindEntries)
	w.body = relay.AppendEntry(w.body, e)
}

func (w *listing) gone(out *stream.Writer, group uint64, l relay.Life) {
	w.begin(out, relay.KindGone)
	w.body = relay.AppendGone(w.body, group, l)
}

func (w *listing) begin(out *stream.Writer, kind byte) {
	if w.kind != kind || w.count == relay.EntriesMax {
		w.end(out)
	}
	w.kind = kind
	w.count++
}

func (w *listing) end(out *stream.Writer) {
	if w.count > 0 {
		out.Urge(stream.Piece{Kind: w.kind, Body: w.body})
	}
	w.body, w.count = w.body[:0], 0
}

// news has the members of a group told how a life stands: at once, or a moment after
// they were told the last two times. Of one that ends a mesh has news twice: this router
// has lost it, and so has the other. Under s.mu.
func (s *Server) news(g *group, l *life) {
	g.changed[l.Life()] = true
	if g.timer || s.closed {
		return
	}
	wait := 2*s.times.news - time.Since(g.toldBefore)
	if wait <= 0 {
		s.tellNews(g)
		return
	}
	g.timer = true
	s.wg.Go(func() {
		if greeting.Sleep(s.ctx, wait) {
			s.mu.Lock()
			defer s.mu.Unlock()
			g.timer = false
			s.tellNews(g)
		}
	})
}

func (s *Server) tellNews(g *group) {
	now := time.Now()
	g.toldBefore, g.toldAt = g.toldAt, now
	changed := inOrder(g.changed)
	for m := range g.members {
		var entries, gone listing
		for _, id := range changed {
			if e, ok := g.entry(id, s.id, now); ok {
				entries.entry(m.out, &e)
			} else {
				gone.gone(m.out, g.hash, id)
			}
		}
		entries.end(m.out)
		gone.end(m.out)
	}
	clear(g.changed)
}
