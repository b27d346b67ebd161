package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Direction says which frames a fault touches, as seen from here.
type Direction uint8

// Directions.
const (
	In Direction = 1 << iota
	Out
	Both = In | Out
)

// String gives "in", "out" or "both".
func (d Direction) String() string {
	switch d {
	case In:
		return "in"
	case Out:
		return "out"
	case Both:
		return "both"
	}
	return "none"
}

// ParseDirection reads what String wrote; the empty string is both.
func ParseDirection(s string) (Direction, error) {
	switch s {
	case "in":
		return In, nil
	case "out":
		return Out, nil
	case "both", "":
		return Both, nil
	}
	return 0, fmt.Errorf("direction %q: want in, out or both", s)
}

// Fault is what is done to the frames of one address. Port 0 stands for every
// port of the address that has no fault of its own.
type Fault struct {
	Addr netip.AddrPort
	// Cut are the directions whose frames are dropped.
	Cut Direction
	// DelayIn and DelayOut hold frames back; zero means not.
	DelayIn, DelayOut time.Duration
}

func (f Fault) touches() bool { return f.Cut != 0 || f.DelayIn > 0 || f.DelayOut > 0 }

func (f Fault) outward() bool { return f.Cut&Out != 0 || f.DelayOut > 0 }

// faults holds at most one fault an address.
type faults map[netip.AddrPort]Fault

// of gives the fault that touches an address; the zero Fault for none.
func (fs faults) of(addr netip.AddrPort) Fault {
	if f, ok := fs[addr]; ok {
		return f
	}
	return fs[netip.AddrPortFrom(addr.Addr(), 0)]
}

// outward reports whether any fault touches what we send.
func (fs faults) outward() bool {
	for _, f := range fs {
		if f.outward() {
			return true
		}
	}
	return false
}

func (fs faults) list() []Fault {
	out := make([]Fault, 0, len(fs))
	for _, f := range fs {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b Fault) int { return a.Addr.Compare(b.Addr) })
	return out
}
