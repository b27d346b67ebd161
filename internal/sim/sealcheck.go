package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// What sealed worlds demand, under the name "seal" what concerns frames and under
// "keys" what concerns rings:
//
//	a frame is sealed, or it is a notice
//	who begins to use a key in a view is understood by all of it, and stays so
//	a frame opens once in a life
//	nothing is forged but what was changed on its way or led astray, and no signature
//	is ever bad
//	in a settled group all have one ring, on their disks, too, and seal with its key

// sealedLife is what the world knows of the frames of one life of a daemon.
type sealedLife struct {
	// opened are the tags of frames that came when their key was known.
	opened map[[tagBytes]byte]bool
	// bent counts the frames that came changed or astray, forged those that it threw away.
	bent, forged uint64
	// key is the last one with which it spoke to all, view that in which it did. Could
	// says of keys in which view they were opened last.
	key   keys.ID
	view  views.ViewID
	could map[keys.ID]views.ViewID
	// hears: a frame is being read.
	hears bool
}

// tagBytes of the end of a frame tell it from all others.
const tagBytes = 16

// openedMax bounds what is remembered of a life.
const openedMax = 1 << 15

func (w *World) failSeal(h *Host, format string, args ...any) {
	w.fail("seal", fmt.Sprintf("host %d (%v): ", h.number, h.proc.id)+fmt.Sprintf(format, args...)+"\n"+w.DescribeHosts())
}

// judgeFrame holds a frame that goes out against the rules.
func (h *Host) judgeFrame(packet *engine.Packet) {
	p := h.proc
	if p == nil || p.sealer() == nil {
		return
	}
	head, err := wire.DecodeHeader(packet.Frame)
	switch {
	case err != nil:
		h.w.failSeal(h, "a frame goes out without a header: %v", err)
	case !head.Sealed:
		if !isNotice(packet.Frame) {
			h.w.failSeal(h, "a frame that is no notice goes out plain")
		}
	case packet.Scope == engine.All && head.From == p.id:
		h.judgeReaders(p, &head)
	}
}

// isNotice reports whether a plain frame holds a word that anybody may say, alone.
func isNotice(frame []byte) bool {
	var f wire.Frame
	if err := wire.Decode(frame, &f); err != nil || len(f.Messages) != 1 {
		return false
	}
	refuse, ok := f.Messages[0].(*message.Refuse)
	return ok && refuse.Code.Unproven()
}

// judgeReaders: when a host begins to use a key in a view, all members open it, unless
// it follows one of them into a later view, and none of them forgets it while it is used
// there. Where rings differ as hosts meet in a new view, it takes a moment until all have
// what all say.
func (h *Host) judgeReaders(p *process, head *wire.Head) {
	v, key := p.eng.View(), keys.ID(head.Key)
	if v == nil || v.ID.Seq != head.View || p.shadow {
		return
	}
	begins := p.sealed.view == v.ID && p.sealed.key != key
	if begins {
		h.w.cover.hit(coverRotated)
	}
	p.sealed.key, p.sealed.view = key, v.ID
	for _, o := range h.w.hosts[1:] {
		if o == h || o.proc == nil || o.proc.shadow || v.RankOf(o.proc.id) < 0 {
			continue
		}
		theirs := o.proc.eng.View()
		switch {
		case theirs == nil || theirs.ID != v.ID:
		case o.proc.sealer().Opens(key):
			o.proc.sealed.opensIn(v.ID, key)
		case begins && h.w.wasPassed(v, key):
		case begins:
			h.w.failSeal(h, "it begins to speak to all of %v under key %v, which host %d does not open", v.ID, key, o.number)
		case o.proc.sealed.could[key] == v.ID:
			h.w.failSeal(h, "it speaks to all of %v under key %v, which host %d has forgotten", v.ID, key, o.number)
		}
	}
}

// wasPassed reports whether a member of a view is in a later one and seals with that key.
func (w *World) wasPassed(v *views.View, key keys.ID) bool {
	for _, o := range w.hosts[1:] {
		if o.proc == nil || o.proc.shadow || v.RankOf(o.proc.id) < 0 {
			continue
		}
		if now := o.proc.eng.View(); now != nil && now.ID.Seq > v.ID.Seq && o.proc.sealer().Keys().Sending == key {
			return true
		}
	}
	return false
}

func (l *sealedLife) opensIn(v views.ViewID, key keys.ID) {
	if l.could == nil {
		l.could = make(map[keys.ID]views.ViewID)
	}
	l.could[key] = v
}

// receiveSealed hands a frame to the engine, which must not read it twice.
func (h *Host) receiveSealed(in engine.Received, bent bool) {
	p := h.proc
	s := p.sealer()
	if bent {
		p.sealed.bent++
	}
	head, err := wire.DecodeHeader(in.Frame)
	if s == nil || bent || err != nil || !head.Sealed || !s.Opens(keys.ID(head.Key)) {
		h.hear(p, in)
		return
	}
	tag := [tagBytes]byte(in.Frame[len(in.Frame)-tagBytes:])
	if !p.sealed.opened[tag] {
		p.sealed.remember(tag)
		h.hear(p, in)
		return
	}
	before := readBy(s)
	h.hear(p, in)
	if now := readBy(s); now != before && h.proc == p {
		h.w.failSeal(h, "it has read a frame twice: %d messages, before %d", now, before)
	}
}

func (h *Host) hear(p *process, in engine.Received) {
	p.sealed.hears = true
	h.step(in)
	p.sealed.hears = false
}

func (l *sealedLife) remember(tag [tagBytes]byte) {
	if l.opened == nil || len(l.opened) >= openedMax {
		l.opened = make(map[[tagBytes]byte]bool)
	}
	l.opened[tag] = true
}

// readBy counts what an engine has read.
func readBy(s sealing) (n uint64) {
	for _, in := range s.Traffic().In {
		n += in
	}
	return n
}

// judgeDrop looks at what an engine threw away.
func (h *Host) judgeDrop(p *process, d trace.Drop) {
	switch d.Reason {
	case "replayed":
		h.w.cover.hit(coverReplayed)
	case "expelled":
		h.w.cover.hit(coverAskRefused)
	case "old-key":
		h.w.cover.hit(coverOldKey)
	case "forged":
		h.w.cover.hit(coverForged)
		if p.sealed.forged += d.Count; p.sealed.forged > p.sealed.bent && !h.strange {
			h.w.failSeal(h, "%d frames are forged to it, and %d were changed on their way", p.sealed.forged, p.sealed.bent)
		}
	case "bad-signature", "not-signed", "bad-grant", "signed":
		h.w.failSeal(h, "it dropped %d of %s: %s", d.Count, h.w.DrawHost(d.From), d.Reason)
	}
}

// noteBarred counts those that are expelled, and the rings that come to a host that
// is alone.
func (h *Host) noteBarred(r keys.Ring) {
	if h.proc.sealed.hears && h.proc.view != nil && h.proc.view.Size() == 1 {
		h.w.cover.hit(coverGranted)
	}
	for _, o := range h.w.hosts[1:] {
		if r.Barred(o.disk.id) && !h.disk.rings.ring.Barred(o.disk.id) {
			h.w.cover.hit(coverExpelled)
		}
	}
}

// takeKeysChanged holds an answer to the operator against the errors there are.
func (h *Host) takeKeysChanged(d engine.KeysChanged) {
	h.w.operator.answer = d
	if d.Err != nil && !errors.Is(d.Err, keys.ErrFull) && !errors.Is(d.Err, keys.ErrInUse) &&
		!errors.Is(d.Err, keys.ErrRemoved) && !errors.Is(d.Err, keys.ErrUnknown) {
		h.w.fail("keys", fmt.Sprintf("host %d answers an operator with %v, which is no error of rings", h.number, d.Err))
	}
}

// askMost is how long an engine may wait until it asks again one that has not
// answered for long: so much later a group can come together whose rings differ.
const askMost = time.Minute

// keysBound is what the bound of convergence is longer by.
func (w *World) keysBound(set HostSet) time.Duration {
	newest := w.newestRing(set).Digest()
	for _, number := range set.Numbers() {
		if r, _ := w.hosts[number].ringOf(); r.Digest() != newest {
			return askMost
		}
	}
	return 0
}

// rotatesMost is how long a settled group may look as if it rotated: what a member said of
// itself long ago may come at any time, where it was never heard, and is asked about.
const rotatesMost = 5 * time.Second

// judgeKeys fails a settled group that has not settled its keys. All of it has been
// in one view for twenty seconds, and each step of a rotation is said again twice a
// second: to sixteen members at a time.
func (w *World) judgeKeys(set HostSet) {
	if w.opts.Sealed == 0 || w.stopped() {
		return
	}
	if _, rotates := w.unsettledKeys(set); rotates {
		w.RunFor(w.opts.patience(rotatesMost))
	}
	if fault, _ := w.unsettledKeys(set); fault != "" && !w.stopped() {
		w.fail("keys", fault)
	}
}

// unsettledKeys says whose keys are not settled; empty: all are. Rotates: they are, but
// some wait for the others to say so.
func (w *World) unsettledKeys(set HostSet) (fault string, rotates bool) {
	newest := w.newestRing(set)
	for _, number := range set.Numbers() {
		h := w.hosts[number]
		if h.proc == nil || h.proc.sealer() == nil {
			continue
		}
		s := h.proc.sealer().Keys()
		file := h.disk.rings.ring.Digest()
		settled := s.Ring.Digest() == newest.Digest() && file == newest.Digest() && s.Sending == newest.Using().ID() && s.Fault == nil
		if settled && !s.Rotating {
			continue
		}
		fault = fmt.Sprintf("%s is settled, and host %d has %v (all: %v), in its file %v, seals with %v, rotates: %t, fault %v\n%s",
			set, number, s.Ring, newest, h.disk.rings.ring, s.Sending, s.Rotating, s.Fault, w.DescribeHosts())
		if !settled {
			return fault, false
		}
		rotates = true
	}
	return fault, rotates
}
