package doctor

import (
	"hash/crc32"
	"net/netip"
	"slices"
)

// Sections of a configuration that are compared.
const (
	// SectionTransport is the transport, with its multicast group.
	SectionTransport = "transport"
	// SectionPeers are the addresses at which other hosts are said to be.
	SectionPeers = "peers"
)

// Section is a part of the configuration that must be equal at all hosts.
type Section struct {
	Name   string
	Digest uint32
}

// SectionOf digests a text that must be the same.
func SectionOf(name, text string) Section {
	return Section{name, crc32.ChecksumIEEE([]byte(text))}
}

// PeersOf digests a list that must name the same hosts, whether or not each names itself:
// it is a sum without the address that a host says others should use. Where it is named by
// another one of its own, that is what all call it, and stands for the one it says;
// loopback is what it calls itself alone.
func PeersOf(list, own []netip.AddrPort, said netip.AddrPort) Section {
	s := Section{Name: SectionPeers}
	alias := false
	for _, a := range list {
		here := slices.Contains(own, a)
		switch {
		case a == said, here && a.Addr().IsLoopback():
		default:
			alias = alias || here
			s.Digest += digestOf(a)
		}
	}
	if alias && !slices.Contains(list, said) {
		s.Digest -= digestOf(said)
	}
	return s
}

func digestOf(a netip.AddrPort) uint32 { return crc32.ChecksumIEEE([]byte(a.String())) }

// readings are the digests that a section may stand for, what is likelier first: a list of
// peers is that of all hosts but this one, or of the same few at all hosts.
func (s Section) readings(r *Report) []uint32 {
	if s.Name == SectionPeers {
		return []uint32{s.Digest + digestOf(r.Addr), s.Digest}
	}
	return []uint32{s.Digest}
}

// sectionAt is a section of one host.
type sectionAt struct {
	by       *Report
	readings []uint32
}

// configDiffers holds all hosts to what most have, as one says of whom there is nothing else
// to be said.
func configDiffers(m *matrix) []finding {
	var names []string
	at := map[string][]sectionAt{}
	for _, r := range m.reports {
		for _, s := range r.Sections {
			if at[s.Name] == nil {
				names = append(names, s.Name)
			}
			at[s.Name] = append(at[s.Name], sectionAt{r, s.readings(r)})
		}
	}
	var list []finding
	for _, name := range names {
		common := commonOf(at[name])
		first := slices.IndexFunc(at[name], func(s sectionAt) bool { return slices.Contains(s.readings, common) && !m.gone[s.by.Host] })
		for _, s := range at[name] {
			if first >= 0 && !slices.Contains(s.readings, common) {
				list = append(list, between(arrow{at[name][first].by.Host, s.by.Host}, said("section %s differs", name)))
			}
		}
	}
	return list
}

// commonOf is the digest that most have, the first of equals.
func commonOf(all []sectionAt) (common uint32) {
	have := map[uint32]int{}
	for _, s := range all {
		for _, d := range s.readings {
			have[d]++
		}
	}
	most := 0
	for _, s := range all {
		for _, d := range s.readings {
			if have[d] > most {
				common, most = d, have[d]
			}
		}
	}
	return common
}
