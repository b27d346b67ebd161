package engine

import (
	"crypto/ed25519"
	"net/netip"
	"slices"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/rekey"
	"github.com/gmsd/gmsd/internal/seal"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/vsync"
)

// guard seals and signs what this host says, and holds what others say against
// their keys. Without a ring its sealer is nil, and it does nothing.
type guard struct {
	header message.Header
	// multicast: what is for all goes out once.
	multicast bool
	sealer    *seal.Sealer
	rekey     *rekey.Machine
	private   ed25519.PrivateKey
	public    message.Identity
	verify    func(public ed25519.PublicKey, text, signature []byte) bool
	// under names the key of the frame that is read.
	under keys.ID
	// said is the seq of its sender's view in the frame that is read. What somebody says of
	// keys counts in one view, or in the one that we are about to come to: a late word may be
	// of a time before it was alone.
	said views.Seq
	// headSize is how long the header is of the frame that was begun last.
	headSize int
	// opened is the memory of the frame that was opened last, text of what is signed.
	opened, text []byte
	// signed is the message that was signed last, and what became of it: what goes to
	// several one by one is signed once.
	signed  message.Message
	signing *message.Signed
	// expelling are the members that an operator expels, out is when they are.
	expelling []Evict
	notices   notices
	// members are those of the view by address, this host excepted.
	members map[netip.AddrPort]views.HostID
}

func newGuard(cfg *Config, h message.Header) guard {
	g := guard{header: h, multicast: cfg.Multicast}
	if cfg.Ring.IsZero() {
		return g
	}
	g.private, g.verify = cfg.Identity, cfg.Verify
	if g.verify == nil {
		g.verify = ed25519.Verify
	}
	copy(g.public[:], cfg.Identity.Public().(ed25519.PublicKey))
	g.sealer = seal.New(seal.Speaker{Process: h.From, Nonce: h.Nonce}, h.Group)
	g.rekey = rekey.New(rekey.Config{Self: h.From, Ring: cfg.Ring, Random: cfg.Random})
	g.sealer.SetKeys(g.rekey.SealWith(), g.rekey.Accepted())
	g.opened = make([]byte, 0, views.DatagramMax)
	return g
}

// sealing reports whether frames are sealed.
func (g *guard) sealing() bool { return g.sealer != nil }

// Opens reports whether a frame under the key of that name may open here.
func (e *Engine) Opens(id keys.ID) bool { return e.guard.sealing() && e.guard.sealer.Accepts(id) }

// begin gives the header of a frame that is sent in the view of that seq.
func (g *guard) begin(dst []byte, view views.Seq) []byte {
	if !g.sealing() {
		return wire.AppendHeader(dst, g.header)
	}
	at := len(dst)
	dst = wire.AppendSealedHeader(dst, g.header, uint32(g.sealer.Sending()), view)
	g.headSize = len(dst) - at
	return dst
}

// rowOf is the row in which frames of a scope count. What seeks without multicast goes
// to strangers alone: members would miss it in the row of what is for all.
func (g *guard) rowOf(s Scope) seal.Row {
	if s == All || s == Seek && g.multicast {
		return seal.ToAll
	}
	return seal.ToOne
}

// end closes the frame that was begun last.
func (g *guard) end(frame []byte, scope Scope, only views.HostID) []byte {
	if !g.sealing() {
		wire.Sum(frame)
		return frame
	}
	return g.sealer.Close(frame[:g.headSize], frame[g.headSize:], g.rowOf(scope), only)
}

// onlyFor is the member for whom the frame is that begins with this, the zero id where
// it is for others, too, or may be for a stranger.
func (g *guard) onlyFor(s *vsync.Send) (host views.HostID) {
	if s.Scope == Direct && s.Msg != nil && s.Msg.Type().ForOneMember() {
		host = g.members[s.To[0]]
	}
	return host
}

// envelope gives what is sent of a message: the message, or a Signed of it.
func (g *guard) envelope(m message.Message) message.Message {
	if !g.sealing() || !m.Type().SignedByItsSender() {
		return m
	}
	if m == g.signed {
		return g.signing
	}
	body, err := wire.AppendBody(nil, m)
	if err != nil {
		return m // the codec refuses it again where it is sent, and says so
	}
	g.text = wire.AppendSigned(g.text[:0], g.header, m.Type(), body)
	s := &message.Signed{Signature: g.sign(g.text), Inner: m.Type(), Body: body}
	g.signed, g.signing = m, s
	return s
}

// forgetSigned: what is sent later may be another message in the same memory.
func (g *guard) forgetSigned() { g.signed, g.signing = nil, nil }

func (g *guard) sign(text []byte) message.Signature {
	return message.Signature{Key: g.public, Sig: [64]byte(ed25519.Sign(g.private, text))}
}

// signedBy reports whether a host has signed a text.
func (g *guard) signedBy(host views.HostID, s *message.Signature, text []byte) bool {
	return views.HostIDOf(s.Key[:]) == host && g.verify(s.Key[:], text, s.Sig[:])
}

// letter gives the message in an envelope, nil where the signature does not hold.
func (g *guard) letter(h message.Header, s *message.Signed) (message.Message, error) {
	g.text = wire.AppendSigned(g.text[:0], h, s.Inner, s.Body)
	if !g.signedBy(h.From.Host, &s.Signature, g.text) {
		return nil, nil
	}
	return wire.DecodeBody(s.Inner, s.Body)
}

// viewSigner and viewChecker are for the core; nil where nothing is signed.
func (g *guard) viewSigner() func(*message.Install) {
	if !g.sealing() {
		return nil
	}
	private, public, header := g.private, g.public, g.header
	return func(whole *message.Install) {
		if text, err := wire.AppendView(nil, header, whole); err == nil {
			whole.Signature = message.Signature{Key: public, Sig: [64]byte(ed25519.Sign(private, text))}
		}
	}
}

func (g *guard) viewChecker() func(*message.Install) bool {
	if !g.sealing() {
		return nil
	}
	header := g.header
	return func(whole *message.Install) bool {
		text, err := wire.AppendView(nil, header, whole)
		return err == nil && g.signedBy(whole.View.Coordinator, &whole.Signature, text)
	}
}

// deadline is when advanceKeys is to be called.
func (g *guard) deadline() views.Instant {
	if !g.sealing() {
		return 0
	}
	return g.rekey.Deadline()
}

// expel takes the keys from a host, or notes that they are to be taken once it is out of
// the view. Who has lost them already loses nothing more.
func (e *Engine) expel(in Evict) {
	g := &e.guard
	v := e.core.View()
	if !g.sealing() || in.KeepKeys || v.Rank(in.Host) < 0 && g.rekey.Ring().Barred(in.Host) {
		return
	}
	g.expelling = append(g.expelling, in)
	e.finishExpelling(v)
	e.settleKeys()
}

// viewOfKeys tells the keys who is in the new view, and takes them from those that
// an operator expelled and that are out. Along, sorted, are those who came along.
func (e *Engine) viewOfKeys(along []views.HostID) {
	g := &e.guard
	if !g.sealing() {
		return
	}
	v := e.core.View()
	var others []rekey.Peer
	g.members = make(map[netip.AddrPort]views.HostID, v.Size())
	speakers := make([]seal.Speaker, 0, v.Size())
	var brought []views.Process
	for i := range v.Members {
		m := &v.Members[i]
		speakers = append(speakers, seal.Speaker{Process: m.Process, Nonce: m.Nonce})
		if m.Process != e.header.From {
			others = append(others, rekey.Peer{Process: m.Process, Addr: e.addrOf(m)})
			g.members[e.addrOf(m)] = m.Host
			if !cameAlong(along, m.Host) {
				brought = append(brought, m.Process)
			}
		}
	}
	g.sealer.Keep(speakers)
	g.rekey.SetView(e.now, others, v.ID.Coordinator == e.header.From.Host, brought)
	e.finishExpelling(v)
	e.settleKeys()
}

// cameAlong looks a host up in a sorted list.
func cameAlong(along []views.HostID, h views.HostID) bool {
	_, found := slices.BinarySearchFunc(along, h, views.HostID.Compare)
	return found
}

// finishExpelling changes the ring once those that are to be expelled are out.
func (e *Engine) finishExpelling(v *views.View) {
	g := &e.guard
	var out []views.HostID
	made := int64(0)
	g.expelling = slices.DeleteFunc(g.expelling, func(in Evict) bool {
		gone := v.Rank(in.Host) < 0
		if gone {
			out, made = append(out, in.Host), in.At
		}
		return gone
	})
	if len(out) == 0 {
		return
	}
	if err := g.rekey.Expel(e.now, made, out); err != nil {
		e.deliver(KeysFault{Err: err})
	}
}

// takeKeys is for the inputs that concern the ring.
func (e *Engine) takeKeys(in Input) {
	g := &e.guard
	switch in := in.(type) {
	case ChangeKeys:
		e.deliver(KeysChanged{Token: in.Token, ID: in.ID, Err: ErrPlain})
		if g.sealing() {
			id, err := e.changeKeys(in)
			e.out.Deliver[len(e.out.Deliver)-1] = KeysChanged{Token: in.Token, ID: id, Err: err}
		}
	case RingSaved:
		if g.sealing() {
			g.rekey.Saved(e.now, in.Token, in.Err)
		}
	case PollKeys:
		if g.sealing() {
			g.rekey.Poll(e.now, in.Again)
		}
	}
	e.settleKeys()
}

func (e *Engine) changeKeys(in ChangeKeys) (keys.ID, error) {
	r := e.guard.rekey
	switch in.Op {
	case InstallKey:
		return r.Install(e.now, in.At)
	case UseKey:
		return in.ID, r.Use(e.now, in.ID)
	case RemoveKey:
		return in.ID, r.Remove(e.now, in.ID)
	case MergeRing:
		r.Change(e.now, in.Ring)
	}
	return in.ID, nil
}

// advanceKeys asks again where it is time.
func (e *Engine) advanceKeys() {
	if d := e.guard.deadline(); d != 0 && d <= e.now {
		e.guard.rekey.Advance(e.now)
		e.settleKeys()
	}
}

// settleKeys acts on what the ring's machine wants.
func (e *Engine) settleKeys() {
	g := &e.guard
	if !g.sealing() {
		return
	}
	out := g.rekey.Drain()
	if out.Changed {
		g.sealer.SetKeys(g.rekey.SealWith(), g.rekey.Accepted())
		e.out.Keys = &Keys{Sending: g.rekey.SealWith(), Accepted: g.rekey.Accepted(), Ring: g.rekey.Ring()}
	}
	if out.Save != nil {
		e.out.SaveRing = &SaveRing{Token: out.Save.Token, Ring: out.Save.Ring}
	}
	for _, s := range out.Sends {
		e.sendKeys(s)
	}
}

// sendKeys sends a word about keys, under the key that its receiver has.
func (e *Engine) sendKeys(s rekey.Send) {
	g := &e.guard
	if !s.To.IsValid() {
		e.sendAll(s.Msg)
		return
	}
	if s.Under == 0 || s.Under == g.sealer.Sending() || !g.sealer.Accepts(s.Under) {
		e.sendOne(s.To, s.Msg)
		return
	}
	g.sealer.Under(s.Under)
	e.sendOne(s.To, s.Msg)
	g.sealer.Under(0)
}

// takeKeyWord takes a message about keys, whose signature held.
func (e *Engine) takeKeyWord(from vsync.Sender, under keys.ID, m message.Message) {
	g := &e.guard
	peer := rekey.Peer{Process: from.Process, Addr: from.Addr}
	switch m := m.(type) {
	case *message.Keys:
		if e.core.IsMember(from) && g.said >= e.core.View().ID.Seq {
			g.rekey.HandleKeys(e.now, peer, m)
		}
	case *message.KeyAsk:
		if !g.rekey.HandleAsk(e.now, peer, under, m) {
			e.drop(from.Host, "expelled")
		}
	case *message.KeyGrant:
		if err := g.rekey.HandleGrant(e.now, from.Host, m); err != nil {
			e.drop(from.Host, "bad-grant")
		}
	}
	e.settleKeys()
}
