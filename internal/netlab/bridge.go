package netlab

import (
	"fmt"
	"slices"
	"strings"
)

// The faults of this file are rules on the bridge's forwarding: the sender is
// told nothing, the receiver hears nothing, and there is one rule a pair of
// ports, whatever the frame's kind.

// onBridge is the part that they share.
type onBridge struct{ table *table }

func (b *onBridge) start(l *Lab, rules ...string) error {
	return b.startAt(l, "forward", rules...)
}

func (b *onBridge) startAt(l *Lab, hook string, rules ...string) error {
	var err error
	b.table, err = l.addTable(l.sw, "bridge", hook, rules)
	return err
}

// Stop deletes the rules.
func (b *onBridge) Stop(*Lab) error {
	t := b.table
	b.table = nil
	return t.remove()
}

// from and to are the conditions for frames of some hosts; none: of all.
func from(hosts []int) string { return ports("iifname", hosts) }
func to(hosts []int) string   { return ports("oifname", hosts) }

func ports(what string, hosts []int) string {
	if len(hosts) == 0 {
		return ""
	}
	var list []string
	for _, h := range hosts {
		list = append(list, `"`+port(h)+`"`)
	}
	return fmt.Sprintf("%s { %s } ", what, strings.Join(list, ", "))
}

// Loss drops IP packets from some hosts to some (none: from, to all), each with
// the given chance, by the kernel's own dice.
type Loss struct {
	Percent  int
	From, To []int
	onBridge
}

// Describe gives a line.
func (f *Loss) Describe() string {
	return fmt.Sprintf("loss %d %% from %s to %s", f.Percent, hostSet(f.From), hostSet(f.To))
}

// Hosts gives none where all are touched.
func (f *Loss) Hosts() []int { return touched(f.From, f.To) }

// Start makes it.
func (f *Loss) Start(l *Lab) error {
	return f.start(l, from(f.From)+to(f.To)+fmt.Sprintf("ether type ip numgen random mod 1000 < %d drop", 10*f.Percent))
}

// Cut lets nothing through from some hosts to some, or both ways.
type Cut struct {
	From, To []int
	BothWays bool
	onBridge
}

// Describe gives a line.
func (f *Cut) Describe() string {
	arrow := "->"
	if f.BothWays {
		arrow = "<->"
	}
	return fmt.Sprintf("cut %s %s %s", hostSet(f.From), arrow, hostSet(f.To))
}

// Hosts gives both ends.
func (f *Cut) Hosts() []int { return touched(f.From, f.To) }

// Start makes it.
func (f *Cut) Start(l *Lab) error {
	rules := []string{from(f.From) + to(f.To) + "drop"}
	if f.BothWays {
		rules = append(rules, from(f.To)+to(f.From)+"drop")
	}
	return f.start(l, rules...)
}

// Partition lets only the hosts of one side hear each other. Each side has its share of
// the gossip routers.
type Partition struct {
	Sides [][]int
	onBridge
}

// Describe gives a line.
func (f *Partition) Describe() string {
	var sides []string
	for _, s := range f.Sides {
		sides = append(sides, hostSet(s))
	}
	return "partition " + strings.Join(sides, " | ")
}

// Hosts gives none: all are touched.
func (f *Partition) Hosts() []int { return nil }

// Start makes it.
func (f *Partition) Start(l *Lab) error {
	var rules []string
	sides := l.sidesWithRouters(f.Sides)
	for i, side := range sides {
		others := slices.Concat(slices.Delete(slices.Clone(sides), i, i+1)...)
		rules = append(rules, from(side)+to(others)+"drop")
	}
	return f.start(l, rules...)
}

// BlackHole swallows all that a host sends and all that is sent to it; nobody
// is told.
type BlackHole struct {
	Host int
	onBridge
}

// Describe gives a line.
func (f *BlackHole) Describe() string { return "black hole " + Name(f.Host) }

// Hosts gives the one.
func (f *BlackHole) Hosts() []int { return []int{f.Host} }

// Start makes it.
func (f *BlackHole) Start(l *Lab) error {
	one := f.Hosts()
	return f.start(l, from(one)+"drop", to(one)+"drop")
}

// MulticastBlocked drops IP multicast from and to some hosts (none: all).
type MulticastBlocked struct {
	Blocked []int
	// Inward: only what is for them.
	Inward bool
	onBridge
}

// Describe gives a line.
func (f *MulticastBlocked) Describe() string {
	if f.Inward {
		return "deaf to multicast: " + hostSet(f.Blocked)
	}
	return "multicast blocked at " + hostSet(f.Blocked)
}

// Hosts gives those that are blocked.
func (f *MulticastBlocked) Hosts() []int { return f.Blocked }

// Start makes it.
func (f *MulticastBlocked) Start(l *Lab) error {
	const multicast = "ether type ip ip daddr 224.0.0.0/4 drop"
	if f.Inward {
		return f.start(l, to(f.Blocked)+multicast)
	}
	return f.start(l, from(f.Blocked)+multicast, to(f.Blocked)+multicast)
}

// touched joins two ends; none of one end is all.
func touched(a, b []int) []int {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
