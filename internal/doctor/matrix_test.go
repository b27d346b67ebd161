package doctor

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
)

// madeUp are two reports whose links lead to hosts that nobody else has ever heard of.
func madeUp(links int) []Report {
	var reports []Report
	for r := range 2 {
		one := Report{Host: views.HostID{byte(r + 1)}, Name: "h"}
		for i := range links {
			one.Links = append(one.Links, Link{
				Peer: views.HostID{9, byte(r), byte(i >> 8), byte(i)}, Small: Probes{Sent: 16}, TCP: TCPGood, Clock: time.Hour, Error: 1,
				Source: addrN(1), SourceAnswers: true, All: Flow{Age: -1}, One: Flow{Age: -1},
			})
		}
		reports = append(reports, one)
	}
	return reports
}

// crowd is what a host of a large group judges: its own full report and those of a round.
func crowd(hosts int) []Report {
	id := func(i int) (h views.HostID) {
		binary.BigEndian.PutUint64(h[:], uint64(i)*0x9e3779b97f4a7c15|1)
		return h
	}
	report := func(i, links int) Report {
		r := Report{Host: id(i), Name: fmt.Sprint("h", i), Multicast: true}
		for k := range links {
			j := (i + k + 1) % hosts
			r.Links = append(r.Links, Link{Peer: id(j), Name: fmt.Sprint("h", j), Member: true, All: Flow{Got: 40}, One: Flow{Got: 3}})
		}
		return r
	}
	reports := []Report{report(0, hosts-1)}
	for i := 1; i < 16; i++ {
		reports = append(reports, report(i, 16))
	}
	return reports
}

// fastest is the least time of some tries.
func fastest(reports []Report) time.Duration {
	least := time.Duration(math.MaxInt64)
	for range 5 {
		began := time.Now()
		Diagnose(reports)
		least = min(least, time.Since(began))
	}
	return least
}

// To judge takes the time of the links that are reported, not of all pairs of hosts.
func TestJudgingGrowsWithTheLinks(t *testing.T) {
	for _, test := range []struct {
		name         string
		small, large []Report
	}{
		{"links that are made up", madeUp(LinksMax / 16), madeUp(LinksMax)},
		{"a group of a thousand", crowd(64), crowd(1000)},
	} {
		small, large := fastest(test.small), fastest(test.large)
		t.Logf("%s: %v and %v", test.name, small, large)
		if large > 128*small { // of all pairs it would be 256 times or more
			t.Errorf("%s: %v for a sixteenth, %v for all", test.name, small, large)
		}
	}
}

func BenchmarkDiagnose(b *testing.B) {
	for name, reports := range map[string][]Report{"MadeUp": madeUp(LinksMax), "Thousand": crowd(1000)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Diagnose(reports)
			}
		})
	}
}

// Reports of whatever hosts make no rule panic.
func TestWhateverIsReported(t *testing.T) {
	for seed := range uint64(20000) {
		d := dice{rand.New(rand.NewPCG(seed, 1))}
		var list []Report
		for range d.IntN(5) {
			list = append(list, d.report())
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Fatalf("seed %d: %v", seed, p)
				}
			}()
			Diagnose(list)
		}()
	}
}

// dice draw reports.
type dice struct{ *rand.Rand }

func (d dice) host() views.HostID { return views.HostID{byte(d.IntN(6))} }
func (d dice) coin() bool         { return d.IntN(2) == 0 }

func (d dice) count() uint32 {
	return []uint32{0, 1, 7, 8, 16, 24, 150, 1 << 31, math.MaxUint32}[d.IntN(9)]
}

func (d dice) span() time.Duration {
	return []time.Duration{-1, 0, 1, time.Second, 3 * time.Second, 5 * time.Second, math.MaxInt64, math.MinInt64}[d.IntN(8)]
}

func (d dice) addr() netip.AddrPort {
	if d.IntN(3) == 0 {
		return netip.AddrPort{}
	}
	return addrN(d.IntN(4))
}

func (d dice) flow() Flow     { return Flow{d.count(), d.count(), d.span()} }
func (d dice) probes() Probes { return Probes{d.count(), d.count()} }

func (d dice) report() Report {
	r := Report{
		Host: d.host(), Addr: d.addr(), Multicast: d.coin(), Streams: d.coin(), Loop: Finding(d.IntN(3)),
		Paused: d.span(), Synced: d.span(), Beforehand: d.coin(),
	}
	for range d.IntN(4) {
		r.Refusals = append(r.Refusals, Refusal{Ours: d.coin(), Who: d.host(), Addr: d.addr(), Code: views.RefuseCode(d.IntN(12)), Proved: d.coin()})
		r.Names = append(r.Names, Resolved{Name: "n"})
		r.Lost = append(r.Lost, d.addr())
	}
	for range d.IntN(6) {
		r.Links = append(r.Links, d.link())
	}
	return r
}

func (d dice) link() Link {
	return Link{
		Peer: d.host(), Addr: d.addr(), Source: d.addr(), SourceAnswers: d.coin(), Member: d.coin(), All: d.flow(), One: d.flow(),
		Small: d.probes(), Large: d.probes(), Fits: d.count(), LargeBytes: d.count(), There: d.flow(), Back: d.flow(), Burst: d.probes(),
		RTT: d.span(), Clock: d.span(), Error: d.span(), TCP: TCP(d.IntN(int(tcpEnd))), Idle: Finding(d.IntN(3)), IdleFor: d.span(),
		Renewed: d.coin(), Twin: d.host(),
	}
}

// Of a gossip router in a member's place nothing else is said.
func TestARouterAmongThePeers(t *testing.T) {
	r := Report{Host: hostID(0), Name: "h1", Beforehand: true, Links: []Link{{
		Peer: hostID(8), Name: "10.0.0.8:7751", Addr: addrN(8), Small: Probes{Sent: 16}, All: Flow{Age: -1}, One: Flow{Age: -1}, TCP: TCPRouter,
	}}}
	got := Diagnose([]Report{r})
	if len(got) != 1 || got[0].String() != "transport-differs: h1 -> 10.0.0.8:7751" {
		t.Errorf("%v", got)
	}
}
