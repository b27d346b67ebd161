package rekey

import (
	"bytes"
	"crypto/ecdh"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// FuzzGrant: whatever the box of a grant holds, by one who could seal it or not, the ring is
// one that a file can hold, seals by a key that opens, and is as it was where there was an
// error.
func FuzzGrant(f *testing.F) {
	mine := ringOf(1)
	longer, err := mine.Install(keys.KeyOf([keys.Size]byte{2}), 2)
	if err != nil {
		f.Fatal(err)
	}
	expelled, err := longer.Expel(keys.KeyOf([keys.Size]byte{3}), 3, peerN(5).Host)
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range []keys.Ring{{}, mine, ringOf(4), longer, expelled} {
		f.Add(r.AppendTo(nil), true)
		f.Add(r.Text(), true)
	}
	f.Add(make([]byte, 16), false)
	f.Fuzz(func(t *testing.T, text []byte, sealed bool) {
		asker, granter := peerN(0), peerN(1)
		m := New(Config{Self: asker.Process, Ring: mine, Random: rand.NewChaCha8([32]byte{1})})
		m.Met(1, granter.Addr, 0)
		q := m.Drain().Sends[0].Msg.(*message.KeyAsk)
		g := &message.KeyGrant{Token: q.Token, Box: text}
		secret, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		g.Public = publicOf(secret)
		if sealed {
			box, err := boxOf(secret, q.Public, q.Public, g.Public, asker.Host, granter.Host)
			if err != nil {
				t.Fatal(err)
			}
			g.Box = box.Seal(nil, onlyNonce(box), text, nil)
		}
		err = m.HandleGrant(2, granter.Host, g)
		if err == nil && !sealed {
			t.Fatal("a box opens that nobody sealed")
		}
		if err != nil && m.Ring().Digest() != mine.Digest() {
			t.Fatalf("%v, and the ring is another one", err)
		}
		expectSoundRing(t, m)
		if out := m.Drain(); out.Save != nil {
			m.Saved(3, out.Save.Token, nil)
		}
		m.Advance(views.Instant(time.Minute))
		expectSoundRing(t, m)
	})
}

func expectSoundRing(t *testing.T, m *Machine) {
	t.Helper()
	back, err := keys.ParseRing(m.Ring().Text())
	if err != nil || back.Digest() != m.Ring().Digest() {
		t.Fatalf("a file cannot hold the ring: %v", err)
	}
	for _, k := range m.Accepted() {
		if k == m.SealWith() {
			return
		}
	}
	t.Fatal("what it seals does not open")
}
