package engine_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/seal"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

func keyN(n byte) keys.Key { return keys.KeyOf([keys.Size]byte{n}) }

func ringN(n byte) keys.Ring { return keys.NewRing(keyN(n), 0) }

// sealed is a group of n hosts with one ring, in one view.
func sealed(t *testing.T, n int) *lan {
	l := newLAN(t, uint64(n))
	l.ring = ringN(1)
	for range n {
		l.add(0)
	}
	l.expectOneView(2*time.Second, "form")
	l.run(time.Second)
	return l
}

// dropped counts what a host threw away for a reason.
func (h *lanHost) dropped(reason string) (n uint64) {
	for _, d := range h.Status().Drops {
		if d.Reason == reason {
			n += d.Count
		}
	}
	return n
}

func (l *lan) expectNothingDropped(reasons ...string) {
	l.t.Helper()
	for i, h := range l.hosts {
		for _, r := range reasons {
			if n := h.dropped(r); n > 0 {
				l.t.Errorf("host %d dropped %d: %s", i+1, n, r)
			}
		}
	}
}

var badFrames = []string{"forged", "replayed", "not-signed", "bad-signature", "wrong-key", "old-key", "not-sealed", "signed"}

// talk lets a host send n agreed messages, told apart by their text.
func (h *lanHost) talk(n int) {
	var list engine.Submit
	for range n {
		h.lan.said++
		list = append(list, engine.Submission{Group: "g", Order: views.Agreed, Payload: fmt.Appendf(nil, "%d of %s", h.lan.said, h.name)})
	}
	h.step(list)
}

// expectSameMessages: all living hosts got the same, so many in all.
func (l *lan) expectSameMessages(n int) {
	l.t.Helper()
	want := l.hosts[0].got
	for i, h := range l.hosts {
		if !h.dead && (len(h.got) != n || !slices.Equal(h.got, want)) {
			l.t.Errorf("host %d got %d messages, the first one %d, want %d", i+1, len(h.got), len(want), n)
		}
	}
}

func TestSealedGroup(t *testing.T) {
	l := sealed(t, 5)
	l.wire = func(_ *lanHost, p engine.Packet) {
		if h, err := wire.DecodeHeader(p.Frame); err != nil || !h.Sealed || h.Key != uint32(keyN(1).ID()) {
			t.Errorf("a frame goes out as %+v, %v", h, err)
		}
	}
	for _, h := range l.hosts {
		h.talk(20)
	}
	l.run(time.Second)
	l.expectSameMessages(100)
	l.kill(l.hosts[4])
	l.expectOneView(3*time.Second, "killed")
	l.hosts[3].step(engine.Leave{})
	l.expectOneView(2*time.Second, "left")
	l.hosts[1].group = 1
	l.run(6 * time.Second)
	l.hosts[1].group = 0
	l.expectOneView(5*time.Second, "merged")
	l.expectNothingDropped(badFrames...)
}

// Whatever was said is said again ten times, at once and later, also to one who
// starts only now: nobody installs or delivers anything for it.
func TestReplayChangesNothing(t *testing.T) {
	l := newLAN(t, 3)
	l.ring = ringN(1)
	var tape []engine.Received
	l.wire = func(from *lanHost, p engine.Packet) {
		tape = append(tape, engine.Received{From: from.addr, Frame: slices.Clone(p.Frame)})
	}
	for range 4 {
		l.add(0)
	}
	l.expectOneView(2*time.Second, "form")
	l.hosts[0].talk(10)
	l.run(time.Second)
	l.hosts[3].step(engine.Leave{})
	l.expectOneView(2*time.Second, "left")
	l.run(time.Second)
	l.wire = nil

	late := l.add(0)
	late.group = 9 // it hears nobody but the tape
	l.run(100 * time.Millisecond)
	installs, got := make([]int, len(l.hosts)), make([]int, len(l.hosts))
	for i, h := range l.hosts {
		installs[i], got[i] = h.installs(), len(h.got)
	}
	for range 10 {
		for _, in := range tape {
			for _, h := range l.hosts {
				in.Frame = slices.Clone(in.Frame)
				h.step(in)
			}
			l.run(time.Millisecond)
		}
	}
	l.run(10 * time.Second)
	for i, h := range l.hosts {
		if h.installs() != installs[i] || len(h.got) != got[i] {
			t.Errorf("host %d: %d installs and %d messages, before the replay %d and %d", i+1, h.installs(), len(h.got), installs[i], got[i])
		}
		if !h.dead && h != late && h.dropped("replayed") == 0 {
			t.Errorf("host %d met no replay", i+1)
		}
	}
}

// insider has the ring and an identity of its own, and says what it likes.
type insider struct {
	l        *lan
	header   message.Header
	sealer   *seal.Sealer
	identity ed25519.PrivateKey
	// view is the seq of the one it says to be in.
	view views.Seq
}

func (l *lan) insider(as views.Process, nonce uint64) *insider {
	in := &insider{
		l: l, header: message.Header{Group: engine.GroupHash("g"), From: as, Nonce: nonce}, view: 1,
		identity: ed25519.NewKeyFromSeed(slices.Repeat([]byte{7}, 32)),
	}
	in.sealer = seal.New(seal.Speaker{Process: as, Nonce: nonce}, in.header.Group)
	in.sealer.SetKeys(l.ring.Using(), []keys.Key{l.ring.Using()})
	// It is before the one that it plays, and not so far that what that one says next comes
	// too late: who answers nothing is put out.
	for range 3000 {
		in.sealer.Close(make([]byte, seal.CounterSize), nil, seal.ToOne, views.HostID{})
	}
	return in
}

func (in *insider) say(to *lanHost, from netip.AddrPort, m message.Message, sign bool) {
	if sign {
		body, err := wire.AppendBody(nil, m)
		if err != nil {
			in.l.t.Fatal(err)
		}
		s := &message.Signed{Inner: m.Type(), Body: body}
		copy(s.Key[:], in.identity.Public().(ed25519.PublicKey))
		s.Sig = [64]byte(ed25519.Sign(in.identity, wire.AppendSigned(nil, in.header, m.Type(), body)))
		m = s
	}
	head := wire.AppendSealedHeader(nil, in.header, uint32(in.sealer.Sending()), in.view)
	body, err := wire.AppendMessage(nil, m)
	if err != nil {
		in.l.t.Fatal(err)
	}
	to.step(engine.Received{From: from, Frame: in.sealer.Close(head, body, seal.ToOne, views.HostID{})})
}

// One who has the ring but not the identity of a member cannot make views, nor take
// anybody out, in its name.
func TestForgedControls(t *testing.T) {
	l := sealed(t, 3)
	victim, target := l.hosts[1], l.hosts[2]
	v := target.View()
	r := v.RankOf(victim.process)
	in := l.insider(victim.process, v.Members[r].Nonce)
	before := target.installs()
	next := views.ViewID{Seq: v.ID.Seq + 1, Coordinator: victim.process.Host, Incarnation: 1}
	install := &message.Install{
		View: next, Reason: views.ReasonCrash, Members: v.Members[r : r+1],
		Layout: []message.MemberSpan{{Explicit: true, Count: 1}}, Groups: []message.InstallGroup{{From: v.ID, Count: 1}},
	}
	for _, m := range []message.Message{
		&message.Leave{View: v.ID},
		&message.Accuse{View: v.ID, Version: 99, Subjects: []message.Accusation{{Rank: 0, Evidence: message.EvidenceRefused}}},
		&message.Propose{Ballot: next, Base: v.ID, Without: []uint16{0}},
		&message.Refuse{To: target.process, Nonce: v.Members[v.RankOf(target.process)].Nonce, Code: views.RefuseEvicted},
	} {
		in.say(target, victim.addr, m, false)
		in.say(target, victim.addr, m, true)
		l.run(3 * time.Second)
	}
	if target.dropped("not-signed") != 4 || target.dropped("bad-signature") != 4 {
		t.Errorf("drops: %v", target.Status().Drops)
	}
	in.say(target, victim.addr, install, false)
	l.run(time.Second)
	if target.installs() != before || target.dead || !l.oneView() {
		t.Errorf("%d installs, %d before; dead %v", target.installs(), before, target.dead)
	}
}

// An install that answers a real ballot and that was changed on its way is not
// taken, although who changed it has the ring and seals for the coordinator.
func TestForgedInstall(t *testing.T) {
	l := sealed(t, 3)
	target, leaver := l.hosts[1], l.hosts[2]
	if l.hosts[0].View().ID.Coordinator == target.process.Host {
		target = l.hosts[0]
	}
	if l.hosts[0].View().ID.Coordinator == leaver.process.Host {
		leaver = l.hosts[0]
	}
	reader := seal.New(seal.Speaker{Process: views.Process{Host: views.HostID{1}, Incarnation: 1}}, engine.GroupHash("g"))
	reader.SetKeys(l.ring.Using(), []keys.Key{l.ring.Using()})
	changed := 0
	l.meddle = func(from *lanHost, p engine.Packet) {
		h, err := wire.DecodeHeader(p.Frame)
		if err != nil {
			t.Fatal(err)
		}
		body, err := reader.Open(nil, seal.Speaker{Process: h.From, Nonce: h.Nonce}, keys.ID(h.Key), p.Frame[:h.Size], p.Frame[h.Size:])
		var f wire.Frame
		if err != nil || wire.DecodeMessages(h.Header, body, &f) != nil {
			t.Fatal(err)
		}
		for _, m := range f.Messages {
			install, ok := m.(*message.Install)
			if !ok || install.Reason != views.ReasonLeave {
				continue
			}
			bad := *install
			bad.Reason = views.ReasonCrash
			changed++
			l.insider(from.process, h.Nonce).say(target, from.addr, &bad, false)
		}
	}
	leaver.step(engine.Leave{})
	l.until(2*time.Second, func() bool { return target.View().Size() == 2 })
	if changed == 0 || target.View().Reason != views.ReasonLeave || target.dropped("bad-signature") == 0 {
		t.Errorf("%d changed, installed %v, drops %v", changed, target.View(), target.Status().Drops)
	}
}

func (l *lan) statesOf(h *lanHost) (sending map[keys.ID]int) {
	for n := range 4 {
		h.step(engine.PollKeys{Again: n > 0})
		l.run(10 * time.Millisecond)
	}
	sending = map[keys.ID]int{}
	for _, s := range h.Status().Keys.Members {
		if s.Known {
			sending[s.Sending]++
		}
	}
	return sending
}

func (h *lanHost) change(c engine.ChangeKeys) (engine.KeysChanged, bool) {
	h.delivered = nil
	h.step(c)
	for _, d := range h.delivered {
		if k, ok := d.(engine.KeysChanged); ok {
			return k, true
		}
	}
	return engine.KeysChanged{}, false
}

// A rotation in three phases under load, through different hosts and with one away:
// no view changes for it, no message is lost, and who was away comes back by itself.
func TestRotationUnderLoad(t *testing.T) {
	l := sealed(t, 4)
	away := l.hosts[3]
	away.group = 1
	l.run(5 * time.Second)
	l.loss = 0.02
	views := l.hosts[0].installs()
	said := 0
	var talking func()
	talking = func() {
		for _, h := range l.hosts[:3] {
			h.talk(2)
			said += 2
		}
		if said < 2400 {
			l.at(time.Millisecond, nil, nil, talking)
		}
	}
	l.at(0, nil, nil, talking)
	l.run(100 * time.Millisecond)
	made, ok := l.hosts[0].change(engine.ChangeKeys{Token: 5, Op: engine.InstallKey, At: 9})
	if !ok || made.Err != nil || made.Token != 5 {
		t.Fatalf("install: %+v", made)
	}
	l.run(100 * time.Millisecond)
	if got := l.statesOf(l.hosts[1]); got[keyN(1).ID()] != 3 {
		t.Errorf("after install they send with %v", got)
	}
	if k, _ := l.hosts[1].change(engine.ChangeKeys{Op: engine.UseKey, ID: made.ID}); k.Err != nil {
		t.Fatal(k.Err)
	}
	l.run(time.Second)
	if got := l.statesOf(l.hosts[2]); got[made.ID] != 3 {
		t.Errorf("after use they send with %v", got)
	}
	l.run(2 * time.Second)
	l.loss = 0
	l.run(time.Second)
	for i, h := range l.hosts[:3] {
		if h.installs() != views || len(h.got) != said || !slices.Equal(h.got, l.hosts[0].got) {
			t.Errorf("host %d: %d views before, %d now; %d of %d messages", i+1, views, h.installs(), len(h.got), said)
		}
	}
	away.group = 0
	l.expectOneView(5*time.Second, "who was away is back")
	l.run(time.Second)
	if got := l.statesOf(l.hosts[0]); got[made.ID] != 4 {
		t.Errorf("with the fourth they send with %v", got)
	}
	if k, _ := l.hosts[2].change(engine.ChangeKeys{Op: engine.RemoveKey, ID: keyN(1).ID()}); k.Err != nil {
		t.Fatal(k.Err)
	}
	l.run(2 * time.Second)
	for i, h := range l.hosts {
		if ids := h.disk.Keys(); len(ids) != 1 || ids[0].Key.ID() != made.ID {
			t.Errorf("host %d has %v on its disk", i+1, h.disk)
		}
	}
	if k, _ := l.hosts[0].change(engine.ChangeKeys{Op: engine.RemoveKey, ID: made.ID}); k.Err == nil {
		t.Error("the only key was removed")
	}
}

// Who was away while a key that it has came into use, and the one it seals with was
// removed, comes back by itself: nobody opens what it says, but it opens what others say.
func TestRotationBehindTheBackOfOneWithTheKey(t *testing.T) {
	l := sealed(t, 4)
	a, away := l.hosts[0], l.hosts[3]
	installed, _ := a.change(engine.ChangeKeys{Op: engine.InstallKey, At: 5})
	l.run(2 * time.Second)
	if away.disk.Digest() != a.disk.Digest() {
		t.Fatalf("it has %v on its disk", away.disk)
	}
	away.group = 1
	l.until(5*time.Second, func() bool { return a.View().Size() == 3 })
	a.change(engine.ChangeKeys{Op: engine.UseKey, ID: installed.ID})
	l.run(2 * time.Second)
	a.change(engine.ChangeKeys{Op: engine.RemoveKey, ID: keyN(1).ID()})
	l.run(2 * time.Second)
	away.group = 0
	l.expectOneView(5*time.Second, "who was away is back")
	l.run(2 * time.Second)
	if away.disk.Digest() != a.disk.Digest() {
		t.Errorf("it has %v on its disk", away.disk)
	}
}

// So does one that was not heard, and heard the others all the time: it is in the view of
// before still, and its members do not fall silent.
func TestRotationBehindTheBackOfOneWhoHears(t *testing.T) {
	l := sealed(t, 5)
	a, mute, dead := l.hosts[0], l.hosts[3], l.hosts[4]
	installed, _ := a.change(engine.ChangeKeys{Op: engine.InstallKey, At: 5})
	l.run(2 * time.Second)
	l.swallows = func(from, _ *lanHost, _ int) bool { return from == mute }
	l.kill(dead) // it will never say that it has the key
	l.until(9*time.Second, func() bool { return a.View().Size() == 3 })
	a.change(engine.ChangeKeys{Op: engine.UseKey, ID: installed.ID})
	l.run(300 * time.Millisecond)
	a.change(engine.ChangeKeys{Op: engine.RemoveKey, ID: keyN(1).ID()})
	l.run(time.Second)
	l.swallows = nil
	l.expectOneView(10*time.Second, "who was not heard is back")
	l.run(2 * time.Second)
	if mute.disk.Digest() != a.disk.Digest() {
		t.Errorf("it has %v on its disk", mute.disk)
	}
}

// What a member asks of keys, from a later view, is no sign that it seals with the key under
// which it asks; whatever else it says is one. Found by seed 501005747.
func TestAskedUnderAnotherKeyIsNoSign(t *testing.T) {
	l := sealed(t, 3)
	a, b, deaf := l.hosts[0], l.hosts[1], l.hosts[2]
	installed, _ := a.change(engine.ChangeKeys{Op: engine.InstallKey, At: 5})
	l.run(2 * time.Second)
	l.swallows = func(_, to *lanHost, _ int) bool { return to == deaf || to == b }
	a.change(engine.ChangeKeys{Op: engine.UseKey, ID: installed.ID})
	l.run(300 * time.Millisecond)
	second, found := a.disk.Key(installed.ID)
	if !found || a.disk.Using() != second || a.Keys().Sending == installed.ID || a.View().Size() != 3 {
		t.Fatalf("%v on its disk, it seals with %v", a.disk, a.Keys().Sending)
	}
	in := l.insider(b.process, b.nonce)
	in.identity, in.view = b.identity, a.View().ID.Seq+1
	in.sealer.SetKeys(second, []keys.Key{second})
	in.say(a, b.addr, &message.KeyAsk{Token: 1, Public: [32]byte{9}}, true)
	if a.Keys().Sending == installed.ID {
		t.Error("a question was taken for a sign")
	}
	in.say(a, b.addr, &message.Heartbeat{View: views.ViewID{Seq: in.view, Coordinator: b.process.Host, Incarnation: b.process.Incarnation}, Size: 1}, false)
	if a.Keys().Sending != installed.ID {
		t.Error("that a member has gone on is not seen")
	}
}

// Who is expelled has a key that opens nothing, is told so, and finds no way back.
func TestExpelledIsOut(t *testing.T) {
	l := sealed(t, 4)
	out := l.hosts[3]
	l.hosts[0].step(engine.Evict{Host: out.process.Host, At: 7})
	l.until(3*time.Second, func() bool { return l.hosts[0].View().Size() == 3 })
	l.run(2 * time.Second)
	fresh := l.hosts[0].disk
	for i, h := range l.hosts[:3] {
		if h.disk.Digest() != fresh.Digest() || h.disk.Using() == keyN(1) || !h.disk.Removed(keyN(1).ID()) {
			t.Errorf("host %d has %v on its disk", i+1, h.disk)
		}
	}
	if out.disk.Digest() != ringN(1).Digest() {
		t.Errorf("the expelled one has %v", out.disk)
	}
	// It starts again, as an operator might do.
	out.process.Incarnation++
	out.dead, out.armed, out.delivered = false, 0, nil
	out.boot()
	l.run(10 * time.Second)
	if l.hosts[0].View().Size() != 3 {
		t.Errorf("it is in again: %v", l.hosts[0].View())
	}
	l.expectRefused(out, true, views.RefuseOldKey)
	l.expectRefused(l.hosts[0], false, views.RefuseOldKey)
}

// A host that is down loses the keys, too, at once; to say so again changes nothing.
func TestAbsentIsExpelled(t *testing.T) {
	l := sealed(t, 3)
	out := l.hosts[2]
	l.kill(out)
	l.until(5*time.Second, func() bool { return l.hosts[0].View().Size() == 2 && l.hosts[1].View().Size() == 2 })
	l.hosts[0].step(engine.Evict{Host: out.process.Host, KeepKeys: true})
	l.run(2 * time.Second)
	if l.hosts[0].disk.Digest() != ringN(1).Digest() {
		t.Error("its keys were to be kept")
	}
	l.hosts[0].step(engine.Evict{Host: out.process.Host, At: 7})
	l.run(2 * time.Second)
	fresh := l.hosts[0].disk
	if !fresh.Barred(out.process.Host) || fresh.Using() == keyN(1) || l.hosts[1].disk.Digest() != fresh.Digest() {
		t.Errorf("the rings are %v and %v", fresh, l.hosts[1].disk)
	}
	l.hosts[1].step(engine.Evict{Host: out.process.Host, At: 8})
	l.run(2 * time.Second)
	if l.hosts[1].disk.Digest() != fresh.Digest() {
		t.Error("the keys were changed again for the same host")
	}
}

// expectRefused: a host was told that it, or another, is not understood, and why.
func (l *lan) expectRefused(h *lanHost, ours bool, code views.RefuseCode) {
	l.t.Helper()
	said := slices.ContainsFunc(h.delivered, func(d engine.Delivery) bool {
		r, ok := d.(engine.Refused)
		return ok && r.Ours == ours && r.Code == code && r.From.IsValid()
	})
	logged := slices.ContainsFunc(h.log, func(e trace.Event) bool {
		j, ok := e.(trace.Join)
		return ok && j.Verdict == trace.JoinReject && j.Code == code.String() && (j.Who == h.process.Host) == ours
	})
	if !said || !logged {
		l.t.Errorf("%s: no word of %v (ours %v): told %v, logged %v", h.name, code, ours, said, logged)
	}
}

// Whoever cannot be read is told why, and both sides say so.
func TestRefusalsHaveReasons(t *testing.T) {
	for _, test := range []struct {
		name         string
		mine, theirs keys.Ring
		// mineIs is what the host with mine is told, theirsIs the other.
		mineIs, theirsIs views.RefuseCode
	}{
		{"two keys", ringN(1), ringN(2), views.RefuseKey, views.RefuseKey},
		{"one has none", ringN(1), keys.Ring{}, views.RefuseSealed, views.RefusePlain},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLAN(t, 2)
			l.ring = test.mine
			a := l.add(0)
			l.ring = test.theirs
			b := l.add(0)
			bytes := map[*lanHost]int{}
			l.wire = func(from *lanHost, p engine.Packet) { bytes[from] += len(p.Frame) }
			l.run(30 * time.Second)
			l.expectRefused(a, true, test.mineIs)
			l.expectRefused(a, false, test.theirsIs)
			l.expectRefused(b, true, test.theirsIs)
			l.expectRefused(b, false, test.mineIs)
			if a.View().Size() != 1 || b.View().Size() != 1 || a.dead || b.dead {
				t.Errorf("%v %v", a.View(), b.View())
			}
			for h, n := range bytes {
				if n > 30*900 {
					t.Errorf("%s sent %d bytes in 30 s", h.name, n)
				}
			}
		})
	}
}

// No answer to what did not open is longer than that, nor are there many.
func TestNothingIsAmplified(t *testing.T) {
	l := sealed(t, 1)
	h := l.hosts[0]
	in, out := 0, 0
	h.look = func(o *engine.Output) {
		for _, p := range o.Send {
			if p.Scope == engine.Direct {
				out += len(p.Frame)
			}
		}
	}
	for i := range 20_000 {
		header := message.Header{Group: engine.GroupHash("g"), From: views.Process{Host: views.HostID{byte(i)}, Incarnation: 1}, Nonce: uint64(i)}
		frame := wire.AppendSealedHeader(nil, header, uint32(i), 1)
		frame = append(frame, make([]byte, i%40)...)
		in += len(frame)
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}), 1)
		h.step(engine.Received{From: from, Frame: frame})
		l.run(100 * time.Microsecond)
	}
	if out > in/10 {
		t.Errorf("%d bytes came, %d went back", in, out)
	}
	if h.View().Size() != 1 || h.dropped("wrong-key") == 0 {
		t.Errorf("%v", h.Status().Drops)
	}
}

// After its stop a host tells nothing more, nor what it has dropped.
func TestNothingIsToldAfterTheStop(t *testing.T) {
	h := sealed(t, 1).hosts[0]
	now := h.lan.now
	h.Step(now, engine.Received{From: h.addr, Frame: []byte("noise")})
	out := h.Step(now.Add(5*time.Second), engine.Leave{})
	if n := len(out.Events); out.Stop == nil || n == 0 || out.Events[n-1].Name() != (trace.Stop{}).Name() {
		t.Errorf("stop %v, events %v", out.Stop, out.Events)
	}
}

// Whatever a host is asked before it has a view, first or second, it goes on to its view.
func TestWishesBeforeTheFirstView(t *testing.T) {
	other := views.Process{Host: views.HostID{9}, Incarnation: 1}
	at := netip.MustParseAddrPort("10.0.0.9:7749")
	for _, in := range []engine.Input{
		engine.Evict{Host: other.Host},
		engine.Evict{Host: other.Host, KeepKeys: true},
		engine.ExamineLink{Host: other.Host, Addr: at, Thorough: true},
		engine.SendBurst{},
		engine.SendReport{Report: &message.Report{Kind: message.ReportWanted}},
		engine.SendReport{Addr: at, Report: &message.Report{Kind: message.ReportWanted}},
		engine.ChangeKeys{Op: engine.InstallKey},
		engine.ChangeKeys{Op: engine.MergeRing, Ring: ringN(2)},
		engine.PollKeys{},
		engine.RingSaved{Token: 1},
		engine.Absent{Some: true},
		engine.Evidence{Process: other, Found: message.EvidenceClosed},
		engine.Backlog{Bytes: 1 << 30},
		engine.SetState{Mask: views.Started, Bits: views.Started},
		engine.Join{Port: 1, Group: "g", Name: "n"},
		engine.Part{Port: 1, Group: "g"},
		engine.PortGone{Port: 1},
		engine.Ready{Port: 1, Group: "g"},
		engine.Submit{{Group: "g", Order: views.Safe, Payload: []byte("early")}},
	} {
		for _, ringed := range []bool{false, true} {
			l := newLAN(t, 1)
			if ringed {
				l.ring = ringN(1)
			}
			h := l.add(0)
			l.run(100 * time.Microsecond) // its disk takes longer
			if h.View() != nil {
				t.Fatal("it has a view at once")
			}
			h.step(in)
			h.step(in)
			l.run(time.Second)
			if h.View().Size() != 1 {
				t.Errorf("%T: no view", in)
			}
		}
	}
}

// Before a frame has opened nobody knows who it is from: whatever names a stranger makes
// up, the log has a line a reason and second, and each frame is counted. So are our own
// that are thrown back at us, changed or not.
func TestMadeUpSenders(t *testing.T) {
	l := newLAN(t, 2)
	l.ring = ringN(1)
	l.add(0)
	l.add(0)
	var tape []byte
	l.wire = func(from *lanHost, p engine.Packet) {
		if tape == nil && from == l.hosts[0] && len(p.Frame) > 0 {
			tape = slices.Clone(p.Frame)
		}
	}
	l.expectOneView(2*time.Second, "form")
	l.wire = nil
	l.run(time.Second)
	target := l.hosts[0]
	const frames = 500
	lines, before := 0, target.dropped("forged")
	for n := range frames {
		forged := slices.Clone(tape)
		at := bytes.Index(forged, target.process.Host[:])
		forged[at+1], forged[at+2] = byte(n), byte(n>>8)
		target.Step(l.now, engine.Received{From: target.addr, Frame: forged})
		forged[2] ^= 0xff // the version
		target.Step(l.now, engine.Received{From: target.addr, Frame: forged})
	}
	target.Step(l.now, engine.Received{From: target.addr, Frame: tape})
	for _, e := range target.Step(l.now.Add(2*time.Second), nil).Events {
		if d, ok := e.(trace.Drop); ok {
			lines++
			if !d.From.IsZero() {
				t.Errorf("it is told of %s, who has said nothing", d.From)
			}
		}
	}
	n, other, own := target.dropped("forged")-before, target.dropped("wire-version"), target.dropped("own")
	if n != frames || other != frames || own != 1 || lines != 3 {
		t.Errorf("of %d each %d are counted as forged, %d as of another version, %d as our own, told in %d lines", frames, n, other, own, lines)
	}
}

// What cannot be read in the name or from the address of a member is made up: neither
// it nor a notice so forged has anybody told of a wrong key. Of a stranger it is told,
// whatever ports it has, some times.
func TestNoticesInTheNameOfMembers(t *testing.T) {
	l := sealed(t, 2)
	target, member := l.hosts[0], l.hosts[1]
	stranger := newLAN(t, 9)
	stranger.ring = ringN(2)
	foreign := map[views.HostID][]byte{}
	stranger.wire = func(from *lanHost, p engine.Packet) {
		if len(p.Frame) > 0 {
			foreign[from.process.Host] = slices.Clone(p.Frame)
		}
	}
	other := stranger.add(0)
	stranger.run(time.Second)
	frame := foreign[other.process.Host]
	told := func(from netip.AddrPort, frame []byte) (n int) {
		for _, d := range target.Step(l.now, engine.Received{From: from, Frame: frame}).Deliver {
			if _, ok := d.(engine.Refused); ok {
				n++
			}
		}
		return n
	}
	named := slices.Clone(frame)
	at := bytes.Index(named, other.process.Host[:])
	copy(named[at:], member.process.Host[:])
	elsewhere := netip.MustParseAddrPort("10.9.9.9:1000")
	if told(member.addr, frame) != 0 || told(elsewhere, named) != 0 {
		t.Error("it is told of a member")
	}
	total := 0
	for port := range uint16(100) {
		l.now = l.now.Add(100 * time.Millisecond)
		total += told(netip.AddrPortFrom(elsewhere.Addr(), 1000+port), frame)
	}
	if total == 0 || total > 20 {
		t.Errorf("told %d times of one stranger in ten seconds", total)
	}
	if n := target.dropped("wrong-key"); n != 102 {
		t.Errorf("%d of 102 counted", n)
	}
}

// What says something to one member alone, as the Acks here do, does not open at another
// to which it is led.
func TestLedToAnother(t *testing.T) {
	l := sealed(t, 3)
	led := map[*lanHost]uint64{}
	l.meddle = func(from *lanHost, p engine.Packet) {
		for _, h := range l.hosts {
			if p.Scope == engine.Direct && h != from && !slices.Contains(p.To, h.addr) {
				led[h]++
				l.at(0, h, engine.Received{From: from.addr, Frame: p.Frame}, nil)
			}
		}
	}
	for range 5 {
		for _, h := range l.hosts {
			h.talk(3)
		}
		l.run(300 * time.Millisecond)
	}
	l.expectSameMessages(45)
	if len(led) == 0 {
		t.Fatal("nothing was led to another")
	}
	for i, h := range l.hosts {
		if n := h.dropped("forged"); n != led[h] {
			t.Errorf("host %d: %d frames were led there, of which %d did not open", i+1, led[h], n)
		}
	}
}
