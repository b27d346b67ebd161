package doctor

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/views"
)

// world is what is true of some hosts; reports says what they would report.
type world struct {
	rng   *rand.Rand
	hosts []site
	loss  float64 // of every frame everywhere
	// what is wrong, by direction and by host
	uni, multi, tcp, rejected, large, lossy, idle, throttled map[arrow]bool
	down, frozen, off, prohibited, unrouted                  map[views.HostID]bool
}

type site struct {
	Report
	clock   time.Duration
	renewed bool
	// wrong: the address it says is not its own.
	wrong netip.AddrPort
	twin  views.HostID
}

func hostID(n int) views.HostID { return views.HostID{byte(n + 1), 7} }

func addrN(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)}), 7749)
}

func newWorld(n int, seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 2))}
	for _, m := range []*map[arrow]bool{&w.uni, &w.multi, &w.tcp, &w.rejected, &w.large, &w.lossy, &w.idle, &w.throttled} {
		*m = map[arrow]bool{}
	}
	for _, m := range []*map[views.HostID]bool{&w.down, &w.frozen, &w.off, &w.prohibited, &w.unrouted} {
		*m = map[views.HostID]bool{}
	}
	for i := range n {
		w.hosts = append(w.hosts, site{Report: Report{
			Host: hostID(i), Name: fmt.Sprintf("h%d", i+1), Addr: addrN(i), Multicast: true, Loop: Good,
			Sections: []Section{{"transport", 5}, {"flow", 6}},
			Names:    []Resolved{{"db.example", []netip.Addr{addrN(0).Addr()}}},
		}})
	}
	return w
}

func (w *world) silent(h views.HostID) bool {
	return w.down[h] || w.frozen[h] || w.off[h] || w.prohibited[h]
}

// passes reports whether a frame gets there, chance apart.
func (w *world) passes(a arrow) bool {
	return !w.uni[a] && !w.silent(a.from) && !w.silent(a.to) && !w.unrouted[a.from] && !w.unrouted[a.to]
}

// passesAll is passes for what is said to all.
func (w *world) passesAll(a arrow) bool {
	return w.passes(a) || w.unrouted[a.from] && !w.unrouted[a.to]
}

func (w *world) flow(a arrow, n int, through bool, more float64) Flow {
	f := Flow{Age: -1}
	for range n {
		if through && w.rng.Float64() >= w.loss+more {
			f.Got++
			f.Age = time.Duration(w.rng.IntN(900)) * time.Millisecond
		} else if through {
			f.Lost++
		}
	}
	return f
}

func (w *world) asked(a arrow, n int, through bool) Probes {
	p := Probes{Sent: uint32(n)}
	if !through {
		return p
	}
	for range n {
		if w.rng.Float64() >= 2*w.loss {
			p.Answered++
		}
	}
	return p
}

func (w *world) tcpOf(a arrow) TCP {
	switch back := (arrow{a.to, a.from}); {
	case w.off[a.to], w.unrouted[a.to]:
		return TCPSilent
	case w.prohibited[a.to]:
		return TCPRejected
	case w.down[a.to]:
		return TCPRefused
	case w.frozen[a.to]:
		return TCPMute
	case w.rejected[a]:
		return TCPRejected
	case w.tcp[a], w.tcp[back]:
		return TCPSilent
	}
	return TCPGood
}

func (w *world) reports() []Report {
	var list []Report
	for i := range w.hosts {
		here := &w.hosts[i]
		if w.silent(here.Host) || w.unrouted[here.Host] {
			continue
		}
		r := here.Report
		for j := range w.hosts {
			if i == j {
				continue
			}
			there := &w.hosts[j]
			out, in := arrow{here.Host, there.Host}, arrow{there.Host, here.Host}
			both := w.passes(out) && w.passes(in)
			l := Link{Peer: there.Host, Name: there.Name, Addr: there.Addr, Member: both}
			more := 0.0
			if w.lossy[in] {
				more = 0.3
			}
			l.All = w.flow(in, 40, w.passesAll(in) && !w.multi[in], more)
			l.One = w.flow(in, 60, w.passes(in), more)
			if both {
				away := 0.0
				if w.lossy[out] {
					away = 0.3
				}
				l.There = w.flow(out, 200, true, away)
				l.There.Age = 0
				l.Back = w.flow(in, int(l.There.Got), true, more)
				l.Back.Age = 0
			}
			l.Small = w.asked(out, 16, both && !there.wrong.IsValid())
			l.LargeBytes, l.Fits = 1472, 548
			l.Large = w.asked(out, 8, both && !w.large[out])
			l.Burst = Probes{Sent: 100, Answered: uint32(95 - w.rng.IntN(10))}
			if w.throttled[in] {
				l.Burst.Answered = uint32(30 + w.rng.IntN(20))
			}
			l.TCP = w.tcpOf(out)
			l.Idle, l.IdleFor = Good, 30*time.Second
			if w.idle[out] || w.idle[in] {
				l.Idle = Bad
			}
			l.RTT = time.Millisecond
			l.Clock, l.Error = there.clock-here.clock+time.Duration(w.rng.IntN(1000))*time.Microsecond, 2*time.Millisecond
			l.Renewed = here.renewed
			if there.wrong.IsValid() {
				l.Addr, l.Source, l.SourceAnswers = there.wrong, there.Addr, true
			}
			l.Twin = there.twin
			r.Links = append(r.Links, l)
		}
		list = append(list, r)
	}
	w.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// each lets do happen to every way from, or to, a host.
func (w *world) each(m map[arrow]bool, match func(arrow) bool) {
	for i := range w.hosts {
		for j := range w.hosts {
			if a := (arrow{hostID(i), hostID(j)}); i != j && match(a) {
				m[a] = true
			}
		}
	}
}

func from(h views.HostID) func(arrow) bool { return func(a arrow) bool { return a.from == h } }
func to(h views.HostID) func(arrow) bool   { return func(a arrow) bool { return a.to == h } }

// injury is a fault of the model: x and y are hosts. It gives the verdict that must follow.
type injury struct {
	cause string
	do    func(w *world, x, y int) arrow
}

func oneHost(set func(w *world, s *site)) func(*world, int, int) arrow {
	return func(w *world, x, _ int) arrow {
		set(w, &w.hosts[x])
		return arrow{from: hostID(x)}
	}
}

func pair(set func(w *world, a arrow)) func(*world, int, int) arrow {
	return func(w *world, x, y int) arrow {
		a := arrow{hostID(x), hostID(y)}
		set(w, a)
		return a
	}
}

var injuries = []injury{
	{"process-down", oneHost(func(w *world, s *site) { w.down[s.Host] = true })},
	{"process-frozen", oneHost(func(w *world, s *site) { w.frozen[s.Host] = true })},
	{"host-unreachable", oneHost(func(w *world, s *site) { w.off[s.Host] = true })},
	{"unicast-blocked", oneHost(func(w *world, s *site) { w.unrouted[s.Host] = true })},
	{"host-rejected", oneHost(func(w *world, s *site) { w.prohibited[s.Host] = true })},
	{"link-cut", pair(func(w *world, a arrow) {
		for _, a := range []arrow{a, {a.to, a.from}} {
			w.uni[a], w.multi[a], w.tcp[a] = true, true, true
		}
	})},
	{"one-way-link", pair(func(w *world, a arrow) { w.uni[a], w.multi[a], w.tcp[a] = true, true, true })},
	{"advertise-wrong", oneHost(func(_ *world, s *site) { s.wrong = netip.MustParseAddrPort("192.0.2.9:7749") })},
	{"udp-blocked", oneHost(func(w *world, s *site) { w.each(w.uni, to(s.Host)); w.each(w.multi, to(s.Host)) })},
	{"tcp-blocked", oneHost(func(w *world, s *site) { w.each(w.tcp, to(s.Host)) })},
	{"tcp-rejected", oneHost(func(w *world, s *site) { w.each(w.rejected, to(s.Host)) })},
	{"mtu-black-hole", oneHost(func(w *world, s *site) { w.each(w.large, to(s.Host)) })},
	{"mtu-black-hole", pair(func(w *world, a arrow) { w.large[a] = true })},
	{"packet-loss", oneHost(func(w *world, s *site) { w.each(w.lossy, from(s.Host)) })},
	{"packet-loss", pair(func(w *world, a arrow) { w.lossy[a] = true })},
	{"multicast-blocked", func(w *world, _, _ int) arrow {
		w.each(w.multi, func(arrow) bool { return true })
		return arrow{}
	}},
	{"multicast-deaf", oneHost(func(w *world, s *site) { w.each(w.multi, to(s.Host)) })},
	{"multicast-mute", oneHost(func(w *world, s *site) { w.each(w.multi, from(s.Host)) })},
	{"multicast-one-way", pair(func(w *world, a arrow) { w.multi[a] = true })},
	{"multicast-throttled", pair(func(w *world, a arrow) { w.throttled[a] = true })},
	{"multicast-ageing", oneHost(func(_ *world, s *site) { s.renewed = true })},
	{"multicast-no-loopback", oneHost(func(_ *world, s *site) { s.Loop = Bad })},
	{"idle-dropped", oneHost(func(w *world, s *site) { w.each(w.idle, to(s.Host)); w.each(w.idle, from(s.Host)) })},
	{"clock-offset", oneHost(func(_ *world, s *site) { s.clock = 5 * time.Second })},
	{"name-differs", pair(func(w *world, a arrow) {
		w.hosts[int(a.to[0])-1].Names = []Resolved{{"db.example", []netip.Addr{addrN(1).Addr()}}}
	})},
	{"name-unresolved", oneHost(func(_ *world, s *site) { s.Names = []Resolved{{"db.example", nil}} })},
	{"config-differs", pair(func(w *world, a arrow) { w.hosts[int(a.to[0])-1].Sections = []Section{{"flow", 99}} })},
	{"router-lost", func(w *world, x, _ int) arrow {
		w.hosts[x].Lost = append(w.hosts[x].Lost, addrN(9))
		return arrow{hostID(x), PlaceID(addrN(9))}
	}},
	{"router-lost", func(w *world, _, _ int) arrow {
		for i := range w.hosts {
			w.hosts[i].Lost = append(w.hosts[i].Lost, addrN(8))
		}
		return arrow{from: PlaceID(addrN(8))}
	}},
	{"process-starved", oneHost(func(_ *world, s *site) { s.Paused = 6 * time.Second })},
	{"disk-slow", oneHost(func(_ *world, s *site) { s.Synced = 2 * time.Second })},
	{"duplicate-address", pair(func(w *world, a arrow) { w.hosts[int(a.from[0])-1].twin = a.to })},
	{"duplicate-host-id", oneHost(func(w *world, s *site) { w.refuse(s.Host, views.RefuseDuplicate) })},
	{"key-differs", pair(func(w *world, a arrow) { w.refuseBetween(a, views.RefuseKey) })},
	{"key-removed", pair(func(w *world, a arrow) { w.refuseBetween(a, views.RefuseOldKey) })},
	{"not-sealed", pair(func(w *world, a arrow) { w.refuseBetween(a, views.RefusePlain) })},
	{"group-differs", pair(func(w *world, a arrow) { w.refuseBetween(a, views.RefuseGroup) })},
	{"transport-differs", pair(func(w *world, a arrow) { w.refuseBetween(a, views.RefuseTransport) })},
	{"version-differs", pair(func(w *world, a arrow) { w.refuseBetween(a, views.RefuseVersion) })},
	{"key-differs", stranger(views.RefuseKey)},
	{"key-removed", stranger(views.RefuseOldKey)},
	{"not-sealed", stranger(views.RefusePlain)},
	{"not-sealed", stranger(views.RefuseSealed)},
	{"group-differs", stranger(views.RefuseGroup)},
	{"transport-differs", stranger(views.RefuseTransport)},
	{"version-differs", stranger(views.RefuseVersion)},
}

// stranger: somebody of whom nothing is proved sends what cannot be read.
func stranger(code views.RefuseCode) func(*world, int, int) arrow {
	return func(w *world, x, y int) arrow {
		s := &w.hosts[x]
		s.Refusals = append(s.Refusals, Refusal{Who: hostID(100 + y), Addr: addrN(77 + y), Code: code})
		return arrow{Stranger, s.Host}
	}
}

func (w *world) refuse(who views.HostID, code views.RefuseCode) {
	for i := range w.hosts { // all hear of it
		if s := &w.hosts[i]; s.Host != who {
			s.Refusals = append(s.Refusals, Refusal{Who: who, Addr: addrN(77), Code: code})
		}
	}
}

func (w *world) refuseBetween(a arrow, code views.RefuseCode) {
	s := &w.hosts[int(a.to[0])-1]
	s.Refusals = append(s.Refusals, Refusal{Who: a.from, Addr: addrN(int(a.from[0]) - 1), Code: code, Proved: true})
}

// key names a verdict for comparison; directions of what has none are forgotten.
func key(cause string, a arrow) string {
	switch cause {
	case "link-cut", "name-differs", "config-differs", "duplicate-address", "group-differs", "transport-differs", "version-differs", "key-differs", "key-removed", "not-sealed":
		if a.to.Compare(a.from) < 0 {
			a = arrow{a.to, a.from}
		}
	}
	return fmt.Sprintf("%s %s>%s", cause, a.from.Short(), a.to.Short())
}

func keysOf(list []Verdict) []string {
	var out []string
	for _, v := range list {
		out = append(out, key(v.Cause, arrow{v.From.Host, v.To.Host}))
	}
	slices.Sort(out)
	return out
}

// Every cause of the table has an injury here, and so a test.
func TestEveryCauseIsInjected(t *testing.T) {
	for _, c := range Causes {
		if !slices.ContainsFunc(injuries, func(i injury) bool { return i.cause == c.Name }) {
			t.Errorf("%s is not tested", c.Name)
		}
		if c.What == "" || c.Cure == "" || c.Experiment == "" {
			t.Errorf("%s is not described", c.Name)
		}
	}
	if len(Causes) < 20 {
		t.Errorf("%d causes", len(Causes))
	}
}

func TestOneFaultIsNamed(t *testing.T) {
	for _, in := range injuries {
		t.Run(in.cause, func(t *testing.T) {
			for seed := range 30 {
				w := newWorld(3+seed%4, uint64(seed))
				w.loss = []float64{0, 0.05}[seed%2]
				x := w.rng.IntN(len(w.hosts))
				y := (x + 1 + w.rng.IntN(len(w.hosts)-1)) % len(w.hosts)
				want := []string{key(in.cause, in.do(w, x, y))}
				got := Diagnose(w.reports())
				if in.cause == "name-differs" || in.cause == "config-differs" {
					checkDiffers(t, got, in.cause, hostID(y))
					continue
				}
				if !slices.Equal(keysOf(got), want) {
					t.Fatalf("seed %d, %d hosts, %d and %d: got %v, want %v", seed, len(w.hosts), x, y, got, want)
				}
			}
		})
	}
}

// checkDiffers: against one other host where the odd one is not the first, and
// else against each.
func checkDiffers(t *testing.T, got []Verdict, cause string, odd views.HostID) {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("nothing was named")
	}
	for _, v := range got {
		if v.Cause != cause || v.From.Host != odd && v.To.Host != odd {
			t.Fatalf("got %v", got)
		}
	}
}

func TestHealthyYieldsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.IntRange(1, 8).Draw(t, "hosts"), rapid.Uint64().Draw(t, "seed"))
		w.loss = rapid.SampledFrom([]float64{0, 0.01, 0.05}).Draw(t, "loss")
		if got := Diagnose(w.reports()); len(got) > 0 {
			t.Fatalf("named %v", got)
		}
	})
}

// A host whose own firewall drops the rejections of another is no cause of its own.
func TestRejectionThatOneDoesNotHear(t *testing.T) {
	for _, answer := range []TCP{TCPRejected, TCPRefused} {
		w := newWorld(5, 3)
		w.each(w.rejected, to(hostID(1)))
		reports := w.reports()
		for i := range reports {
			for j := range reports[i].Links {
				switch l := &reports[i].Links[j]; {
				case l.Peer != hostID(1):
				case reports[i].Host == hostID(3):
					l.TCP = TCPSilent
				default:
					l.TCP = answer
				}
			}
		}
		if got, want := keysOf(Diagnose(reports)), []string{key("tcp-rejected", arrow{from: hostID(1)})}; !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", answer, got, want)
		}
	}
}

// A host whose switch forgets it hears one sooner again than another: no way is to blame.
func TestWhatAgesIsNotOneWay(t *testing.T) {
	w := newWorld(5, 3)
	w.hosts[2].renewed = true
	w.multi[arrow{hostID(0), hostID(2)}] = true
	if got, want := keysOf(Diagnose(w.reports())), []string{key("multicast-ageing", arrow{from: hostID(2)})}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	w.hosts[2].renewed = false
	if got, want := keysOf(Diagnose(w.reports())), []string{key("multicast-one-way", arrow{hostID(0), hostID(2)})}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestVerdictsDoNotDependOnOrder(t *testing.T) {
	w := newWorld(5, 3)
	w.each(w.multi, to(hostID(2)))
	w.large[arrow{hostID(0), hostID(1)}] = true
	reports := w.reports()
	want := fmt.Sprint(Diagnose(reports))
	for range 20 {
		w.rng.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		if got := fmt.Sprint(Diagnose(reports)); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// Whatever reports say, it comes to an end without a panic.
func FuzzDiagnose(f *testing.F) {
	f.Add(uint64(1), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, n uint8) {
		w := newWorld(int(n%6)+1, seed)
		reports := w.reports()
		for i := range reports {
			for j := range reports[i].Links {
				l := &reports[i].Links[j]
				l.Peer = hostID(w.rng.IntN(8))
				l.TCP = TCP(w.rng.IntN(int(tcpEnd) + 1))
				l.Small.Answered = w.rng.Uint32()
				l.All.Age = time.Duration(w.rng.Int64())
			}
		}
		Diagnose(append(reports, reports...))
	})
}

// Two at a time, at hosts of their own: both are named and nothing else is.
func TestTwoFaultsAreNamed(t *testing.T) {
	misses := map[string]int{}
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 9))
		n := 5 + rng.IntN(3)
		w := newWorld(n, seed)
		w.loss = []float64{0, 0.05}[seed%2]
		spots := rng.Perm(n)
		first, second := injuries[rng.IntN(len(injuries))], injuries[rng.IntN(len(injuries))]
		causes := first.cause + " + " + second.cause
		if causes == "unicast-blocked + multicast-blocked" || causes == "multicast-blocked + unicast-blocked" {
			continue // together they are host-unreachable
		}
		want := []wanted{{first.cause, first.do(w, spots[0], spots[1])}, {second.cause, second.do(w, spots[2], spots[3])}}
		if masks(first.cause, second.cause) {
			want = want[:1]
		} else if masks(second.cause, first.cause) {
			want = want[1:]
		}
		if got := Diagnose(w.reports()); !areNamed(got, want) {
			if misses[causes]++; misses[causes] == 1 {
				t.Errorf("seed %d, %d hosts: got %v, want %v", seed, n, got, want)
			}
		}
	}
}

// wanted is a cause that is to be named, and where.
type wanted struct {
	cause string
	arrow
}

// areNamed reports whether these are named and nothing else is. What differs is told of the
// odd host, which the arrow leads to, and of as many others as there are.
func areNamed(got []Verdict, want []wanted) bool {
	left := slices.Clone(got)
	for i, x := range want {
		before := len(left)
		left = slices.DeleteFunc(left, func(v Verdict) bool {
			if slices.Contains(differing, x.cause) {
				return v.Cause == x.cause && v.IsAbout(x.to)
			}
			return key(v.Cause, arrow{v.From.Host, v.To.Host}) == key(x.cause, x.arrow)
		})
		if len(left) == before && !slices.Contains(want[:i], x) {
			return false
		}
	}
	return len(left) == 0
}

// masks reports whether nothing can be known of b where a is.
func masks(a, b string) bool {
	return a == "multicast-blocked" && b != "multicast-no-loopback" && b != "multicast-ageing" && strings.HasPrefix(b, "multicast-")
}

var differing = []string{"name-differs", "config-differs"}
