package sim

import (
	"errors"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/transfer"
)

// donation is a state that a port gives.
type donation struct {
	m       *membership
	id      transfer.TransferID
	image   image
	work    stateWork
	trouble trouble
	reads   int
}

// trouble is what goes wrong with a transfer, behind so many of its reads or writes.
type trouble struct {
	kind  troubleKind
	after int
	done  bool
}

type troubleKind uint8

// What can go wrong. Of a donor's: it refuses, never answers, or is of these from
// some read on; a liar sends other bytes than it read, with a wrong checksum or a
// right one, or a wrong sum of all. Of a joiner's: its disk.
const (
	noTrouble troubleKind = iota
	troubleRefuse
	troubleSilent
	troubleHang
	troubleRead
	troubleShort
	troubleDamage
	troubleFalse
	troubleSum
	troubleLeave
	troubleGone
	troubleKill
	troubleCut
	troubleWrite
	troubleSeal
	troubleKept
	troubleKinds
)

var (
	troublesOfDonor = []troubleKind{
		troubleRefuse, troubleSilent, troubleHang, troubleRead, troubleShort, troubleDamage, troubleFalse, troubleSum,
		troubleLeave, troubleGone, troubleKill, troubleKill, troubleCut, troubleCut,
	}
	troublesOfJoiner = []troubleKind{
		troubleHang, troubleWrite, troubleSeal, troubleKept, troubleKept, troubleKept, troubleLeave, troubleGone, troubleKill, troubleCut,
	}
)

var troubleNames = [troubleKinds]string{
	"none", "refuse", "silent", "hang", "read", "short", "damage", "false", "sum", "leave", "gone", "kill", "cut", "write", "seal", "kept",
}

// errFull is what a full disk answers.
var errFull = errors.New("no space left on device")

// draw decides how a transfer goes. Hosts and links are touched in mixed seeds
// alone, and nothing goes wrong once a core is healed.
func (k *clients) draw(of []troubleKind) (t trouble) {
	if k.gentle || !chance(k.sr, k.w.opts.Trouble) {
		return trouble{}
	}
	t.kind = of[k.sr.IntN(len(of))]
	if k.w.opts.Profile != Mixed && (t.kind == troubleKill || t.kind == troubleCut) {
		t.kind = troubleGone
	}
	t.after = logBetween(k.sr, 1, 2048) - 1
	k.w.cover.troubles[t.kind]++
	return t
}

// drawIntake decides how a joiner's file goes.
func (k *clients) drawIntake(h *Host, p *process, in *intake) {
	in.trouble = k.takeWord(p)
	if in.trouble.kind == noTrouble {
		in.trouble = k.draw(troublesOfJoiner)
	}
	in.work.pace = k.drawPace()
	in.writes = 0
	if !k.gentle && k.w.opts.Ports > 0 && chance(k.sr, 50_000) {
		in.work.pace = logBetween(k.sr, 100*time.Millisecond, 8*time.Second)
		k.later(h, p, exponential(k.sr, in.work.pace/4), func() { k.flood(in) })
	}
	if in.trouble.after > 0 && in.trouble.kind >= troubleLeave && in.trouble.kind <= troubleCut {
		t := in.trouble.kind
		k.later(h, p, exponential(k.sr, 200*time.Millisecond), func() { h.strike(p, in.m, t) })
	}
}

// flood lets others say much in a group while one of it waits for its state.
func (k *clients) flood(in *intake) {
	if k.gentle || in.m.intake != in {
		return
	}
	from := k.w.hosts[1+k.sr.IntN(int(k.w.opts.Hosts))]
	if !from.Running() || from.proc.view == nil {
		return
	}
	payloads := make([][]byte, floodPieces)
	for i := range payloads {
		payloads[i] = k.long[:floodBytes:floodBytes]
	}
	from.sendFrom(0, in.m.group, views.Order(1+k.sr.IntN(int(views.OrderEnd)-1)), payloads...)
}

// drawPace draws how long an application or a disk takes at a time: a transfer that
// takes a second meets what happens in a second.
func (k *clients) drawPace() time.Duration {
	if k.w.opts.Ports == 0 {
		return 0
	}
	if chance(k.sr, 200_000) {
		return logBetween(k.sr, 10*time.Millisecond, time.Second)
	}
	return logBetween(k.sr, 20*time.Microsecond, 5*time.Millisecond)
}

// takeWord gives what a film wants to go wrong here, once.
func (k *clients) takeWord(p *process) trouble {
	t := p.word
	p.word = trouble{}
	return t
}

// askForState asks the application of a port for its state, at this place.
func (h *Host) askForState(p *process, m *membership, id transfer.TransferID) {
	k := &h.w.work.clients
	h.tell(p, m, check.AppEvent{Kind: check.AppGives, Cut: cutOf(&id), Sum: m.app.sum})
	d := &donation{m: m, id: id, image: k.image(m.group, &m.app)}
	d.trouble = k.takeWord(p)
	if d.trouble.kind == noTrouble {
		d.trouble = k.draw(troublesOfDonor)
	}
	d.work = stateWork{h: h, p: p, pace: k.drawPace(), do: func(j *stateJob) { h.readState(p, d, j.read) }}
	if d.trouble.kind == troubleSilent {
		return
	}
	k.later(h, p, exponential(k.sr, d.work.pace)+time.Microsecond, func() { h.donate(p, d) })
}

// donate hands over the reader.
func (h *Host) donate(p *process, d *donation) {
	if d.trouble.kind == troubleRefuse || !d.m.wanted {
		h.step(engine.Refuse{ID: d.id})
		return
	}
	if p.donations == nil {
		p.donations = make(map[transfer.TransferID]*donation)
	}
	p.donations[d.id] = d
	size := uint64(d.image.size)
	if d.trouble.after&1 == 1 {
		size = 0 // it does not know
	}
	if t := d.trouble.kind; t >= troubleDamage && t <= troubleSum {
		if p.lies == nil {
			p.lies = make(map[transfer.Tag]*donation)
		}
		p.lies[d.id.Tag()] = d
	}
	h.step(engine.Donate{ID: d.id, Size: size})
}

func (h *Host) endDonation(p *process, id transfer.TransferID) {
	if d := p.donations[id]; d != nil {
		d.work.over = true
		delete(p.donations, id)
		delete(p.lies, id.Tag())
	}
}

// joinersGone ends the donations to ports that are out of their group.
func (h *Host) joinersGone(p *process, v *groups.GroupView) {
	for i := range v.Left {
		gone := &v.Left[i]
		for id := range p.donations {
			if id.Group == v.Group && id.Joiner == gone.Process && id.Port == gone.Port {
				p.soon = append(p.soon, engine.EndTransfer{ID: id}) // order-free: at most one has this name
			}
		}
	}
}

// readState reads a piece of a state.
func (h *Host) readState(p *process, d *donation, r *transfer.Read) {
	d.reads++
	k := &h.w.work.clients
	if cap(k.scratch) < r.Size {
		k.scratch = make([]byte, r.Size)
	}
	n, eof := d.image.read(k.scratch[:r.Size], int(r.Offset))
	in := engine.StateRead{ID: r.ID, Index: r.Index, Data: k.scratch[:n], EOF: eof}
	if t := &d.trouble; d.reads > t.after {
		switch t.kind {
		case troubleHang:
			return
		case troubleRead:
			in.Data, in.EOF, in.Err = nil, false, errDisk
		case troubleShort:
			in.Data, in.EOF = in.Data[:n/2], false
		case troubleLeave, troubleGone, troubleKill, troubleCut:
			if !t.done {
				t.done = true
				h.w.after(0, func() { h.strike(p, d.m, t.kind) })
			}
		default: // not of a reader
		}
	}
	if !d.m.wanted && d.trouble.kind == troubleGone {
		in.Data, in.EOF, in.Err = nil, false, errDisk // the reader is gone with its client
	}
	h.step(in)
	if in.EOF || in.Err != nil {
		d.work.over = true
	}
}

// strike ends a port, a daemon or a link in the middle of a transfer.
func (h *Host) strike(p *process, m *membership, what troubleKind) {
	k := &h.w.work.clients
	if h.proc != p || p.paused || !m.wanted || k.steady || k.gentle {
		return
	}
	one := hosts(h.number)
	switch what {
	case troubleLeave:
		h.part(p.port(m.port), m.group, groups.Left)
	case troubleGone:
		h.portGone(p.port(m.port))
	case troubleKill:
		h.w.Inject(Fault{At: h.w.Elapsed(), For: logBetween(k.sr, 5*time.Millisecond, 20*time.Second), Kind: FaultKill, A: one})
	case troubleCut:
		other := hosts(1 + k.sr.IntN(int(h.w.opts.Hosts)))
		h.w.Inject(Fault{At: h.w.Elapsed(), For: logBetween(k.sr, 100*time.Millisecond, 40*time.Second), Kind: FaultPartial, A: one, B: other &^ one})
	default: // nothing that ends anything
	}
}

// troubleAt gives the error of a joiner's disk, if it is time for it.
func troubleAt(in *intake, what troubleKind) error {
	t := &in.trouble
	if t.kind != what || what == troubleWrite && in.writes <= t.after {
		return nil
	}
	return errFull
}

// lie changes what a lying donor sends of a state.
func (h *Host) lie(p *process, packet *engine.Packet) {
	var f wire.Frame
	if err := wire.Decode(packet.Frame, &f); err != nil {
		return
	}
	out, changed := wire.AppendHeader(nil, f.Header), false
	for _, m := range f.Messages {
		if t, ok := m.(*message.Transfer); ok {
			if word, err := transfer.Decode(t.Body); err == nil && p.falsify(word) {
				m, changed = &message.Transfer{Body: word.AppendTo(nil)}, true
			}
		}
		var err error
		if out, err = wire.AppendMessage(out, m); err != nil {
			return
		}
	}
	if changed {
		wire.Sum(out)
		packet.Frame = out
		h.w.cover.hit(coverLied)
	}
}

// falsify changes a donor's word, and reports whether it did.
func (p *process) falsify(word transfer.Message) bool {
	switch w := word.(type) {
	case *transfer.Chunk:
		d := p.lies[w.Tag]
		if d == nil || d.trouble.kind == troubleSum || w.Index < uint64(d.trouble.after/4) {
			return false
		}
		w.Data = append([]byte(nil), w.Data...)
		w.Data[0] ^= 1
		if d.trouble.kind == troubleFalse {
			w.CRC = transfer.ChunkSum(w.Tag, w.Index, w.Data)
		}
		return true
	case *transfer.End:
		d := p.lies[w.Tag]
		if d == nil || d.trouble.kind != troubleSum {
			return false
		}
		w.Sum[0] ^= 1
		return true
	default:
		return false
	}
}
