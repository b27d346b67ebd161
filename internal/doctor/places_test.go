package doctor

import (
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
