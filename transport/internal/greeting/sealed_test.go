package greeting

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

func keyN(n byte) keys.Key { return keys.KeyOf([keys.Size]byte{n}) }

// sealedHost is host n with a ring.
func sealedHost(n byte, ring keys.Ring, more ...keys.Key) Sealed {
	identity := ed25519.NewKeyFromSeed(append(make([]byte, 31), n))
	self := sample
	self.Host = views.HostIDOf(identity.Public().(ed25519.PublicKey))
	accepted := more
	for _, e := range ring.Keys() {
		accepted = append(accepted, e.Key)
	}
	return Sealed{Plain{Use: Frames, Group: 7, Self: self}, &transport.Credentials{
		Identity: identity,
		Keys:     func() transport.Keys { return transport.Keys{Sending: ring.Using(), Accepted: accepted, Ring: ring} },
	}}
}

// meeting is what came of an exchange.
type meeting struct {
	answered, dialled  Peer
	dialErr, acceptErr error
	kept               bool
}

// meet lets two greet over a real connection, since a refusal may cross what is still
// under way.
func meet(t *testing.T, dialler, acceptor Greeter, meddle func(net.Conn) net.Conn) meeting {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var m meeting
	done := make(chan struct{})
	go func() {
		defer close(done)
		far, err := l.Accept()
		if err != nil {
			m.acceptErr = err
			return
		}
		defer far.Close()
		_ = far.SetDeadline(time.Now().Add(20 * time.Second))
		m.dialled, m.acceptErr = acceptor.Answer(far, func(Peer) error { m.kept = true; return nil })
	}()
	near, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = near.SetDeadline(time.Now().Add(20 * time.Second))
	conn := near
	if meddle != nil {
		conn = meddle(near)
	}
	m.answered, m.dialErr = dialler.Greet(conn)
	_ = near.Close()
	<-done
	return m
}

func TestSealedExchange(t *testing.T) {
	a, b := sealedHost(1, keys.NewRing(keyN(1), 0)), sealedHost(2, keys.NewRing(keyN(1), 0))
	m := meet(t, a, b, nil)
	if m.answered != b.Self || m.dialled != a.Self || m.dialErr != nil || m.acceptErr != nil || !m.kept {
		t.Errorf("%+v", m)
	}
}

// In the middle of a rotation the two may use different keys.
func TestSealedByAnotherKeyOfTheRing(t *testing.T) {
	old, fresh := keyN(1), keyN(2)
	ring, err := keys.NewRing(fresh, 0).Install(old, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]Sealed{{sealedHost(1, keys.NewRing(old, 0)), sealedHost(2, ring)}, {sealedHost(1, ring), sealedHost(2, ring)}} {
		if m := meet(t, pair[0], pair[1], nil); m.dialErr != nil || m.acceptErr != nil {
			t.Errorf("%v, %v", m.dialErr, m.acceptErr)
		}
	}
}

// Whoever cannot be understood is told why, and both ends know.
func TestSealedRefusals(t *testing.T) {
	one, two := keys.NewRing(keyN(1), 0), keys.NewRing(keyN(2), 0)
	removed, err := one.Expel(keyN(3), 0)
	if err != nil {
		t.Fatal(err)
	}
	other := sealedHost(2, one)
	other.Group = 8
	tethers := sealedHost(2, one)
	tethers.Use = Tether
	plain := func(n byte) Plain { return sealedHost(n, one).Plain }
	for _, test := range []struct {
		name              string
		dialler, acceptor Greeter
		want              views.RefuseCode
	}{
		{"another key", sealedHost(1, two), sealedHost(2, one), views.RefuseKey},
		{"a removed key", sealedHost(1, one), sealedHost(2, removed), views.RefuseOldKey},
		{"none at the dialler", plain(1), sealedHost(2, one), views.RefusePlain},
		{"none at the acceptor", sealedHost(1, one), plain(2), views.RefuseSealed},
		{"another group", sealedHost(1, one), other, views.RefuseGroup},
		{"another transport", sealedHost(1, one), tethers, views.RefuseTransport},
		{"another transport, without keys", plain(1), tethers.Plain, views.RefuseTransport},
	} {
		m := meet(t, test.dialler, test.acceptor, nil)
		var dialled, accepted *RefusedError
		if !errors.As(m.dialErr, &dialled) || !dialled.Ours || dialled.Code != test.want ||
			!errors.As(m.acceptErr, &accepted) || accepted.Ours || accepted.Code != test.want || m.kept {
			t.Errorf("%s: %v and %v, want %v", test.name, m.dialErr, m.acceptErr, test.want)
		}
	}
}

// One with the ring but without the identity is nobody.
func TestSealedNeedsTheIdentity(t *testing.T) {
	ring := keys.NewRing(keyN(1), 0)
	a, b := sealedHost(1, ring), sealedHost(2, ring)
	thief := sealedHost(3, ring)
	thief.Self = a.Self
	if m := meet(t, thief, b, nil); m.acceptErr == nil || m.kept {
		t.Errorf("as dialler: %v, kept %v", m.acceptErr, m.kept)
	}
	thief.Self = b.Self
	if m := meet(t, a, thief, nil); m.dialErr == nil {
		t.Error("as acceptor it was believed")
	}
}

// spoiled changes one byte that is written.
type spoiled struct {
	net.Conn
	at int
}

func (s *spoiled) Write(b []byte) (int, error) {
	b = bytes.Clone(b)
	if s.at >= 0 && s.at < len(b) {
		b[s.at] ^= 1
	}
	s.at -= len(b)
	return s.Conn.Write(b)
}

// Whichever bit is changed on its way: nobody is kept.
func TestSealedTakesNothingChanged(t *testing.T) {
	ring := keys.NewRing(keyN(1), 0)
	a, b := sealedHost(1, ring), sealedHost(2, ring)
	for at := 0; at < openingSize+proofSize; at += 3 {
		m := meet(t, a, b, func(c net.Conn) net.Conn { return &spoiled{Conn: c, at: at} })
		if m.acceptErr == nil || m.kept {
			t.Fatalf("byte %d: %v, kept %v", at, m.acceptErr, m.kept)
		}
	}
}

// recorder keeps what is written.
type recorder struct {
	net.Conn
	said []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	r.said = append(r.said, b...)
	return r.Conn.Write(b)
}

// replayer says what was said before, whatever it is asked.
type replayer struct{ said []byte }

func (r replayer) Greet(c net.Conn) (Peer, error) {
	if _, err := c.Write(r.said); err != nil {
		return Peer{}, err
	}
	if end, ok := c.(*net.TCPConn); ok {
		_ = end.CloseWrite()
	}
	_, err := io.ReadAll(c)
	return Peer{}, err
}

func (r replayer) Answer(net.Conn, func(Peer) error) (Peer, error) { return Peer{}, nil }

// Whoever ends after a byte has ended in the middle: it is told from one who has said
// nothing, wherever that is.
func TestCutShort(t *testing.T) {
	ring := keys.NewRing(keyN(1), 0)
	a, b := sealedHost(1, ring), sealedHost(2, ring)
	for _, pair := range [][2]Greeter{{a, b}, {a.Plain, b.Plain}} {
		var tape *recorder
		meet(t, pair[0], pair[1], func(c net.Conn) net.Conn { tape = &recorder{Conn: c}; return tape })
		for n := range min(len(tape.said), openingSize) + 1 {
			m := meet(t, replayer{tape.said[:n]}, pair[1], nil)
			if whole := len(tape.said) == n; whole != (m.acceptErr == nil) || errors.Is(m.acceptErr, io.EOF) != (n == 0) {
				t.Errorf("ended after %d bytes of %d: %v", n, len(tape.said), m.acceptErr)
			}
		}
	}
}

func TestSealedReplay(t *testing.T) {
	ring := keys.NewRing(keyN(1), 0)
	a, b := sealedHost(1, ring), sealedHost(2, ring)
	var tape *recorder
	if m := meet(t, a, b, func(c net.Conn) net.Conn { tape = &recorder{Conn: c}; return tape }); m.acceptErr != nil {
		t.Fatal(m.acceptErr)
	}
	if m := meet(t, replayer{tape.said}, b, nil); m.acceptErr == nil || m.kept {
		t.Errorf("an old exchange was taken: %v, kept %v", m.acceptErr, m.kept)
	}
}

// Who repeats an opening gets one challenge, no longer than the opening, and not a byte
// more.
func TestRepeatedOpening(t *testing.T) {
	ring := keys.NewRing(keyN(1), 0)
	a, b := sealedHost(1, ring), sealedHost(2, ring)
	var tape *recorder
	if m := meet(t, a, b, func(c net.Conn) net.Conn { tape = &recorder{Conn: c}; return tape }); m.acceptErr != nil {
		t.Fatal(m.acceptErr)
	}
	near, far := net.Pipe()
	_ = far.SetDeadline(time.Now().Add(20 * time.Second))
	got := make(chan int64)
	go func() {
		_, _ = near.Write(tape.said[:openingSize])
		n, _ := io.CopyN(io.Discard, near, challengeSize)
		_, _ = near.Write(make([]byte, proofSize))
		more, _ := io.Copy(io.Discard, near)
		got <- n + more
	}()
	if _, err := b.Answer(far, func(Peer) error { return nil }); err == nil {
		t.Error("it was taken")
	}
	_ = far.Close()
	if n := <-got; n != challengeSize || n > openingSize {
		t.Errorf("an opening of %d bytes got %d", openingSize, n)
	}
}

func FuzzSealedAnswer(f *testing.F) {
	ring := keys.NewRing(keyN(1), 0)
	b := sealedHost(2, ring)
	x := exchange{Sealed: sealedHost(1, ring)}
	f.Add(append(x.introduction(keyN(1).ID()), make([]byte, signedSize+macSize)...))
	f.Fuzz(func(t *testing.T, said []byte) {
		near, far := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, near) }() // or an answer would wait for it
		go func() {
			_, _ = near.Write(said)
			_ = near.Close()
		}()
		_ = far.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := b.Answer(far, func(Peer) error { return nil }); err == nil {
			t.Error("somebody was kept")
		}
		_ = far.Close()
	})
}

// FuzzSealedGreet: whatever answers a dialler, by one who has a key of the group or not, is no
// host of the group without that host's own key.
func FuzzSealedGreet(f *testing.F) {
	ring := keys.NewRing(keyN(1), 0)
	a, b := sealedHost(1, ring), sealedHost(2, ring)
	honest := (&exchange{Sealed: b}).introduction(keyN(1).ID())
	f.Add(append(honest, make([]byte, signedSize)...), true)
	f.Add(append(honest, make([]byte, proofSize+macSize)...), false)
	f.Add([]byte{byte(views.RefuseKey)}, false)
	f.Fuzz(func(t *testing.T, said []byte, keyed bool) {
		near, far := net.Pipe()
		_ = near.SetDeadline(time.Now().Add(20 * time.Second))
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer far.Close()
			answerAs(&exchange{Sealed: b, conn: far}, said, keyed)
		}()
		if p, err := a.Greet(near); err == nil {
			t.Errorf("%+v is believed", p)
		}
		_ = near.Close()
		<-done
	})
}

// answerAs says said in the place of a challenge; where it is keyed, of its length and with its
// MAC, and goes on as if all were well.
func answerAs(x *exchange, said []byte, keyed bool) {
	if x.setKey(keyN(1)) != nil {
		return
	}
	if _, err := x.hear(nil, openingSize); err != nil {
		return
	}
	if !keyed {
		_, _ = x.conn.Write(said)
		return
	}
	challenge := make([]byte, challengeSize-macSize)
	copy(challenge, said)
	if x.say(challenge) != nil {
		return
	}
	if _, err := x.hear(nil, proofSize); err == nil {
		_ = x.say(nil)
	}
}
