package views

import (
	"net/netip"
	"slices"
	"strings"
)

// Bits are the three host bits. They change only in view order.
type Bits uint8

// The host bits, always named in this order.
const (
	Started Bits = 1 << iota
	HasDB
	Synced
	allBits = Started | HasDB | Synced
)

// Has reports whether every bit of want is set.
func (b Bits) Has(want Bits) bool { return b&want == want }

// Valid reports whether only known bits are set.
func (b Bits) Valid() bool { return b&^allBits == 0 }

// String draws the bits as "SDY", a dot for each that is not set.
func (b Bits) String() string {
	out := []byte("...")
	for i, r := range []byte("SDY") {
		if b.Has(1 << i) {
			out[i] = r
		}
	}
	return string(out)
}

// Attr is one small fact that travels with a host.
type Attr struct{ Key, Value string }

// Member is a host inside a view: everything the others know of it.
type Member struct {
	Process
	// Nonce was drawn when the process started: it tells it from a copy with
	// the same host id and incarnation.
	Nonce uint64
	// Name is the admin's name of the host, 1..[NameMax] bytes.
	Name string
	// Addr is where it takes member traffic.
	Addr netip.AddrPort
	Bits Bits
	// Version is the daemon's version, up to [VersionMax] bytes.
	Version string
	// Attrs are sorted by key without duplicates, up to [AttrsMax].
	Attrs []Attr
}

// Equal reports whether two members are the same in every field.
func (m Member) Equal(o Member) bool {
	return m.Process == o.Process && m.Nonce == o.Nonce && m.Name == o.Name && m.Addr == o.Addr &&
		m.Bits == o.Bits && m.Version == o.Version && slices.Equal(m.Attrs, o.Attrs)
}

// Kind tells a merge of regimes from every other change.
type Kind uint8

// Kinds of view. A merge has at least two subgroups that are not joiners.
const (
	Regular Kind = iota
	Merge
)

// String gives the name used in the outside faces.
func (k Kind) String() string {
	if k == Merge {
		return "merge"
	}
	return "regular"
}

// Subgroup is the set of members that come together from one earlier view.
type Subgroup struct {
	// ID is the view they come from.
	ID ViewID
	// Members are those of them that are in the new view, by rank there.
	Members []HostID
}

// View is an agreed list of members with an identifier, installed once at each
// of them, in order. It is immutable.
type View struct {
	ID   ViewID
	Kind Kind
	// Reason says what made the view.
	Reason Reason
	// Members stand by rank; the coordinator of ID is rank 0. 1..[MembersMax].
	Members []Member
	// Subgroups cover all members, disjointly; the coordinator's stands first.
	Subgroups []Subgroup
}

// Rank gives the place of host in the view, or -1. A nil view, which is what there is
// before the first, has no members.
func (v *View) Rank(host HostID) int {
	if v == nil {
		return -1
	}
	for i := range v.Members {
		if v.Members[i].Host == host {
			return i
		}
	}
	return -1
}

// RankOf gives the place of a process in the view, or -1 where the host is
// absent or there with another incarnation.
func (v *View) RankOf(p Process) int {
	if r := v.Rank(p.Host); r >= 0 && v.Members[r].Incarnation == p.Incarnation {
		return r
	}
	return -1
}

// Size is the number of members.
func (v *View) Size() int {
	if v == nil {
		return 0
	}
	return len(v.Members)
}

// SubgroupOf gives the subgroup that host came in, or nil.
func (v *View) SubgroupOf(host HostID) *Subgroup {
	for i := range v.Subgroups {
		if slices.Contains(v.Subgroups[i].Members, host) {
			return &v.Subgroups[i]
		}
	}
	return nil
}

// String gives "12@1a2b3c4d {h1 h2 h3}".
func (v *View) String() string {
	if v == nil {
		return "none"
	}
	var b strings.Builder
	b.WriteString(v.ID.String())
	b.WriteString(" {")
	for i := range v.Members {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(v.Members[i].Name)
	}
	b.WriteByte('}')
	return b.String()
}
