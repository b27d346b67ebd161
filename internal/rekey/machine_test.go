package rekey

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// group is machines joined by a network that loses and shuffles.
type group struct {
	t     *rapid.T
	now   views.Instant
	hosts []*station
	wire  []letter
	loss  int // in a hundred
}

type station struct {
	*Machine
	peer Peer
	disk keys.Ring
	// saves are the write under way and the one that waits for it.
	saves []Save
}

// letter is a message on its way, sealed under a key.
type letter struct {
	from, to int
	under    keys.ID
	msg      message.Message
}

func peerN(n int) Peer {
	return Peer{views.Process{Host: views.HostID{byte(n + 1)}, Incarnation: 1}, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)}), 7)}
}

func ringOf(n byte) keys.Ring { return keys.NewRing(keys.KeyOf([keys.Size]byte{n}), 0) }

func newGroup(t *rapid.T, n int, seed uint64, rings ...keys.Ring) *group {
	g := &group{t: t, now: 1}
	for i := range n {
		r := rings[min(i, len(rings)-1)]
		p := peerN(i)
		g.hosts = append(g.hosts, &station{peer: p, disk: r, Machine: New(Config{
			Self: p.Process, Ring: r, Random: rand.NewChaCha8([32]byte{byte(seed), byte(i)}),
		})})
	}
	return g
}

// view makes the hosts of these numbers a view.
func (g *group) view(in ...int) {
	for at, i := range in {
		var others []Peer
		for _, o := range in {
			if o != i {
				others = append(others, peerN(o))
			}
		}
		g.hosts[i].SetView(g.now, others, at == 0, processesOf(others))
		g.drain(i)
	}
}

func processesOf(peers []Peer) (list []views.Process) {
	for _, p := range peers {
		list = append(list, p.Process)
	}
	return list
}

// drain puts what a host says on the wire, sealed as it seals, and on its disk.
func (g *group) drain(i int) {
	h := g.hosts[i]
	out := h.Drain()
	if out.Save != nil { // of those that wait only the last one is written
		h.saves = append(h.saves[:min(len(h.saves), 1)], *out.Save)
	}
	for _, s := range out.Sends {
		for o := range g.hosts {
			if o == i || s.To.IsValid() && s.To != peerN(o).Addr || !s.To.IsValid() && h.rankOf(peerN(o).Process) < 0 {
				continue
			}
			under := h.SealWith().ID()
			if s.Under != 0 {
				under = s.Under
			}
			g.wire = append(g.wire, letter{i, o, under, s.Msg})
		}
	}
}

// step lets one thing happen: a letter, a write, or time.
func (g *group) step() {
	switch n := rapid.IntRange(0, 9).Draw(g.t, "step"); {
	case n < 6 && len(g.wire) > 0:
		at := rapid.IntRange(0, len(g.wire)-1).Draw(g.t, "letter")
		l := g.wire[at]
		g.wire = slices.Delete(g.wire, at, at+1)
		if rapid.IntRange(0, 99).Draw(g.t, "loss") >= g.loss {
			g.deliver(l)
		}
	case n < 8:
		g.write(rapid.IntRange(0, len(g.hosts)-1).Draw(g.t, "disk"), rapid.IntRange(0, 9).Draw(g.t, "fault") == 0)
	default:
		g.pass(time.Duration(rapid.IntRange(1, 600).Draw(g.t, "ms")) * time.Millisecond)
	}
	g.check()
}

func (g *group) deliver(l letter) {
	h := g.hosts[l.to]
	from := peerN(l.from)
	if !slices.ContainsFunc(h.Accepted(), func(k keys.Key) bool { return k.ID() == l.under }) {
		h.Met(g.now, from.Addr, 0)
		g.drain(l.to)
		return
	}
	switch m := l.msg.(type) {
	case *message.Keys:
		h.HandleKeys(g.now, from, m)
	case *message.KeyAsk:
		h.HandleAsk(g.now, from, l.under, m)
	case *message.KeyGrant:
		if err := h.HandleGrant(g.now, from.Host, m); err != nil {
			g.t.Fatalf("a grant: %v", err)
		}
	}
	g.drain(l.to)
}

func (g *group) write(i int, fails bool) {
	h := g.hosts[i]
	if len(h.saves) == 0 {
		return
	}
	s := h.saves[0]
	h.saves = h.saves[1:]
	if fails {
		h.Saved(g.now, s.Token, errors.New("no space"))
	} else {
		h.disk = s.Ring
		h.Saved(g.now, s.Token, nil)
	}
	g.drain(i)
}

func (g *group) pass(d time.Duration) {
	g.now = g.now.Add(d)
	for i, h := range g.hosts {
		if at := h.Deadline(); at != 0 && at <= g.now {
			h.Advance(g.now)
			g.drain(i)
		}
	}
}

// check: what a member seals now, every member can open now.
func (g *group) check() {
	for _, a := range g.hosts {
		for _, p := range a.members {
			b := g.hosts[int(p.Host[0])-1]
			if b.rankOf(a.peer.Process) >= 0 && !slices.Contains(b.Accepted(), a.SealWith()) {
				g.t.Fatalf("%v seals with %v, %v opens %v", a.peer.Host.Short(), a.SealWith(), b.peer.Host.Short(), b.Accepted())
			}
		}
		for _, id := range a.sure {
			if _, on := a.disk.Key(id); !on {
				g.t.Fatalf("%v says that it has %v, which is not on its disk", a.peer.Host.Short(), id)
			}
		}
		if _, on := a.disk.Key(a.SealWith().ID()); !on && !slices.Contains(a.retained, a.SealWith()) {
			g.t.Fatalf("%v seals with a key that is not on its disk", a.peer.Host.Short())
		}
	}
}

// quiet lets all be delivered and written until nothing happens any more.
func (g *group) quiet() { g.quietBut(-1) }

// quietBut is quiet while the file of one host, if any, cannot be written.
func (g *group) quietBut(broken int) {
	for range 200 {
		for len(g.wire) > 0 {
			l := g.wire[0]
			g.wire = g.wire[1:]
			g.deliver(l)
			g.check()
		}
		for i := range g.hosts {
			g.write(i, i == broken)
		}
		g.pass(againEvery)
		g.check()
	}
}

func (g *group) settled(in ...int) {
	want := g.hosts[in[0]].ring
	for _, i := range in {
		h := g.hosts[i]
		switch {
		case h.ring.Digest() != want.Digest() || h.disk.Digest() != want.Digest():
			g.t.Fatalf("host %d has %v on disk %v, want %v", i, h.ring, h.disk, want)
		case h.SealWith() != want.Using():
			g.t.Fatalf("host %d seals with %v, want %v", i, h.SealWith(), want.Using())
		case h.Rotating() || len(h.retained) > 0 || h.Deadline() != 0:
			g.t.Fatalf("host %d is still at it: %v", i, h.retained)
		}
	}
}

func (g *group) command(i int) {
	h := g.hosts[i]
	ids := h.Ring().Keys()
	id := ids[rapid.IntRange(0, len(ids)-1).Draw(g.t, "which")].Key.ID()
	switch rapid.IntRange(0, 3).Draw(g.t, "command") {
	case 0:
		_, _ = h.Install(g.now, 1)
	case 1:
		_ = h.Use(g.now, id)
	case 2:
		_ = h.Remove(g.now, id)
	case 3:
		if len(h.Ring().Keys()) > 2 {
			_ = h.Expel(g.now, 1, []views.HostID{{99}})
		}
	}
	g.drain(i)
}

// meets lets a frame of a host that is no member come to one that is.
func (g *group) meets(i, stranger int) {
	h, under := g.hosts[i], g.hosts[stranger].SealWith()
	switch {
	case under == h.SealWith():
		return
	case slices.Contains(h.Accepted(), under):
		h.Met(g.now, peerN(stranger).Addr, under.ID())
	default:
		h.Met(g.now, peerN(stranger).Addr, 0)
	}
	g.drain(i)
}

// Whatever operators do wherever, also at a host that is apart, and whatever is lost, late or
// cannot be written: nobody seals what a member cannot open, and in the end all have one ring.
func TestRotationLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.IntRange(1, 4).Draw(t, "members")
		apart := rapid.IntRange(0, 1).Draw(t, "apart")
		ring := ringOf(1)
		if rapid.Bool().Draw(t, "two keys") {
			ring, _ = ring.Install(keys.KeyOf([keys.Size]byte{2}), 0)
		}
		g := newGroup(t, in+apart, 1, ring)
		all := make([]int, in)
		for i := range all {
			all[i] = i
		}
		g.view(all...)
		g.loss = rapid.SampledFrom([]int{0, 10, 50}).Draw(t, "loss%")
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "operator") == 0 {
				g.command(rapid.IntRange(0, len(g.hosts)-1).Draw(t, "at"))
			}
			if apart > 0 && rapid.IntRange(0, 4).Draw(t, "meets") == 0 {
				a, b := rapid.IntRange(0, in-1).Draw(t, "who"), in
				if rapid.Bool().Draw(t, "the other") {
					a, b = b, a
				}
				g.meets(a, b)
			}
			g.step()
		}
		g.quiet()
		g.settled(all...)
	})
}

// A key file that cannot be written any more holds up no change to a key that it has, and who
// starts anew meanwhile opens what the others say.
func TestOneKeyFileCannotBeWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		second := keys.KeyOf([keys.Size]byte{2})
		ring, err := ringOf(1).Install(second, 0)
		if err != nil {
			t.Fatal(err)
		}
		g := newGroup(t, 3, 1, ring)
		g.view(0, 1, 2)
		broken := rapid.IntRange(0, 2).Draw(t, "broken")
		operator := rapid.IntRange(0, 2).Draw(t, "operator")
		for _, change := range []func() error{
			func() error { return g.hosts[operator].Use(g.now, second.ID()) },
			func() error { return g.hosts[operator].Remove(g.now, ringOf(1).Using().ID()) },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			g.drain(operator)
			g.quietBut(broken)
		}
		for i, h := range g.hosts {
			if h.SealWith() != second {
				t.Errorf("host %d seals with %v", i, h.SealWith())
			}
			again := New(Config{Self: peerN(i).Process, Ring: h.disk, Random: rand.NewChaCha8([32]byte{7})})
			if !slices.Contains(again.Accepted(), second) {
				t.Errorf("host %d, started anew, opens %v", i, again.Accepted())
			}
		}
	})
}

// While a ring is written in which a key is removed, and one waits in which it is in use, the
// file may be either: that key is not said to be there, nor sealed with, until the second is.
func TestHasIsWhatTheFileHoldsForSure(t *testing.T) {
	second := keys.KeyOf([keys.Size]byte{2})
	both := changed(t, ringOf(1), installs(second))
	removed := changed(t, both, func(r keys.Ring) (keys.Ring, error) { return r.Remove(second.ID()) })
	used := changed(t, both, uses(second.ID()))
	m := New(Config{Self: peerN(0).Process, Ring: both, Random: rand.NewChaCha8([32]byte{1})})
	m.Change(1, removed)
	first := m.Drain().Save
	m.Change(1, used)
	last := m.Drain().Save
	for _, written := range []*Save{nil, first} {
		if written != nil {
			m.Saved(2, written.Token, nil)
		}
		if k := m.own(false); slices.Contains(k.Has, uint32(second.ID())) || m.SealWith() == second {
			t.Errorf("it says %+v and seals with %v", k, m.SealWith())
		}
	}
	m.Saved(3, last.Token, nil)
	if k := m.own(false); !slices.Contains(k.Has, uint32(second.ID())) || m.SealWith() != second {
		t.Errorf("written: it says %+v and seals with %v", k, m.SealWith())
	}
}

// A write that has failed is tried again, once at a time: where each takes longer than the
// time between two tries, one that is done must count.
func TestOneWriteAtATime(t *testing.T) {
	m := New(configN(0))
	m.SetView(1, []Peer{peerN(1)}, true, nil)
	if _, err := m.Install(1, 1); err != nil {
		t.Fatal(err)
	}
	m.Saved(2, m.Drain().Save.Token, errors.New("no space"))
	var again []Save
	for range 5 {
		m.Advance(m.Deadline())
		if s := m.Drain().Save; s != nil {
			again = append(again, *s)
		}
	}
	if len(again) != 1 {
		t.Fatalf("%d writes are wished", len(again))
	}
	if m.Saved(m.now, again[0].Token, nil); m.saved.Digest() != m.ring.Digest() || m.Fault() != nil {
		t.Errorf("what was written does not count: %v, %v", m.saved, m.Fault())
	}
}

// A key that is removed at a host, which still seals with it, and was taken into use again
// at another is one that is kept until the disk has it.
func TestUsedAgainWhileItSeals(t *testing.T) {
	first := ringOf(1)
	m := New(configN(0))
	m.SetView(1, []Peer{peerN(1)}, true, []views.Process{peerN(1).Process})
	written := func() {
		t.Helper()
		out := m.Drain()
		if out.Save == nil {
			t.Fatal("nothing is written")
		}
		m.Saved(1, out.Save.Token, nil)
	}
	second, err := m.Install(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	written()
	both := m.Ring()
	for _, change := range []error{m.Use(1, second), m.Remove(1, first.Using().ID())} {
		if change != nil {
			t.Fatal(change)
		}
	}
	written()
	m.Change(2, changed(t, both, uses(second), uses(first.Using().ID())))
	k := first.Using()
	if m.Ring().Using() != k || m.SealWith() != k || !slices.Contains(m.retained, k) || len(m.Accepted()) != 2 {
		t.Errorf("before it is written: in use %v, sealing %v, retained %v, accepted %v", m.Ring().Using(), m.SealWith(), m.retained, m.Accepted())
	}
	written()
	if m.SealWith() != k || len(m.retained) != 0 || len(m.Accepted()) != 2 {
		t.Errorf("written: sealing %v, retained %v, accepted %v", m.SealWith(), m.retained, m.Accepted())
	}
}

// C was away while the others went from one key to another, and kept the old one.
func TestWhoWasAwayComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGroup(t, 3, 2, ringOf(1))
		g.view(0, 1)
		id, err := g.hosts[0].Install(g.now, 1)
		if err != nil {
			t.Fatal(err)
		}
		g.drain(0)
		g.quiet()
		if err := g.hosts[1].Use(g.now, id); err != nil {
			t.Fatal(err)
		}
		g.drain(1)
		g.quiet()
		g.settled(0, 1)
		// A frame of A reaches it; it cannot read it, and asks.
		g.deliver(letter{0, 2, g.hosts[0].SealWith().ID(), &message.Keys{}})
		g.quiet()
		g.view(0, 1, 2)
		g.quiet()
		g.settled(0, 1, 2)
		if g.hosts[2].SealWith().ID() != id {
			t.Fatal("it seals with the old key")
		}
	})
}

// Who was expelled asks with the key that it still has, and gets nothing.
func TestExpelledGetsNoRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGroup(t, 3, 3, ringOf(1))
		g.view(0, 1, 2)
		g.quiet()
		g.view(0, 1)
		if err := g.hosts[0].Expel(g.now, 1, []views.HostID{peerN(2).Host}); err != nil {
			t.Fatal(err)
		}
		g.drain(0)
		expelled := g.hosts[2]
		expelled.Met(g.now, peerN(0).Addr, 0)
		out := expelled.Drain()
		if g.hosts[0].HandleAsk(g.now, peerN(2), ringOf(1).Using().ID(), out.Sends[0].Msg.(*message.KeyAsk)) {
			t.Fatal("it got a ring")
		}
		g.quiet()
		g.settled(0, 1)
		if keysOf(g.hosts[0].Accepted()) != keysOf([]keys.Key{g.hosts[0].SealWith()}) {
			t.Fatalf("an old key opens: %v", g.hosts[0].Accepted())
		}
	})
}

func keysOf(list []keys.Key) (ids [8]keys.ID) {
	for i, k := range list {
		ids[i] = k.ID()
	}
	return ids
}

// A box for another asker does not open, nor one that was changed.
func TestBoxIsForItsAsker(t *testing.T) {
	a, b, c := New(configN(0)), New(configN(1)), New(configN(2))
	a.Met(1, peerN(1).Addr, 0)
	q := a.Drain().Sends[0].Msg.(*message.KeyAsk)
	if !b.HandleAsk(1, peerN(0), b.SealWith().ID(), q) {
		t.Fatal("refused")
	}
	g := b.Drain().Sends[0].Msg.(*message.KeyGrant)
	if err := a.HandleGrant(1, peerN(2).Host, g); err == nil {
		t.Error("it opened as another granter's")
	}
	bad := *g
	bad.Box = slices.Clone(g.Box)
	bad.Box[3]++
	if err := a.HandleGrant(1, peerN(1).Host, &bad); err == nil {
		t.Error("a changed box opened")
	}
	if err := c.HandleGrant(1, peerN(1).Host, g); err != nil || c.Drain().Save != nil {
		t.Errorf("who did not ask: %v", err)
	}
	if err := a.HandleGrant(1, peerN(1).Host, g); err != nil {
		t.Errorf("the asker: %v", err)
	}
	low := *q
	low.Public = [32]byte{}
	b.HandleAsk(1, peerN(0), b.SealWith().ID(), &low)
	if sends := b.Drain().Sends; len(sends) != 0 {
		t.Errorf("a point of low order was answered: %v", sends)
	}
}

func configN(n int) Config {
	return Config{Self: peerN(n).Process, Ring: ringOf(byte(n + 1)), Random: rand.NewChaCha8([32]byte{byte(n)})}
}

func TestQuestionsAreBounded(t *testing.T) {
	m := New(configN(0))
	for i := range 100 {
		m.Met(views.Instant(i+1)*views.Instant(strangersEvery), netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 1, byte(i)}), 7), 0)
	}
	if len(m.asks) > asksMax {
		t.Errorf("%d questions are open", len(m.asks))
	}
	m = New(configN(0))
	for range 100 {
		m.Met(1, peerN(1).Addr, 0)
	}
	if n := len(m.Drain().Sends); n != 1 {
		t.Errorf("%d questions at one time", n)
	}
	for ms := range 60_000 {
		m.Met(views.Instant(ms)*views.Instant(time.Millisecond), peerN(1).Addr, 0)
	}
	if n := len(m.Drain().Sends); n < 6 || n > 10 {
		t.Errorf("%d questions in a minute to one that has no answer", n)
	}
}

// A member that has not heard where its coordinator is asks it, also where nothing is
// under way here: what the coordinator says once may be lost.
func TestUnheardCoordinatorIsAsked(t *testing.T) {
	behind := ringOf(1)
	ahead, err := behind.Install(keys.KeyOf([keys.Size]byte{2}), 0)
	if err != nil {
		t.Fatal(err)
	}
	leads := New(Config{Self: peerN(0).Process, Ring: ahead, Random: rand.NewChaCha8([32]byte{1})})
	follows := New(Config{Self: peerN(1).Process, Ring: behind, Random: rand.NewChaCha8([32]byte{2})})
	leads.SetView(1, []Peer{peerN(1)}, true, processesOf([]Peer{peerN(1)}))
	follows.SetView(1, []Peer{peerN(0)}, false, processesOf([]Peer{peerN(0)}))
	if out := leads.Drain(); len(out.Sends) != 1 {
		t.Fatalf("the coordinator says %v", out.Sends)
	}
	if out := follows.Drain(); len(out.Sends) != 0 || follows.Deadline() == 0 {
		t.Fatalf("it says %v, and wakes at %v", out.Sends, follows.Deadline())
	}
	follows.Advance(follows.Deadline())
	out := follows.Drain()
	if len(out.Sends) != 1 || out.Sends[0].To != peerN(0).Addr || !out.Sends[0].Msg.(*message.Keys).Want {
		t.Fatalf("it asks %v", out.Sends)
	}
	follows.HandleKeys(follows.Deadline(), peerN(0), &message.Keys{Digest: behind.Digest(), Known: behind.Digest(), Sending: uint32(behind.Using().ID())})
	follows.Advance(follows.Deadline().Add(time.Hour))
	if out := follows.Drain(); len(out.Sends) != 0 || follows.Deadline() != 0 {
		t.Errorf("the coordinator has said where it is, and it says %v, wakes at %v", out.Sends, follows.Deadline())
	}
}

// Who sees a frame under a key that it lacks asks under each of its own.
func TestStrangersAreAskedUnderEachKey(t *testing.T) {
	ring, err := ringOf(1).Install(keys.KeyOf([keys.Size]byte{2}), 0)
	if err != nil {
		t.Fatal(err)
	}
	m := New(Config{Self: peerN(0).Process, Ring: ring, Random: rand.NewChaCha8([32]byte{1})})
	m.Met(1, peerN(1).Addr, 0)
	var under []keys.ID
	for _, s := range m.Drain().Sends {
		under = append(under, s.Under)
	}
	if len(under) != 2 || under[0] != ring.Keys()[0].Key.ID() || under[1] != ring.Keys()[1].Key.ID() {
		t.Errorf("asked under %v, it has %v", under, ring)
	}
}

// A member that has gone on to a later view, under the key in use, ends the wait for
// those of our view who have not told that they have it; under another key it ends nothing.
func TestPassedByAMember(t *testing.T) {
	m := New(configN(0))
	m.SetView(1, []Peer{peerN(1), peerN(2)}, true, nil)
	before := m.SealWith()
	id, err := m.Install(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	m.Passed(3, id)
	if err := m.Use(4, id); err != nil {
		t.Fatal(err)
	}
	m.Passed(5, id) // not on our disk yet
	m.Saved(6, m.Drain().Save.Token, nil)
	m.Passed(7, before.ID())
	if m.SealWith() != before {
		t.Fatal("it seals with a key that not all have, and nobody has gone on")
	}
	m.Drain()
	m.Passed(8, id)
	if m.SealWith().ID() != id || !m.Drain().Changed {
		t.Error("it waits for those who have gone")
	}
}

// What members said before this host was left behind counts no more when it meets them in
// a later view: that all have a key is asked anew before it is used.
func TestSaidBeforeOneWasLeft(t *testing.T) {
	second := keys.KeyOf([keys.Size]byte{2})
	ring := changed(t, ringOf(1), installs(second))
	used := changed(t, ring, uses(second.ID()))
	m := New(Config{Self: peerN(0).Process, Ring: ring, Random: rand.NewChaCha8([32]byte{1})})
	others := []Peer{peerN(1), peerN(2)}
	m.SetView(1, others, true, processesOf(others))
	for _, p := range others {
		m.HandleKeys(2, p, saidOf(used))
	}
	m.SetView(3, others, true, processesOf(others))
	m.Change(4, used)
	m.Saved(5, m.Drain().Save.Token, nil)
	if m.SealWith() == second {
		t.Error("it seals with a key that nobody in this view has said to have")
	}
	for _, p := range others {
		m.HandleKeys(6, p, saidOf(used))
	}
	if m.SealWith() != second {
		t.Error("all have said that they have the key, and it is not used")
	}
}

// A member has said that it has a key, and came to a ring since in which that was removed,
// while at another host it was taken into use. What the member said of the ring of before
// does not count for this one: it may have forgotten the key. Found by seed 497005911.
func TestSaidOfARingOfBefore(t *testing.T) {
	first, second := ringOf(1).Using(), keys.KeyOf([keys.Size]byte{2})
	both := changed(t, ringOf(1), installs(second))
	m := New(Config{Self: peerN(0).Process, Ring: both, Random: rand.NewChaCha8([32]byte{1})})
	m.SetView(1, []Peer{peerN(1)}, true, processesOf([]Peer{peerN(1)}))
	m.HandleKeys(2, peerN(1), saidOf(both))
	if err := m.Remove(3, second.ID()); err != nil {
		t.Fatal(err)
	}
	m.Saved(4, m.Drain().Save.Token, nil) // which it tells, and the member takes
	again := changed(t, both, uses(second.ID()))
	m.Change(5, again)
	m.Saved(6, m.Drain().Save.Token, nil)
	if m.Ring().Using() != second || m.SealWith() != first {
		t.Errorf("in use %v, sealing %v, want %v and, until the member has said that it has come there, %v",
			m.Ring().Using().ID(), m.SealWith().ID(), second.ID(), first.ID())
	}
	m.HandleKeys(7, peerN(1), saidOf(m.Ring()))
	if m.SealWith() != second {
		t.Error("the member has said that it has come there, and the key is not used")
	}
}

// changed gives what becomes of a ring.
func changed(t *testing.T, r keys.Ring, by ...func(keys.Ring) (keys.Ring, error)) keys.Ring {
	t.Helper()
	for _, change := range by {
		var err error
		if r, err = change(r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func installs(k keys.Key) func(keys.Ring) (keys.Ring, error) {
	return func(r keys.Ring) (keys.Ring, error) { return r.Install(k, 0) }
}

func uses(id keys.ID) func(keys.Ring) (keys.Ring, error) {
	return func(r keys.Ring) (keys.Ring, error) { return r.Use(id) }
}

// saidOf is what a member says that has that ring and seals with the key in use.
func saidOf(r keys.Ring) *message.Keys {
	m := New(Config{Ring: r})
	return m.own(false)
}

// While one member has not said that it is where the others are, a removed key opens
// still. Who is no member and knows nothing but that one gets no ring for it, whatever
// name it has drawn since it was expelled; a member does.
func TestNoRingUnderARemovedKey(t *testing.T) {
	old := ringOf(1)
	m := New(Config{Self: peerN(0).Process, Ring: old, Random: rand.NewChaCha8([32]byte{1})})
	m.SetView(1, []Peer{peerN(1)}, true, nil) // which is slow
	if err := m.Expel(2, 0, []views.HostID{{99}}); err != nil {
		t.Fatal(err)
	}
	m.Drain()
	for asker, want := range map[Peer]bool{peerN(5): false, peerN(1): true} {
		a := New(Config{Self: asker.Process, Ring: old, Random: rand.NewChaCha8([32]byte{2})})
		a.Met(3, peerN(0).Addr, old.Using().ID())
		q := a.Drain().Sends[0].Msg.(*message.KeyAsk)
		if m.HandleAsk(4, asker, old.Using().ID(), q) != want || (len(m.Drain().Sends) == 1) != want {
			t.Errorf("%v, under the key that was removed: want %v", asker, want)
		}
	}
}

// Members that are far apart come to one ring: that an answer takes longer than a question
// waits until it is repeated does not make it one to nothing.
func TestAnswersMayTakeTheirTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGroup(t, 2, 1, ringOf(1))
		g.view(0, 1)
		g.quiet()
		g.hosts[0].Install(g.now, 1)
		g.drain(0)
		late := time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond
		type due struct {
			letter
			at views.Instant
		}
		var wire []due
		for end := g.now.Add(time.Minute); g.now < end; g.pass(100 * time.Millisecond) {
			for _, l := range g.wire {
				wire = append(wire, due{l, g.now.Add(late)})
			}
			g.wire = nil
			for len(wire) > 0 && wire[0].at <= g.now {
				l := wire[0]
				wire = wire[1:]
				g.deliver(l.letter)
			}
			g.write(0, false)
			g.write(1, false)
		}
		g.settled(0, 1)
	})
}
