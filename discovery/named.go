package discovery

import (
	"net/netip"
	"slices"
	"strings"
)

// Meaning is a configured name of one host and what it means here.
type Meaning struct {
	Name string
	// Addrs are sorted, each once; none: it does not resolve.
	Addrs []netip.Addr
}

// named is a source of which some addresses were written as names that mean the same
// on every host. A name that stands for several hosts does not need to.
type named interface{ meanings() []Meaning }

// Meanings gives the names of all layers that were looked up at least once, sorted,
// each once.
func (l *Layers) Meanings() []Meaning {
	var out []Meaning
	for _, s := range l.sources {
		if n, ok := s.(named); ok {
			out = append(out, n.meanings()...)
		}
	}
	slices.SortStableFunc(out, func(a, b Meaning) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(out, func(a, b Meaning) bool { return a.Name == b.Name })
}

func (l *List) meanings() []Meaning { return l.names.meanings() }
func (f *File) meanings() []Meaning { return f.names.meanings() }

func (n *names) meanings() []Meaning {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []Meaning
	for _, one := range n.all {
		if one.at.IsZero() && one.fault == "" {
			continue
		}
		m := Meaning{Name: one.text}
		for _, a := range one.known {
			if one.fault == "" { // else it is what it was
				m.Addrs = append(m.Addrs, a.Addr())
			}
		}
		m.Addrs = slices.Compact(m.Addrs) // sorted as they are known
		out = append(out, m)
	}
	return out
}
