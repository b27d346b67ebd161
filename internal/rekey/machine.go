package rekey

import (
	"crypto/ecdh"
	"encoding/binary"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Times and bounds.
const (
	// againEvery is how often is asked again, and told again where a member has not
	// said how far it is.
	againEvery = 500 * time.Millisecond
	// answeredIn is how long the answer to a question may take, which is repeated
	// meanwhile; asksMax bounds the questions that are open.
	answeredIn = 10 * time.Second
	asksMax    = 16
	// pollMax bounds whom one asks in a go how far they are.
	pollMax = 16
	// pastMax bounds the digests that are remembered.
	pastMax = 16
	// strangersEvery is the least time between two questions for frames that did not
	// open, which anybody can bring about; to one address it grows up to strangersMost
	// as long as nothing comes of it. Of so many addresses that is remembered.
	strangersEvery = 200 * time.Millisecond
	strangersMost  = time.Minute
	strangersMax   = 64
)

// Config is what a machine is made from; all of it is needed.
type Config struct {
	Self views.Process
	// Ring is what is on the disk.
	Ring keys.Ring
	// Random is a source fit for secrets.
	Random io.Reader
}

// Peer is a process and where it is reached.
type Peer struct {
	views.Process
	Addr netip.AddrPort
}

// Send is a message for To, or, without one, for all members.
type Send struct {
	To netip.AddrPort
	// Under names the key to seal it with, 0 for the one that seals here: who asks for a
	// ring can open nothing else, nor perhaps who is asked.
	Under keys.ID
	Msg   message.Message
}

// Output is what follows from the inputs since the last Drain.
type Output struct {
	Sends []Send
	// Save, if set, is to be written; then comes Saved with the token. Only the
	// last one counts.
	Save *Save
	// Changed: SealWith or Accepted give something else than before.
	Changed bool
}

// Save is a ring to write.
type Save struct {
	Token uint64
	Ring  keys.Ring
}

// State is how far a host is, for people.
type State struct {
	views.Process
	// Known: it has told.
	Known   bool
	Digest  uint64
	Sending keys.ID
	Has     []keys.ID
}

// Machine is one host's. It is not safe for concurrent use.
type Machine struct {
	cfg Config
	now views.Instant
	out Output

	// ring is the newest known, saved what was on the disk of it last.
	ring, saved keys.Ring
	// sure are the names, rising, of the keys in every ring that may be on the disk: while
	// one is written, or could not be, that may be one of before.
	sure  []keys.ID
	token uint64
	fault error
	// rewrite: the last write has failed, and none is under way.
	rewrite bool
	sending keys.Key
	// retained are removed keys that still open; one that was taken into use again is
	// among them until that is on the disk.
	retained []keys.Key

	members []Peer // of the view by rank, ourselves excepted
	leads   bool
	told    map[views.Process]*message.Keys
	// rotating: not all members have said that they are where we are.
	rotating bool
	// unheard: the coordinator of a view that brought somebody has not said where it is.
	unheard bool
	againAt views.Instant
	asks    []ask
	// strangers are those whose frames do not open, the one asked last in front.
	strangers []stranger
	// past are the digests that our ring had: who has one of them has nothing for us.
	past []uint64
	// poll is whose turn it is to be asked.
	poll int
}

// ask is an open question, which was asked last at.
type ask struct {
	to        netip.AddrPort
	question  *message.KeyAsk
	secret    *ecdh.PrivateKey
	at, until views.Instant
}

// stranger is an address that is asked again later and later.
type stranger struct {
	addr netip.AddrPort
	at   views.Instant
	wait time.Duration
}

// New makes a machine that seals with the key in use.
func New(cfg Config) *Machine {
	return &Machine{
		cfg: cfg, ring: cfg.Ring, saved: cfg.Ring, sure: idsOf(cfg.Ring), sending: cfg.Ring.Using(),
		told: make(map[views.Process]*message.Keys),
	}
}

// SealWith is the key that seals.
func (m *Machine) SealWith() keys.Key { return m.sending }

// Accepted are the keys that open, the one that seals among them.
func (m *Machine) Accepted() []keys.Key {
	var list []keys.Key
	for _, e := range m.ring.Keys() {
		list = append(list, e.Key)
	}
	for _, k := range m.retained {
		if _, live := m.ring.Key(k.ID()); !live {
			list = append(list, k)
		}
	}
	return list
}

// Ring is the newest that is known here.
func (m *Machine) Ring() keys.Ring { return m.ring }

// Fault is why the ring could not be written last, nil where it was.
func (m *Machine) Fault() error { return m.fault }

// Rotating reports whether not all members are as far as this host.
func (m *Machine) Rotating() bool { return m.rotating }

// Drain gives what follows, once.
func (m *Machine) Drain() Output {
	out := m.out
	m.out = Output{}
	return out
}

// Deadline is when Advance must be called, 0 where only an input matters.
func (m *Machine) Deadline() views.Instant { return m.againAt }

// Change puts a ring in the place of the one that is known: an operator's word, a
// file that was read again. It is merged, so nothing that was removed comes back.
func (m *Machine) Change(now views.Instant, r keys.Ring) {
	m.now = now
	m.take(r)
}

// take merges a ring into ours.
func (m *Machine) take(r keys.Ring) {
	next := keys.Merge(m.ring, r)
	if next.Digest() == m.ring.Digest() {
		return
	}
	before := m.Accepted()
	if m.past = append(m.past, m.ring.Digest()); len(m.past) > pastMax {
		m.past = m.past[1:]
	}
	m.ring = next
	for _, k := range before {
		if _, live := next.Key(k.ID()); !live && !slices.Contains(m.retained, k) {
			m.retained = append(m.retained, k)
		}
	}
	m.forgetRetained()
	m.save()
	m.out.Changed = true
	m.rotate()
	m.settle()
}

// forgetRetained forgets those that are live again, on the disk too.
func (m *Machine) forgetRetained() {
	m.retained = slices.DeleteFunc(m.retained, func(k keys.Key) bool {
		_, live := m.ring.Key(k.ID())
		return live && slices.Contains(m.sure, k.ID())
	})
}

func idsOf(r keys.Ring) (ids []keys.ID) {
	for _, e := range r.Keys() {
		ids = append(ids, e.Key.ID())
	}
	return ids
}

func (m *Machine) save() {
	m.sure = slices.DeleteFunc(m.sure, func(id keys.ID) bool {
		_, live := m.ring.Key(id)
		return !live
	})
	m.token++
	m.rewrite = false
	m.out.Save = &Save{Token: m.token, Ring: m.ring}
}

// Saved says that a ring was written, or why not. It is tried again.
func (m *Machine) Saved(now views.Instant, token uint64, err error) {
	m.now = now
	if token != m.token {
		return // a newer one is on its way
	}
	m.fault, m.rewrite = err, err != nil
	if err != nil {
		return
	}
	m.saved, m.sure = m.ring, idsOf(m.ring)
	m.forgetRetained()
	m.tell()
	m.settle()
}

// SetView says who the members are, by rank and ourselves excepted, and whether we
// coordinate; else the first of them does. Brought are those of them who did not come
// along from the view before: what such a one said of itself, as a member of a view that
// this host was left in, is of another time.
func (m *Machine) SetView(now views.Instant, members []Peer, leads bool, brought []views.Process) {
	m.now, m.members, m.leads = now, members, leads
	for p := range m.told { // order-free: each is looked at by itself
		if m.rankOf(p) < 0 || slices.Contains(brought, p) {
			delete(m.told, p)
		}
	}
	some := len(brought) > 0
	if some && leads || m.rotating {
		m.tell()
	}
	if m.unheard = !leads && (some || m.unheard); m.unheard {
		m.again()
	}
	m.settle()
}

func (m *Machine) rankOf(p views.Process) int {
	return slices.IndexFunc(m.members, func(o Peer) bool { return o.Process == p })
}

// rotate begins to see to it that all come where we are.
func (m *Machine) rotate() {
	m.rotating = true
	m.again()
}

// again sees to it that is asked again.
func (m *Machine) again() {
	if m.againAt == 0 {
		m.againAt = m.now.Add(againEvery)
	}
}

// tell says to all how far we are.
func (m *Machine) tell() {
	if len(m.members) > 0 {
		m.out.Sends = append(m.out.Sends, Send{Msg: m.own(false)})
	}
}

func (m *Machine) own(want bool) *message.Keys {
	k := &message.Keys{Digest: m.saved.Digest(), Known: m.ring.Digest(), Sending: uint32(m.sending.ID()), Want: want}
	for _, id := range m.sure {
		k.Has = append(k.Has, uint32(id))
	}
	return k
}

// HandleKeys takes what a member says of itself.
func (m *Machine) HandleKeys(now views.Instant, from Peer, k *message.Keys) {
	m.now = now
	if m.rankOf(from.Process) < 0 {
		return
	}
	m.told[from.Process] = k
	if from.Process == m.members[0].Process {
		m.unheard = false
	}
	if k.Want {
		m.out.Sends = append(m.out.Sends, Send{To: from.Addr, Msg: m.own(false)})
	}
	if !m.agrees(k) {
		if !m.rotating {
			m.rotate()
			m.tell() // it may be us who know more
		}
		m.maybeAsk(from.Addr, k)
	}
	m.settle()
}

// maybeAsk asks a member whose ring may hold something for us.
func (m *Machine) maybeAsk(to netip.AddrPort, k *message.Keys) {
	if k.Known != m.ring.Digest() && !slices.Contains(m.past, k.Known) {
		m.ask(to)
	}
}

// Passed says that a member of our view is in a later one by now, where it seals with that
// key. If that is the one in use, those of our view who have not told that they have it
// are not waited for: that view is over, and who has removed the key that seals here opens
// nothing that we say.
func (m *Machine) Passed(now views.Instant, under keys.ID) {
	m.now = now
	use := m.ring.Using()
	if !slices.Contains(m.sure, use.ID()) || m.sending == use || under != use.ID() {
		return
	}
	m.sending = use
	m.out.Changed = true
	m.tell()
	m.settle()
}

// Met says that a frame of a stranger came that is sealed under a key that does not seal
// here: under that one, or, where that is 0, one that is unknown here.
func (m *Machine) Met(now views.Instant, from netip.AddrPort, under keys.ID) {
	m.now = now
	if len(m.strangers) > 0 && now.Sub(m.strangers[0].at) < strangersEvery {
		return
	}
	s := stranger{addr: from, at: now, wait: strangersEvery}
	if i := slices.IndexFunc(m.strangers, func(o stranger) bool { return o.addr == from }); i >= 0 {
		s = m.strangers[i]
		if now.Sub(s.at) < s.wait {
			return
		}
		s.at, s.wait = now, min(2*s.wait, strangersMost)
		m.strangers = slices.Delete(m.strangers, i, i+1)
	}
	m.strangers = slices.Insert(m.strangers[:min(len(m.strangers), strangersMax-1)], 0, s)
	if under != 0 {
		m.ask(from, under)
		return
	}
	others := make([]keys.ID, 0, len(m.ring.Keys()))
	for _, e := range m.ring.Keys() {
		others = append(others, e.Key.ID())
	}
	m.ask(from, others...)
}

// ask asks for a ring, unless that address was asked just now: with the key that seals
// here, or under each of others, of which we do not know which one opens there. The
// question stays the same while its answer may be on the way.
func (m *Machine) ask(to netip.AddrPort, others ...keys.ID) {
	a := m.openAsk(to)
	if a == nil {
		return
	}
	a.at = m.now
	if len(others) == 0 {
		others = []keys.ID{0}
	}
	for _, under := range others {
		m.out.Sends = append(m.out.Sends, Send{To: to, Under: under, Msg: a.question})
	}
}

// openAsk gives the question to an address, if it is to be asked now. Where too many are
// open, the one that was asked longest ago makes room.
func (m *Machine) openAsk(to netip.AddrPort) *ask {
	m.asks = slices.DeleteFunc(m.asks, func(a ask) bool { return a.until <= m.now })
	due := func(a *ask) bool { return m.now.Sub(a.at) >= againEvery }
	oldest := 0
	for i := range m.asks {
		a := &m.asks[i]
		switch {
		case a.to == to && due(a):
			return a
		case a.to == to:
			return nil
		case a.at < m.asks[oldest].at:
			oldest = i
		}
	}
	if len(m.asks) >= asksMax {
		if !due(&m.asks[oldest]) {
			return nil
		}
		m.asks = slices.Delete(m.asks, oldest, oldest+1)
	}
	secret, err := newSecret(m.cfg.Random)
	if err != nil {
		m.fault = err
		return nil
	}
	public := publicOf(secret)
	m.asks = append(m.asks, ask{
		to: to, question: &message.KeyAsk{Token: tokenOf(public), Public: public}, secret: secret, until: m.now.Add(answeredIn),
	})
	return &m.asks[len(m.asks)-1]
}

// HandleAsk gives our ring to who asks in a frame sealed under that key. It is false
// where that one was expelled, or may be: who is no member and has nothing but a key
// that was removed may be an expelled host under a name that it has drawn since.
func (m *Machine) HandleAsk(now views.Instant, from Peer, under keys.ID, q *message.KeyAsk) bool {
	m.now = now
	_, live := m.ring.Key(under)
	if m.rankOf(from.Process) < 0 && (!live || m.ring.Barred(from.Host)) {
		return false
	}
	secret, err := newSecret(m.cfg.Random)
	if err != nil {
		m.fault = err
		return true
	}
	public := publicOf(secret)
	box, err := boxOf(secret, q.Public, q.Public, public, from.Host, m.cfg.Self.Host)
	if err != nil {
		return true // no key at all: nothing to answer
	}
	m.out.Sends = append(m.out.Sends, Send{
		To: from.Addr, Under: under, Msg: &message.KeyGrant{Token: q.Token, Public: public, Box: putRing(box, m.ring)},
	})
	return true
}

// HandleGrant takes a ring that was asked for; an error where it is none.
func (m *Machine) HandleGrant(now views.Instant, from views.HostID, g *message.KeyGrant) error {
	m.now = now
	i := slices.IndexFunc(m.asks, func(a ask) bool { return a.question.Token == g.Token })
	if i < 0 {
		return nil // late
	}
	a := m.asks[i]
	box, err := boxOf(a.secret, g.Public, publicOf(a.secret), g.Public, m.cfg.Self.Host, from)
	if err != nil {
		return errBox
	}
	r, err := takeRing(box, g.Box)
	if err != nil {
		return err
	}
	m.asks = slices.Delete(m.asks, i, i+1)
	m.take(r)
	return nil
}

// settle uses the key in use where all know this very ring and have that key on their disks,
// and forgets what nobody uses. That a member had the key in another ring does not do: it may
// have come to one since in which it was removed, and has forgotten it. Who knows this ring
// keeps what is in use in it, for it can take in nothing older; and started anew, from what
// is on its disk, it opens the key as well.
func (m *Machine) settle() {
	use := m.ring.Using()
	if slices.Contains(m.sure, use.ID()) && m.sending != use && m.all(func(k *message.Keys) bool {
		return k.Known == m.ring.Digest() && slices.Contains(k.Has, uint32(use.ID()))
	}) {
		m.sending = use
		m.out.Changed = true
		m.tell()
	}
	if m.sending != use || m.saved.Digest() != m.ring.Digest() || !m.all(m.isHere) {
		return
	}
	if len(m.retained) > 0 {
		m.retained = nil
		m.out.Changed = true
	}
	m.rotating = false
	if !m.unheard {
		m.againAt = 0
	}
}

// isHere reports whether a member has said that it is where this host is to come.
func (m *Machine) isHere(k *message.Keys) bool {
	return m.agrees(k) && k.Sending == uint32(m.ring.Using().ID())
}

// agrees reports whether a member knows our ring and has it on its disk.
func (m *Machine) agrees(k *message.Keys) bool {
	d := m.ring.Digest()
	return k.Digest == d && k.Known == d
}

// all reports whether every member has told, and ok holds of it. Outside of a
// rotation nobody has told, and nothing is to be settled.
func (m *Machine) all(ok func(*message.Keys) bool) bool {
	for _, p := range m.members {
		if k := m.told[p.Process]; k == nil || !ok(k) {
			return false
		}
	}
	return true
}

// Advance asks those again that have not said that they are where we are.
func (m *Machine) Advance(now views.Instant) {
	m.now = now
	if m.againAt == 0 || now < m.againAt {
		return
	}
	if m.againAt = 0; m.rotating || m.unheard {
		m.again()
	}
	if m.rewrite {
		m.save()
	}
	if m.rotating {
		m.pollSome()
	} else if m.unheard {
		m.out.Sends = append(m.out.Sends, Send{To: m.members[0].Addr, Msg: m.own(true)})
	}
	m.settle()
}

// pollSome asks the next few of those that are not where we are.
func (m *Machine) pollSome() {
	polled := 0
	for range m.members {
		m.poll = (m.poll + 1) % len(m.members)
		p := m.members[m.poll]
		k := m.told[p.Process]
		if k != nil && m.isHere(k) {
			continue
		}
		if k != nil {
			m.maybeAsk(p.Addr, k)
		}
		m.out.Sends = append(m.out.Sends, Send{To: p.Addr, Msg: m.own(true)})
		if polled++; polled == pollMax {
			return
		}
	}
}

// Poll asks all members how far they are, for States; again, those alone that have
// not answered.
func (m *Machine) Poll(now views.Instant, again bool) {
	m.now = now
	if !again {
		clear(m.told)
		if len(m.members) > 0 {
			m.out.Sends = append(m.out.Sends, Send{Msg: m.own(true)})
		}
		return
	}
	for _, p := range m.members {
		if m.told[p.Process] == nil {
			m.out.Sends = append(m.out.Sends, Send{To: p.Addr, Msg: m.own(true)})
		}
	}
}

// States gives how far each member is, this host first.
func (m *Machine) States() []State {
	list := []State{stateOf(m.cfg.Self, m.own(false))}
	for _, p := range m.members {
		list = append(list, stateOf(p.Process, m.told[p.Process]))
	}
	return list
}

func stateOf(p views.Process, k *message.Keys) State {
	if k == nil {
		return State{Process: p}
	}
	s := State{Process: p, Known: true, Digest: k.Digest, Sending: keys.ID(k.Sending)}
	for _, id := range k.Has {
		s.Has = append(s.Has, keys.ID(id))
	}
	return s
}

// tokenOf makes a question's token of its key, which is drawn for it alone.
func tokenOf(public [32]byte) uint64 { return binary.BigEndian.Uint64(public[:]) }

// Install draws a fresh key and adds it.
func (m *Machine) Install(now views.Instant, made int64) (keys.ID, error) {
	k, err := keys.NewKey(m.cfg.Random)
	if err != nil {
		return 0, err
	}
	return k.ID(), m.change(now, func() (keys.Ring, error) { return m.ring.Install(k, made) })
}

// Use names the key that seals.
func (m *Machine) Use(now views.Instant, id keys.ID) error {
	return m.change(now, func() (keys.Ring, error) { return m.ring.Use(id) })
}

// Remove takes a key out for good.
func (m *Machine) Remove(now views.Instant, id keys.ID) error {
	return m.change(now, func() (keys.Ring, error) { return m.ring.Remove(id) })
}

// Expel makes a fresh key the only one, and bars hosts that are out of the view.
func (m *Machine) Expel(now views.Instant, made int64, hosts []views.HostID) error {
	k, err := keys.NewKey(m.cfg.Random)
	if err != nil {
		return err
	}
	return m.change(now, func() (keys.Ring, error) { return m.ring.Expel(k, made, hosts...) })
}

func (m *Machine) change(now views.Instant, make func() (keys.Ring, error)) error {
	m.now = now
	next, err := make()
	if err == nil {
		m.take(next)
	}
	return err
}
