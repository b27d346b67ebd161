package keys_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

func keyN(n byte) keys.Key { return keys.KeyOf([keys.Size]byte{n}) }

func must(r keys.Ring, err error) keys.Ring {
	if err != nil {
		panic(err)
	}
	return r
}

func TestRotation(t *testing.T) {
	old, fresh := keyN(1), keyN(2)
	r := keys.NewRing(old, 100)
	if r.Using() != old {
		t.Fatalf("a new ring uses %v", r.Using())
	}
	r = must(r.Install(fresh, 200))
	if r.Using() != old || len(r.Keys()) != 2 {
		t.Fatalf("after install: %v", r)
	}
	if _, err := r.Remove(old.ID()); !errors.Is(err, keys.ErrInUse) {
		t.Errorf("the key in use was removed: %v", err)
	}
	r = must(r.Use(fresh.ID()))
	r = must(r.Remove(old.ID()))
	if r.Using() != fresh || len(r.Keys()) != 1 || !r.Removed(old.ID()) {
		t.Fatalf("after removal: %v", r)
	}
	if _, err := r.Install(old, 300); !errors.Is(err, keys.ErrRemoved) {
		t.Errorf("a removed key came back: %v", err)
	}
	if _, err := r.Use(99); !errors.Is(err, keys.ErrUnknown) {
		t.Errorf("an unknown key is used: %v", err)
	}
}

func TestOperationsAreIdempotent(t *testing.T) {
	r := must(keys.NewRing(keyN(1), 1).Install(keyN(2), 2))
	r = must(r.Use(keyN(2).ID()))
	gone := must(r.Remove(keyN(1).ID()))
	for name, again := range map[string]keys.Ring{
		"install": must(r.Install(keyN(1), 9)),
		"use":     must(r.Use(keyN(2).ID())),
	} {
		if again.Digest() != r.Digest() {
			t.Errorf("%s twice changes the ring", name)
		}
	}
	if must(gone.Remove(keyN(1).ID())).Digest() != gone.Digest() {
		t.Error("remove twice changes the ring")
	}
}

func TestBounds(t *testing.T) {
	r := keys.NewRing(keyN(0), 0)
	for n := byte(1); n < keys.KeysMax; n++ {
		r = must(r.Install(keyN(n), 0))
	}
	if _, err := r.Install(keyN(100), 0); !errors.Is(err, keys.ErrFull) {
		t.Errorf("one more than %d keys: %v", keys.KeysMax, err)
	}
	out := must(r.Expel(keyN(100), 0, views.HostID{7}))
	if len(out.Keys()) != 1 || out.Using() != keyN(100) || !out.Barred(views.HostID{7}) || out.Barred(views.HostID{8}) {
		t.Errorf("after expelling: %v", out)
	}
}

// Removals that were made apart and would together leave no key leave the one that
// was named last.
func TestMergeLeavesAKeyInUse(t *testing.T) {
	base := must(keys.NewRing(keyN(1), 0).Install(keyN(2), 0))
	a := must(must(base.Use(keyN(2).ID())).Remove(keyN(1).ID()))
	b := must(base.Install(keyN(3), 0))
	b = must(b.Use(keyN(3).ID()))
	b = must(must(b.Remove(keyN(1).ID())).Remove(keyN(2).ID()))
	m := keys.Merge(a, b)
	if m.Using().IsZero() || len(m.Keys()) == 0 {
		t.Errorf("no key is left: %v", m)
	}
}

// genRing draws a ring that comes about by what operators do. Keys of before an
// expulsion are those of other rings, too; what comes after is fresh. Others are the
// rings that were drawn before.
func genRing(t *rapid.T, label string, others byte) keys.Ring {
	r := keys.NewRing(keyN(0), 0)
	past := byte(0) // the first of the keys that may be drawn
	for range rapid.IntRange(0, 12).Draw(t, label+" steps") {
		n := past + rapid.ByteRange(0, 5).Draw(t, "key")
		next, err := r, error(nil)
		switch rapid.IntRange(0, 4).Draw(t, "act") {
		case 0, 1:
			next, err = r.Install(keyN(n), int64(n))
		case 2:
			next, err = r.Use(keyN(n).ID())
		case 3:
			next, err = r.Remove(keyN(n).ID())
		case 4:
			past = max(past, 10+80*others) + 6
			next, err = r.Expel(keyN(past+n%6), int64(n), views.HostID{n})
		}
		if err == nil {
			r = next
		}
	}
	return r
}

func TestMergeIsOneRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := genRing(t, "a", 0), genRing(t, "b", 1), genRing(t, "c", 2)
		same := func(what string, x, y keys.Ring) {
			if !bytes.Equal(x.Text(), y.Text()) {
				t.Fatalf("%s: %s\nand\n%s", what, x.Text(), y.Text())
			}
		}
		same("idempotent", keys.Merge(a, a), a)
		same("commutative", keys.Merge(a, b), keys.Merge(b, a))
		same("associative", keys.Merge(keys.Merge(a, b), c), keys.Merge(a, keys.Merge(b, c)))
		if m := keys.Merge(a, b); m.Using().IsZero() {
			t.Fatalf("no key is in use: %v", m)
		}
	})
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := keys.Merge(genRing(t, "a", 0), genRing(t, "b", 1))
		back, err := keys.ParseRing(r.Text())
		if err != nil {
			t.Fatalf("%v in\n%s", err, r.Text())
		}
		if back.Digest() != r.Digest() {
			t.Fatalf("wrote\n%s\nread\n%s", r.Text(), back.Text())
		}
	})
}

func TestNothingPrintsASecret(t *testing.T) {
	k := keyN(77)
	r := keys.NewRing(k, 0)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "ring", r)
	said := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		said += fmt.Sprintf(verb, k) + fmt.Sprintf(verb, r) + fmt.Sprintf(verb, []keys.Key{k}) + fmt.Sprintf(verb, r.Keys())
	}
	for _, secret := range []string{string(k.Secret()), fmt.Sprintf("%x", k.Secret()), base64.StdEncoding.EncodeToString(k.Secret()), "77 0 0"} {
		if strings.Contains(said, secret) {
			t.Errorf("a secret is in %q", said)
		}
	}
	if !strings.Contains(said, k.ID().String()) {
		t.Error("not even the name is shown")
	}
	for _, v := range []any{k, r} {
		if b, err := json.Marshal(v); err == nil {
			t.Errorf("JSON: %s", b)
		}
	}
}

func TestBadText(t *testing.T) {
	good := string(keys.NewRing(keyN(1), 0).Text())
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"another file", "-----BEGIN\n", `line 1: want "gmsd-keys 1"`},
		{"no use", strings.Replace(good, "use ", "# ", 1), "no key is named in use"},
		{"two uses", strings.Replace(good, "key ", "use 00000000 1\nkey ", 1), "second key"},
		{"changed secret", strings.Replace(good, " AQAA", " AgAA", 1), "changed by hand"},
		{"short secret", good + "key 01020304 100 AAAA\n", "32 bytes in base64"},
		{"bad time", good + "key 01020304 today AAAA\n", "time"},
		{"unknown word", good + "secret 1\n", "want"},
		{"too long", good + strings.Repeat("#\n", keys.TextMax), "longer than"},
	} {
		_, err := keys.ParseRing([]byte(test.text))
		if !errors.Is(err, keys.ErrText) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func FuzzParseRing(f *testing.F) {
	f.Add(keys.NewRing(keyN(1), 0).Text())
	f.Add(must(keys.NewRing(keyN(1), 0).Expel(keyN(2), 5, views.HostID{1})).Text())
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := keys.ParseRing(text)
		if err != nil {
			return
		}
		back, err := keys.ParseRing(r.Text())
		if err != nil || back.Digest() != r.Digest() {
			t.Errorf("%v: read %s\nand again %s", err, r.Text(), back.Text())
		}
		if !r.IsZero() && r.Using().IsZero() {
			t.Error("no key is in use")
		}
	})
}

// Who is expelled knows every key that was live. Whatever another operator does with
// these, or installs, at the same time, none of them seals or opens once the two rings
// have met, in whatever order.
func TestExpulsionBeatsWhatWasDoneElsewhere(t *testing.T) {
	out := views.HostID{9}
	for n := byte(10); n < 60; n++ {
		known, brought, fresh := keyN(2), keyN(n+100), keyN(n)
		base := must(keys.NewRing(keyN(1), 0).Install(known, 0))
		expel := must(base.Expel(fresh, 0, out))
		used := must(must(must(base.Use(known.ID())).Use(keyN(1).ID())).Use(known.ID()))
		installed := must(must(base.Install(brought, 0)).Use(brought.ID()))
		for _, m := range []keys.Ring{
			keys.Merge(keys.Merge(used, expel), installed), keys.Merge(expel, keys.Merge(installed, used)),
		} {
			if list := m.Keys(); len(list) != 1 || m.Using() != fresh || !m.Barred(out) {
				t.Fatalf("of a key %v of before and %v of meanwhile: %v, want %v alone", known, brought, m, fresh)
			}
			if later := keys.Merge(m, installed); later.Digest() != m.Digest() {
				t.Fatalf("the old ring brings %v to %v", later, m)
			}
		}
	}
}

// A ring whose turns are at their end says so, and lets nothing be done by halves.
func TestTurnsEnd(t *testing.T) {
	ring := func(turn uint64) keys.Ring {
		text := strings.Replace(string(must(keys.NewRing(keyN(1), 0).Install(keyN(2), 0)).Text()),
			"use "+keyN(1).ID().String()+" 1\n", fmt.Sprintf("use %v %d\n", keyN(1).ID(), turn), 1)
		return must(keys.ParseRing([]byte(text)))
	}
	if _, err := ring(math.MaxUint32).Use(keyN(2).ID()); !errors.Is(err, keys.ErrFull) {
		t.Errorf("the last use of all: %v", err)
	}
	if r := must(ring(math.MaxUint32).Expel(keyN(3), 0)); must(r.Install(keyN(4), 0)).Using() != keyN(3) {
		t.Errorf("after the last use an expulsion gives %v", r)
	}
	last := ring(math.MaxUint64)
	if r, err := last.Expel(keyN(3), 0); !errors.Is(err, keys.ErrFull) || r.Digest() != last.Digest() {
		t.Errorf("the last expulsion of all: %v, %v", r, err)
	}
}

// Many hosts install a key each at the same time: what comes of it can be read again, with
// the key in use wherever it stands among the names.
func TestManyInstalledAtOnceAreReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := keys.NewRing(keyN(rapid.Byte().Draw(t, "first")), 0)
		m := base
		for n := range byte(60) {
			if k := keyN(n); k != base.Using() {
				m = keys.Merge(m, must(base.Install(k, 0)))
			}
		}
		again, err := keys.ParseRing(m.Text())
		if err != nil || again.Digest() != m.Digest() || again.Using() != base.Using() {
			t.Fatalf("%d keys: %v, %v", len(m.Keys()), again, err)
		}
	})
}
