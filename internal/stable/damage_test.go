package stable_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/internal/stable/stabletest"
	"github.com/gmsd/gmsd/views"
)

// lived gives a directory that had the given number of lives, with a seq of ten
// times the life saved in each.
func lived(t *testing.T, lives int) *stable.Mem {
	t.Helper()
	m := &stable.Mem{Name: "h1"}
	for life := 1; life <= lives; life++ {
		s := open(t, m)
		if err := s.SaveSeq(views.Seq(10 * life)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func open(t *testing.T, m *stable.Mem) *stable.Store {
	t.Helper()
	s, err := stable.OpenDisk(m.Mount(), stabletest.Random(1))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantRefused opens the directory and wants the kind, a place and a cure.
func wantRefused(t *testing.T, m *stable.Mem, kind error, words ...string) {
	t.Helper()
	s, err := stable.OpenDisk(m.Mount(), stabletest.Random(9))
	if err == nil {
		self, _ := s.Self()
		t.Fatalf("opened as %v with seq %d, want %v", self, s.Seq(), kind)
	}
	var e *stable.Error
	if !errors.Is(err, kind) || !errors.As(err, &e) {
		t.Fatalf("%v, want %v", err, kind)
	}
	if e.Where == "" || e.What == "" || e.Cure == "" {
		t.Errorf("%q lacks a place, a finding or a cure: %+v", err, e)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestDamageIsRefusedWithACure(t *testing.T) {
	for _, c := range []struct {
		name, file string
		edit       func([]byte) []byte
		kind       error
		words      []string
	}{
		{"state empty", "state", func([]byte) []byte { return nil }, stable.ErrDamaged, []string{"h1:state", "cut off"}},
		{"state zeroed", "state", func(b []byte) []byte { return make([]byte, len(b)) }, stable.ErrDamaged, []string{"empty"}},
		{"state cut in the first block", "state", func(b []byte) []byte { return b[:300] }, stable.ErrDamaged, []string{"300 of 16384"}},
		{"state too long", "state", func(b []byte) []byte { return append(b, 0) }, stable.ErrDamaged, []string{"16384"}},
		{"every block flipped", "state", func(b []byte) []byte {
			for off := 0; off < len(b); off += 4096 {
				b[off+33] ^= 1
			}
			return b
		}, stable.ErrDamaged, []string{"wrong checksum"}},
		{"slots swapped", "state", func(b []byte) []byte {
			return append(append([]byte{}, b[8192:]...), b[:8192]...)
		}, stable.ErrDamaged, []string{"another place"}},
		{"copies swapped", "state", func(b []byte) []byte {
			var out []byte
			for _, block := range []int{1, 0, 3, 2} {
				out = append(out, b[block*4096:(block+1)*4096]...)
			}
			return out
		}, stable.ErrDamaged, []string{"another place"}},
		{"identity empty", "identity", func([]byte) []byte { return nil }, stable.ErrDamaged, []string{"h1:identity", "no PEM"}},
		{"identity cut", "identity", func(b []byte) []byte { return b[:40] }, stable.ErrDamaged, []string{"h1:identity"}},
		{"identity flipped in its DER head", "identity", func(b []byte) []byte { b[30] ^= 2; return b }, stable.ErrDamaged, []string{"h1:identity"}},
		{"identity of another kind", "identity", func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), "PRIVATE", "RSA PRIVATE"))
		}, stable.ErrDamaged, []string{"RSA PRIVATE KEY"}},
		{"identity with something behind", "identity", func(b []byte) []byte { return append(b, "x"...) }, stable.ErrDamaged, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := lived(t, 3)
			if !m.Poke(c.file, c.edit) {
				t.Fatal("no such file")
			}
			wantRefused(t, m, c.kind, c.words...)
			wantRefused(t, m, c.kind) // refusing changes nothing
		})
	}
}

func TestMissingFilesAreRefused(t *testing.T) {
	t.Run("state", func(t *testing.T) {
		m := lived(t, 3)
		remove(t, m, "state")
		wantRefused(t, m, stable.ErrDamaged, "state", "missing")
	})
	t.Run("identity", func(t *testing.T) {
		m := lived(t, 3)
		remove(t, m, "identity")
		wantRefused(t, m, stable.ErrDamaged, "identity", "missing", "incarnation 3")
	})
}

func remove(t *testing.T, m *stable.Mem, name string) {
	t.Helper()
	d := m.Mount()
	if err := errors.Join(d.Remove(name), d.SyncDir(), d.Close()); err != nil {
		t.Fatal(err)
	}
}

// A bit that flips anywhere in one block loses nothing, is said, and is mended.
func TestOneDamagedBlockLosesNothing(t *testing.T) {
	pristine := lived(t, 3)
	for block := range 4 {
		for _, at := range []int{0, 7, 9, 14, 20, 39, 47, 200, 511} {
			m := pristine.Clone()
			m.Poke("state", func(b []byte) []byte { b[block*4096+at] ^= 0x10; return b })
			s := open(t, m)
			self, _ := s.Self()
			if self.Incarnation != 4 || s.Seq() != 30 {
				t.Errorf("block %d byte %d: incarnation %d seq %d, want 4 and 30", block, at, self.Incarnation, s.Seq())
			}
			if len(s.Notices()) != 1 {
				t.Errorf("block %d byte %d: notices %q, want one", block, at, s.Notices())
			}
			_ = s.Close()
			if s = open(t, m); len(s.Notices()) != 0 {
				t.Errorf("block %d byte %d: not mended: %q", block, at, s.Notices())
			}
		}
	}
}

// A whole slot is gone: its record is lost if it was the newer. The incarnation
// in it must not be used again.
func TestALostSlotNeverRepeatsAnIncarnation(t *testing.T) {
	for slot := range 2 {
		for lives := 1; lives <= 4; lives++ {
			// The last life saved nothing, so one slot alone has its incarnation.
			m := lived(t, lives-1)
			_ = open(t, m).Close()
			m.Poke("state", func(b []byte) []byte {
				clear(b[slot*8192 : (slot+1)*8192])
				return b
			})
			s := open(t, m)
			if self, _ := s.Self(); int(self.Incarnation) <= lives {
				t.Errorf("slot %d of %d lives lost: incarnation %d was used before", slot, lives, self.Incarnation)
			}
			if len(s.Notices()) != 2 {
				t.Errorf("notices %q, want two", s.Notices())
			}
		}
	}
}

// A file cut behind its first slot gets its length back.
func TestACutFileIsMendedWhereOneSlotIsLeft(t *testing.T) {
	m := lived(t, 2)
	m.Poke("state", func(b []byte) []byte { return b[:8192] })
	s := open(t, m)
	_ = s.Close()
	if s = open(t, m); len(s.Notices()) != 0 {
		t.Errorf("not mended: %q", s.Notices())
	}
}

func TestAnotherHostsStateIsRefused(t *testing.T) {
	one := lived(t, 2)
	two := &stable.Mem{Name: "h2"}
	s, err := stable.OpenDisk(two.Mount(), stabletest.Random(2))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	var foreign []byte
	two.Poke("state", func(b []byte) []byte { foreign = b; return b })
	one.Poke("state", func([]byte) []byte { return foreign })
	wantRefused(t, one, stable.ErrDamaged, "is of host")
}

// The whole directory is put back as it was two lives ago. Nothing in it is
// wrong, so nothing can be seen here; the group sees it, since it has met the
// later incarnations, and refuses the host.
func TestAnOlderCopyIsNotDetectedHere(t *testing.T) {
	image := lived(t, 3)
	later := image.Clone()
	for range 2 {
		s := open(t, later)
		_ = s.Close()
	}
	s := open(t, image)
	if self, _ := s.Self(); self.Incarnation != 4 || len(s.Notices()) != 0 {
		t.Errorf("incarnation %d, notices %q", self.Incarnation, s.Notices())
	}
}

func TestALaterFormatIsRefused(t *testing.T) {
	m := lived(t, 1)
	m.Poke("state", stable.AsLaterFormat)
	wantRefused(t, m, stable.ErrNewer, "later gmsd")
}

func TestPeersAreNeverFatal(t *testing.T) {
	for _, text := range []string{"", "{", "null", "[]", `{"format":2,"peers":[]}`, `{"format":1,"peers":[{"host":"zz"}]}`, strings.Repeat("x", 1<<20)} {
		m := lived(t, 1)
		d := m.Mount()
		if err := d.WriteAt("peers.json", []byte(text), 0); err != nil {
			t.Fatal(err)
		}
		s := open(t, m)
		if len(s.Peers()) != 0 || len(s.Notices()) != 1 || !strings.Contains(s.Notices()[0], "peers.json") {
			t.Errorf("%.20q: peers %v, notices %q", text, s.Peers(), s.Notices())
		}
	}
}

// What an earlier version wrote of its last view still counts.
func TestPeersOfAnEarlierVersion(t *testing.T) {
	m := lived(t, 1)
	text := `{"format":1,"peers":[{"host":"01000000000000000000000000000000","incarnation":3,"name":"h","addr":"10.77.0.1:7749"}]}` + "\n"
	if err := m.Mount().WriteAt("peers.json", []byte(text), 0); err != nil {
		t.Fatal(err)
	}
	got := open(t, m).Peers()
	if len(got) != 1 || got[0].Name != "h" || got[0].Incarnation != 3 || !got[0].Seen.IsZero() {
		t.Errorf("Peers() = %v", got)
	}
}

func TestBadPeersAreLeftOut(t *testing.T) {
	m := lived(t, 1)
	s := open(t, m)
	good := stable.Peer{Process: views.Process{Host: views.HostID{1}}, Name: "h", Addr: netip.MustParseAddrPort("10.77.0.1:7749")}
	long := good
	long.Name = strings.Repeat("n", views.NameMax+1)
	if err := s.SavePeers([]stable.Peer{{Name: "no host, no address"}, long, good}); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if got := open(t, m).Peers(); len(got) != 1 || got[0] != good {
		t.Errorf("Peers() = %v", got)
	}
}

func TestAFullDiskIsSaidClearly(t *testing.T) {
	for _, op := range []stable.Op{stable.OpAllocate, stable.OpWrite, stable.OpSync} {
		m := &stable.Mem{Name: "h1"}
		full := stable.WithFaults(m.Mount(), func(o stable.Op, name string) error {
			if o == op {
				return &fs.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
			}
			return nil
		})
		_, err := stable.OpenDisk(full, stabletest.Random(1))
		var e *stable.Error
		if !errors.Is(err, stable.ErrFull) || !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &e) || e.Cure == "" {
			t.Errorf("%s on a full disk: %v", op, err)
		}
		// Space comes back: the host starts as if nothing had been.
		if self, _ := open(t, m).Self(); self.Incarnation != 1 {
			t.Errorf("%s: after space came back incarnation %d", op, self.Incarnation)
		}
	}
}

// Peers on a full disk: an error for the log, and the host lives on.
func TestAFullDiskForPeersChangesNothingElse(t *testing.T) {
	m := lived(t, 1)
	s, err := stable.OpenDisk(stable.WithFaults(m.Mount(), func(_ stable.Op, name string) error {
		if strings.HasPrefix(name, "peers") {
			return syscall.ENOSPC
		}
		return nil
	}), stabletest.Random(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SavePeers([]stable.Peer{{}}); !errors.Is(err, stable.ErrFull) {
		t.Errorf("SavePeers: %v, want ErrFull", err)
	}
	if err := s.SaveSeq(99); err != nil {
		t.Errorf("SaveSeq after it: %v", err)
	}
}

func TestKeysAreTheSourcesAndHostIDTheirHash(t *testing.T) {
	ids := map[views.HostID]bool{}
	for range 2 {
		for seed := range byte(3) {
			s, err := stable.OpenDisk((&stable.Mem{}).Mount(), stabletest.Random(seed))
			if err != nil {
				t.Fatal(err)
			}
			self, key := s.Self()
			if want := views.HostIDOf(key.Public().(ed25519.PublicKey)); want != self.Host {
				t.Errorf("host id %v, want %v", self.Host, want)
			}
			ids[self.Host] = true
		}
	}
	if len(ids) != 3 {
		t.Errorf("%d host ids from three seeds drawn twice", len(ids))
	}
}

func TestARandomSourceThatEndsIsAnError(t *testing.T) {
	if _, err := stable.OpenDisk((&stable.Mem{}).Mount(), strings.NewReader("short")); !errors.Is(err, stable.ErrDisk) {
		t.Errorf("%v, want ErrDisk", err)
	}
}

// Crash with the same seed gives the same directory.
func TestCrashIsDeterministic(t *testing.T) {
	run := func(seed uint64) []byte {
		m := lived(t, 2)
		d := m.Mount()
		if err := d.WriteAt("state", bytes.Repeat([]byte{0xff}, 4096), 0); err != nil {
			t.Fatal(err)
		}
		m.Crash(rand.New(rand.NewPCG(seed, 0)), 50)
		var got []byte
		m.Poke("state", func(b []byte) []byte { got = b; return b })
		return got
	}
	one, again := run(1), run(1)
	if !bytes.Equal(one, again) {
		t.Error("two crashes of one seed differ")
	}
	if bytes.Equal(one, run(2)) {
		t.Error("crashes of two seeds do not differ")
	}
}
