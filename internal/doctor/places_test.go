package doctor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gmsd/gmsd/views"
)

// unanswered is a link to an absent host whose kernel answers.
func unanswered(peer views.HostID, name string) Link {
	return Link{Peer: peer, Name: name, Addr: addrN(8), Small: Probes{Sent: 16}, All: Flow{Age: -1}, One: Flow{Age: -1}, TCP: TCPRefused}
}

// A place of which one host knows who is there, and the others the address, is that one
// host; without it is called by its address.
func TestPlaceIsOneWithItsHost(t *testing.T) {
	dead, place := hostID(8), PlaceID(addrN(8))
	a := Report{Host: hostID(0), Name: "h1", Addr: addrN(0), Links: []Link{unanswered(place, addrN(8).String())}}
	b := Report{Host: hostID(1), Name: "h2", Addr: addrN(1), Links: []Link{unanswered(dead, "h9")}}
	got := Diagnose([]Report{a, b})
	if len(got) != 1 || got[0].String() != "process-down: h9" || len(got[0].Evidence) != 2 || got[0].Evidence[1] != "2 say so of 2 that asked" {
		t.Errorf("%+v", got)
	}
	if a.Links[0].Peer != place {
		t.Error("the report itself was changed")
	}
	if got := Diagnose([]Report{a}); len(got) != 1 || got[0].String() != "process-down: 10.0.0.9:7749" {
		t.Errorf("%+v", got)
	}
	a.Refusals = []Refusal{{Ours: true, Who: place, Addr: addrN(8), Code: views.RefuseTransport, Proved: true}}
	a.Links[0].TCP = TCPUntested
	if got := keysOf(Diagnose([]Report{a, b})); !slices.Contains(got, key("transport-differs", arrow{hostID(0), dead})) {
		t.Errorf("%v", got)
	}
}

// A host that one knows elsewhere is not at a place because another one says so: what is
// said of the place would be said of it, in the place of what is known.
func TestPlaceIsNotWhoIsElsewhere(t *testing.T) {
	well, place := hostID(1), PlaceID(addrN(8))
	var reports []Report
	for i := range 4 {
		r := Report{Host: hostID(i), Name: fmt.Sprint("h", i+1), Addr: addrN(i), Links: []Link{unanswered(place, addrN(8).String())}}
		for j := range 4 {
			if j != i {
				r.Links = append(r.Links, Link{
					Peer: hostID(j), Name: fmt.Sprint("h", j+1), Addr: addrN(j), Member: true, TCP: TCPGood, Small: Probes{Sent: 16, Answered: 16}, All: Flow{Got: 9}, One: Flow{Got: 9},
				})
			}
		}
		reports = append(reports, r)
	}
	reports = append(reports, Report{Host: hostID(4), Name: "h5", Addr: addrN(4), Links: []Link{unanswered(well, "h2")}})
	for range 10 {
		rand.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		if got := Diagnose(reports); len(got) != 1 || got[0].String() != "process-down: 10.0.0.9:7749" {
			t.Fatalf("%+v", got)
		}
	}
}

// A host is called by its name where anybody knows it, and not by what is said of it first.
func TestHostIsCalledByItsName(t *testing.T) {
	dead := hostID(8)
	for _, name := range []string{"", addrN(8).String(), dead.Short()} {
		a := Report{Host: hostID(0), Name: "h1", Addr: addrN(0), Links: []Link{unanswered(dead, name)}}
		b := Report{Host: hostID(1), Name: "h2", Addr: addrN(1), Links: []Link{unanswered(dead, "h9")}}
		c := Report{Host: hostID(2), Name: "h3", Addr: addrN(2), Links: []Link{unanswered(dead, name)}}
		if got := Diagnose([]Report{a, b, c}); len(got) != 1 || got[0].String() != "process-down: h9" {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

// What a host says of a place counts for nothing beside what it says of the host that is
// there: a place was asked on the word of one who knew no host, and no host answers for it.
func TestPlaceIsLessThanItsHost(t *testing.T) {
	for _, first := range []bool{false, true} {
		var reports []Report
		for i := range 4 {
			r := Report{Host: hostID(i), Name: fmt.Sprint("h", i+1), Addr: addrN(i)}
			for j := range 4 {
				named := Link{
					Peer: hostID(j), Name: fmt.Sprint("h", j+1), Addr: addrN(j), Member: true, TCP: TCPGood, Small: Probes{Sent: 16, Answered: 16}, All: Flow{Got: 9}, One: Flow{Got: 9},
				}
				at := Link{Peer: PlaceID(addrN(j)), Name: addrN(j).String(), Addr: addrN(j), Small: Probes{Sent: 16}, All: Flow{Age: -1}, One: Flow{Age: -1}}
				switch {
				case j == i:
					r.Links = append(r.Links, at) // itself, too
				case first:
					r.Links = append(r.Links, at, named)
				default:
					r.Links = append(r.Links, named, at)
				}
			}
			reports = append(reports, r)
		}
		if got := Diagnose(reports); len(got) != 0 {
			t.Errorf("places first %v: %+v", first, got)
		}
	}
}

// Where two have been at a place, it is one of them, whoever is asked first.
func TestPlaceOfTwoIsOne(t *testing.T) {
	var reports []Report
	for i := range 4 {
		r := Report{Host: hostID(i), Name: fmt.Sprint("h", i+1), Addr: addrN(i), Links: []Link{unanswered(PlaceID(addrN(8)), "")}}
		if i < 2 {
			r.Links[0] = unanswered(hostID(8+i), fmt.Sprint("h", 9+i))
		}
		reports = append(reports, r)
	}
	for range 20 {
		rand.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		got := Diagnose(reports)
		if len(got) != 2 || got[0].String() != "process-down: h9" || got[0].Evidence[1] != "3 say so of 3 that asked" {
			t.Fatalf("%+v", got)
		}
	}
}

// What a host cannot read and what is not read of it are two directions.
func TestStrangersHaveADirection(t *testing.T) {
	r := Report{Host: hostID(0), Name: "h1", Refusals: []Refusal{{Who: hostID(8), Ours: true, Addr: addrN(8), Code: views.RefuseOldKey}}}
	if got := Diagnose([]Report{r}); len(got) != 1 || got[0].String() != "key-removed: h1 -> a stranger" {
		t.Errorf("%v", got)
	}
	r.Refusals = append(r.Refusals, Refusal{Who: hostID(8), Addr: addrN(8), Code: views.RefuseOldKey})
	if got := Diagnose([]Report{r}); len(got) != 1 || got[0].String() != "key-removed: a stranger -> h1" {
		t.Errorf("%v", got)
	}
}
