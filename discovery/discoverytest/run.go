package discoverytest

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/discovery"
)

// Factory makes sources of one kind. What a kind cannot do is nil.
type Factory struct {
	// Open gives a source that names addrs, or does once it has had time.
	Open func(t *testing.T, addrs []netip.AddrPort) discovery.Source
	// Change has the source opened last name these from now on.
	Change func(t *testing.T, addrs []netip.AddrPort)
	// Break makes that nothing can be learned anew: no answer, no file.
	Break func(t *testing.T)
	// Hang makes that whoever is asked never answers.
	Hang func(t *testing.T)
}

// enough is time for whatever a source does in the background.
const enough = 20 * time.Second

// Run holds a source against the contract. It asks for a new factory for each
// of its tests.
func Run(t *testing.T, newFactory func(t *testing.T) Factory) {
	t.Helper()
	tests := []struct {
		name string
		run  func(s *suite)
	}{
		{"GivesWhatItIsTold", testGives},
		{"CallerOwns", testCallerOwns},
		{"FollowsWhatChanges", testFollows},
		{"KeepsWhatItKnew", testKeeps},
		{"Recovers", testRecovers},
		{"NeverWaits", testNeverWaits},
		{"IsBounded", testBounded},
		{"Concurrent", testConcurrent},
		{"CloseTwice", testClose},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test.run(&suite{T: t, f: newFactory(t)}) })
		})
	}
}

// Addrs gives n addresses that differ.
func Addrs(n int) []netip.AddrPort {
	out := make([]netip.AddrPort, n)
	for i := range out {
		out[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 7749)
	}
	return out
}

type suite struct {
	*testing.T
	f      Factory
	source discovery.Source
}

// open opens a source; the test closes it, also where it fails.
func (s *suite) open(addrs []netip.AddrPort) {
	s.source = s.f.Open(s.T, addrs)
	s.Cleanup(func() {
		if err := s.source.Close(); err != nil {
			s.Errorf("close: %v", err)
		}
	})
	s.pass()
}

// pass gives the source time, and asks it now and then as a host does.
func (s *suite) pass() {
	for range 4 {
		s.source.Addresses()
		time.Sleep(enough / 4)
	}
	synctest.Wait()
}

// addresses gives what the source names, sorted, after a look at the rules.
func (s *suite) addresses() []netip.AddrPort {
	s.Helper()
	var out []netip.AddrPort
	for _, f := range s.source.Addresses() {
		a := f.Addr
		if !a.Addr().Is4() || a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Port() == 0 {
			s.Errorf("%v: not an IPv4 address of one host with a port", a)
		}
		if f.Why == "" || f.At.After(time.Now()) {
			s.Errorf("%v: why %q, at %v: want a reason, and no time to come", a, f.Why, f.At)
		}
		if slices.Contains(out, a) {
			s.Errorf("%v: twice", a)
		}
		out = append(out, a)
	}
	if len(out) > discovery.AddressesMax {
		s.Errorf("%d addresses, at most %d can be", len(out), discovery.AddressesMax)
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

func (s *suite) want(addrs []netip.AddrPort, when string) {
	s.Helper()
	if got := s.addresses(); !slices.Equal(got, addrs) {
		s.Errorf("%s: %v, want %v", when, got, addrs)
	}
}

func testGives(s *suite) {
	s.open(Addrs(3))
	s.want(Addrs(3), "opened")
	if s.source.Name() == "" {
		s.Error("it has no name")
	}
	if said := s.source.Trouble(); said != "" {
		s.Errorf("in trouble: %s", said)
	}
}

func testCallerOwns(s *suite) {
	s.open(Addrs(3))
	clear(s.source.Addresses())
	s.want(Addrs(3), "after a caller wrote into what it got")
}

func testFollows(s *suite) {
	if s.f.Change == nil {
		s.Skip("it does not change")
	}
	s.open(Addrs(3))
	for _, n := range []int{1, 5, 2} {
		s.f.Change(s.T, Addrs(n))
		s.pass()
		s.want(Addrs(n), fmt.Sprintf("changed to %d", n))
	}
}

func testKeeps(s *suite) {
	if s.f.Break == nil {
		s.Skip("it cannot be broken")
	}
	s.open(Addrs(3))
	s.f.Break(s.T)
	s.pass()
	s.want(Addrs(3), "broken")
	if s.source.Trouble() == "" {
		s.Error("broken, and it does not say so")
	}
}

func testRecovers(s *suite) {
	if s.f.Break == nil || s.f.Change == nil {
		s.Skip("it cannot be broken, or does not change")
	}
	s.open(Addrs(3))
	s.f.Break(s.T)
	s.pass()
	s.f.Change(s.T, Addrs(4))
	s.pass()
	s.want(Addrs(4), "mended")
	if said := s.source.Trouble(); said != "" {
		s.Errorf("mended, and still in trouble: %s", said)
	}
}

func testNeverWaits(s *suite) {
	if s.f.Hang == nil {
		s.Skip("it asks nobody")
	}
	s.open(Addrs(3))
	s.f.Hang(s.T)
	for range 10 {
		began := time.Now()
		s.want(Addrs(3), "hanging")
		_ = s.source.Trouble()
		if took := time.Since(began); took != 0 {
			s.Fatalf("a call took %v", took)
		}
		time.Sleep(time.Second)
	}
	began := time.Now()
	if err := s.source.Close(); err != nil || time.Since(began) > time.Second {
		s.Errorf("Close took %v: %v", time.Since(began), err)
	}
}

func testBounded(s *suite) {
	if s.f.Change == nil {
		s.Skip("it does not change")
	}
	s.open(Addrs(1))
	s.f.Change(s.T, Addrs(discovery.AddressesMax+10))
	s.pass()
	if len(s.addresses()) < 2 {
		s.Error("of too many it names none")
	}
}

func testConcurrent(s *suite) {
	s.open(Addrs(3))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				s.source.Addresses()
				_ = s.source.Trouble()
				time.Sleep(time.Second)
			}
		})
	}
	all.Wait()
	s.want(Addrs(3), "asked by many")
}

func testClose(s *suite) {
	s.open(Addrs(3))
	for range 2 {
		if err := s.source.Close(); err != nil {
			s.Errorf("close: %v", err)
		}
	}
	s.want(Addrs(3), "closed")
}
