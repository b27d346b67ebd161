package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/gmsd/gmsd/views"
)

// bereaved are reports of two hosts about a third that has crashed.
func bereaved(dead views.HostID) (r, o Report) {
	r = Report{Host: hostID(0), Name: "h1", Links: []Link{{
		Peer: dead, Name: "h9", Small: Probes{Sent: 16}, All: Flow{Age: -1}, One: Flow{Age: -1}, TCP: TCPRefused,
	}}}
	o = r
	o.Host, o.Name = hostID(1), "h2"
	return r, o
}

// What somebody without a key sends in the name of a host that has crashed does not hide
// that it has, and makes up no other cause.
func TestForgedRefusalHidesNothing(t *testing.T) {
	dead := hostID(8)
	r, o := bereaved(dead)
	want := []string{key("process-down", arrow{from: dead})}
	for code := views.RefuseNone + 1; code.Valid(); code++ {
		if !code.Unproven() {
			continue // it is told of frames that have opened
		}
		for _, ours := range []bool{false, true} {
			forged := Refusal{Ours: ours, Who: dead, Addr: addrN(8), Code: code}
			r.Refusals, o.Refusals = []Refusal{forged}, []Refusal{forged}
			if got := keysOf(Diagnose([]Report{r, o})); !slices.Equal(got, want) {
				t.Errorf("%v, ours %v: %v", code, ours, got)
			}
		}
	}
}

// However many strangers there are, and whatever they are called, they are one place; some
// of where they are is evidence.
func TestStrangersAreOnePlace(t *testing.T) {
	r := Report{Host: hostID(0), Name: "h1"}
	for i := range RefusalsMax {
		r.Refusals = append(r.Refusals, Refusal{Who: hostID(20 + i), Addr: addrN(20 + i), Code: views.RefuseGroup})
	}
	got := Diagnose([]Report{r})
	if len(got) != 1 || got[0].String() != "group-differs: a stranger -> h1" || len(got[0].Evidence) != strangersTold {
		t.Fatalf("%v", got)
	}
	if want := fmt.Sprintf("we could not read the frames of the one at %v: other-group", addrN(20)); got[0].Evidence[0] != want {
		t.Errorf("%q, want %q", got[0].Evidence[0], want)
	}
}

// Of one who is proved to be where it is the place is named, whatever a stranger says of it.
func TestProvedRefusalIsNamedOnce(t *testing.T) {
	at := netip.MustParseAddrPort("10.0.0.7:7749")
	r := Report{Host: hostID(0), Name: "h1", Refusals: []Refusal{
		{Who: hostID(30), Addr: at, Code: views.RefuseKey}, {Ours: true, Who: hostID(6), Addr: at, Code: views.RefuseKey, Proved: true},
	}}
	got := Diagnose([]Report{r})
	if len(got) != 1 || got[0].String() != "key-differs: h1 -> 10.0.0.7:7749" {
		t.Fatalf("%v", got)
	}
	if only := r.ProvedOnly(); len(only.Refusals) != 1 || only.Refusals[0].Who != hostID(6) || len(r.Refusals) != 2 {
		t.Errorf("proved are %v", only.Refusals)
	}
}
