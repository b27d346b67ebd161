package engine

import (
	"time"

	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
)

// aloneAfter is how long a host is alone until it says which other group it hears: who
// starts beside others of its group meets them in less.
const aloneAfter = 5 * time.Second

// noteSize remembers since when this host has been alone.
func (e *Engine) noteSize(v *views.View) {
	switch {
	case v.Size() > 1:
		e.aloneSince = 0
	case e.aloneSince == 0:
		e.aloneSince = e.now
	}
}

// overhear takes a multicast of another group. Two groups may share an address, so it is
// worth a word only at a host that is alone: perhaps it should be in that one. Nobody is
// answered, as it was not meant for us; a group that is well would answer all that we say.
func (e *Engine) overhear(in *Received, h *wire.Head) {
	if e.aloneSince == 0 || e.now.Sub(e.aloneSince) < aloneAfter || e.cfg.Bystander {
		return
	}
	say := e.guard.notices.note(e.now, noticed{overheard: true, from: in.From, code: views.RefuseGroup})
	e.tellUnread(h, in.From, views.RefuseGroup, say)
}
