package stabletest

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/views"
)

// Factory makes a fresh, empty directory and gives the way to open it. The way
// may be used again, also while an earlier Disk is open.
type Factory func(t *testing.T) (open func() stable.Disk)

// Run tests the implementation behind the factory.
func Run(t *testing.T, fresh Factory) {
	t.Run("Disk", func(t *testing.T) { runDisk(t, fresh) })
	t.Run("Store", func(t *testing.T) { runStore(t, fresh) })
}

func runDisk(t *testing.T, fresh Factory) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, func() stable.Disk)
	}{
		{"MissingFile", missingFile},
		{"WriteThenRead", writeThenRead},
		{"AllocateKeepsContent", allocateKeepsContent},
		{"ReadLimit", readLimit},
		{"RenameReplaces", renameReplaces},
		{"RemoveMissing", removeMissing},
		{"LockExcludes", lockExcludes},
		{"CloseTwice", closeTwice},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, fresh(t)) })
	}
}

func missingFile(t *testing.T, open func() stable.Disk) {
	d := opened(t, open)
	if _, err := d.ReadFile("none", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading a missing file: %v, want fs.ErrNotExist", err)
	}
	if err := d.Rename("none", "other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("renaming a missing file: %v, want fs.ErrNotExist", err)
	}
}

func writeThenRead(t *testing.T, open func() stable.Disk) {
	d := opened(t, open)
	p := []byte("abc")
	must(t, d.WriteAt("f", p, 0))
	p[0] = 'X' // the caller's buffer is the caller's again
	must(t, d.WriteAt("f", []byte("def"), 5))
	wantFile(t, d, "f", []byte("abc\x00\x00def"))
	must(t, d.Sync("f"))
	must(t, d.SyncDir())
	must(t, d.Close())
	wantFile(t, opened(t, open), "f", []byte("abc\x00\x00def"))
}

func allocateKeepsContent(t *testing.T, open func() stable.Disk) {
	d := opened(t, open)
	must(t, d.WriteAt("f", []byte("abc"), 0))
	must(t, d.Allocate("f", 5))
	wantFile(t, d, "f", []byte("abc\x00\x00"))
	must(t, d.Allocate("f", 2))
	wantFile(t, d, "f", []byte("abc\x00\x00"))
}

func readLimit(t *testing.T, open func() stable.Disk) {
	d := opened(t, open)
	must(t, d.WriteAt("f", make([]byte, 100), 0))
	if _, err := d.ReadFile("f", 100); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := d.ReadFile("f", 99); !errors.Is(err, stable.ErrDamaged) {
		t.Errorf("above the limit: %v, want ErrDamaged", err)
	}
}

func renameReplaces(t *testing.T, open func() stable.Disk) {
	d := opened(t, open)
	must(t, d.WriteAt("old", []byte("one, and longer"), 0))
	must(t, d.WriteAt("new", []byte("two"), 0))
	must(t, d.Rename("new", "old"))
	wantFile(t, d, "old", []byte("two"))
	if _, err := d.ReadFile("new", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the former name: %v, want fs.ErrNotExist", err)
	}
	// A write by the name reaches the file that has it now.
	must(t, d.WriteAt("old", []byte("T"), 0))
	wantFile(t, d, "old", []byte("Two"))
}

func removeMissing(t *testing.T, open func() stable.Disk) {
	d := opened(t, open)
	must(t, d.Remove("none"))
	must(t, d.WriteAt("f", []byte("x"), 0))
	must(t, d.Remove("f"))
	if _, err := d.ReadFile("f", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v, want fs.ErrNotExist", err)
	}
}

func lockExcludes(t *testing.T, open func() stable.Disk) {
	one, two := opened(t, open), opened(t, open)
	must(t, one.Lock())
	if err := two.Lock(); !errors.Is(err, stable.ErrLocked) {
		t.Fatalf("second Lock: %v, want ErrLocked", err)
	}
	must(t, two.Close())
	if err := opened(t, open).Lock(); !errors.Is(err, stable.ErrLocked) {
		t.Fatalf("Lock after the loser's Close: %v, want ErrLocked", err)
	}
	must(t, one.Close())
	must(t, opened(t, open).Lock())
}

func closeTwice(t *testing.T, open func() stable.Disk) {
	d := opened(t, open)
	must(t, d.Lock())
	must(t, d.Close())
	must(t, d.Close())
	must(t, opened(t, open).Lock())
}

func runStore(t *testing.T, fresh Factory) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, func() stable.Disk)
	}{
		{"FirstStart", firstStart},
		{"LivesRise", livesRise},
		{"SeqOutlives", seqOutlives},
		{"OneDaemonADirectory", oneDaemonADirectory},
		{"PeersComeBack", peersComeBack},
		{"PeersAreCapped", peersAreCapped},
		{"ClosedRefuses", closedRefuses},
		{"SyncErrorIsFinal", syncErrorIsFinal},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, fresh(t)) })
	}
}

func firstStart(t *testing.T, open func() stable.Disk) {
	s := start(t, open())
	self, key := s.Self()
	if self.Host.IsZero() || self.Incarnation != 1 || s.Seq() != 0 || len(s.Peers()) != 0 || len(s.Notices()) != 0 {
		t.Errorf("first start: self %v, seq %d, peers %v, notices %v", self, s.Seq(), s.Peers(), s.Notices())
	}
	if len(key) == 0 || key.Public() == nil {
		t.Errorf("no key")
	}
}

func livesRise(t *testing.T, open func() stable.Disk) {
	var first views.Process
	for life := views.Incarnation(1); life <= 5; life++ {
		s := start(t, open())
		self, key := s.Self()
		if life == 1 {
			first = self
		}
		if self.Host != first.Host || self.Incarnation != life {
			t.Fatalf("life %d: self %v, want host %v", life, self, first.Host)
		}
		if len(key) == 0 {
			t.Fatal("no key")
		}
		must(t, s.Close())
	}
}

func seqOutlives(t *testing.T, open func() stable.Disk) {
	s := start(t, open())
	for _, seq := range []views.Seq{3, 4, 4, 1 << 40, 2} {
		must(t, s.SaveSeq(seq))
	}
	if s.Seq() != 1<<40 {
		t.Errorf("Seq() = %d, want %d", s.Seq(), views.Seq(1<<40))
	}
	must(t, s.Close())
	if s = start(t, open()); s.Seq() != 1<<40 {
		t.Errorf("after a restart Seq() = %d, want %d", s.Seq(), views.Seq(1<<40))
	}
}

func oneDaemonADirectory(t *testing.T, open func() stable.Disk) {
	s := start(t, open())
	if _, err := stable.OpenDisk(open(), Random(2)); !errors.Is(err, stable.ErrLocked) {
		t.Fatalf("second daemon: %v, want ErrLocked", err)
	}
	must(t, s.SaveSeq(9)) // the first is not disturbed
	must(t, s.Close())
	start(t, open())
}

func peersComeBack(t *testing.T, open func() stable.Disk) {
	s := start(t, open())
	want := []stable.Peer{peer(1), peer(2)}
	want[1].Seen = time.Date(2026, 3, 1, 12, 0, 7, 0, time.UTC)
	must(t, s.SavePeers([]stable.Peer{peer(7)}))
	must(t, s.SavePeers(want))
	must(t, s.Close())
	got := start(t, open()).Peers()
	if !slices.Equal(got, want) {
		t.Errorf("Peers() = %v, want %v", got, want)
	}
}

func peersAreCapped(t *testing.T, open func() stable.Disk) {
	s := start(t, open())
	all := make([]stable.Peer, stable.PeersMax+1)
	for i := range all {
		all[i] = peer(i)
		all[i].Seen = time.Date(2026, 3, 1, 12, 0, 7, 0, time.UTC)
		all[i].Name = string(bytes.Repeat([]byte("n"), views.NameMax))
		all[i].Addr = netip.MustParseAddrPort("[2001:db8:1111:2222:3333:4444:5555:6666]:65535")
	}
	must(t, s.SavePeers(all))
	must(t, s.Close())
	s = start(t, open())
	if got := len(s.Peers()); got != stable.PeersMax {
		t.Errorf("%d peers come back, want %d; %v", got, stable.PeersMax, s.Notices())
	}
}

func closedRefuses(t *testing.T, open func() stable.Disk) {
	s := start(t, open())
	must(t, s.Close())
	must(t, s.Close())
	if err := s.SaveSeq(1); !errors.Is(err, stable.ErrClosed) {
		t.Errorf("SaveSeq after Close: %v, want ErrClosed", err)
	}
	if err := s.SavePeers(nil); !errors.Is(err, stable.ErrClosed) {
		t.Errorf("SavePeers after Close: %v, want ErrClosed", err)
	}
}

// syncErrorIsFinal: the disk fails one sync and then says "fine" for ever, as
// Linux does after it has dropped the dirty pages. Nothing may be acknowledged.
func syncErrorIsFinal(t *testing.T, open func() stable.Disk) {
	eio := errors.New("input/output error")
	fail := false
	s := start(t, stable.WithFaults(open(), func(op stable.Op, _ string) error {
		if op == stable.OpSync && fail {
			return eio
		}
		return nil
	}))
	must(t, s.SaveSeq(5))
	fail = true
	if err := s.SaveSeq(6); !errors.Is(err, eio) || !errors.Is(err, stable.ErrDisk) {
		t.Fatalf("SaveSeq with a failing sync: %v, want ErrDisk and its cause", err)
	}
	fail = false
	if err := s.SaveSeq(7); !errors.Is(err, eio) {
		t.Errorf("SaveSeq after a failed sync: %v, want the same error", err)
	}
	if err := s.SaveSeq(6); !errors.Is(err, eio) {
		t.Errorf("SaveSeq of the same seq after a failed sync: %v, want the same error", err)
	}
	if s.Seq() != 5 {
		t.Errorf("Seq() = %d, want the last durable one, 5", s.Seq())
	}
	must(t, s.Close())
	if again := start(t, open()); again.Seq() < 5 {
		t.Errorf("after a restart Seq() = %d, want 5 or more", again.Seq())
	}
}

// Random gives a seeded source of bytes, for keys that are the same every time.
func Random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func peer(i int) stable.Peer {
	return stable.Peer{
		Process: views.Process{Host: views.HostID{1, byte(i), byte(i >> 8)}, Incarnation: views.Incarnation(i + 1)},
		Name:    "h", Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(i)}), 7749),
	}
}

func start(t *testing.T, d stable.Disk) *stable.Store {
	t.Helper()
	s, err := stable.OpenDisk(d, Random(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func opened(t *testing.T, open func() stable.Disk) stable.Disk {
	t.Helper()
	d := open()
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func wantFile(t *testing.T, d stable.Disk, name string, want []byte) {
	t.Helper()
	got, err := d.ReadFile(name, 1<<20)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("file %s: %q, %v; want %q", name, got, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
