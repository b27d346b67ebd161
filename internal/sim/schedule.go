package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// drawSchedule draws the faults of one round of the safety phase, which starts
// at from. Each kind has a stream of its own, so a seed with one kind less has
// the same instances of the others.
func drawSchedule(o *Options, round int, from time.Duration) []Fault {
	var list []Fault
	for k := range faultTable {
		d := scheduler{r: newStream(o.Seed, "fault."+faultTable[k].name, round), o: o, kind: FaultKind(k)}
		list = append(list, d.instances(from)...)
	}
	slices.SortStableFunc(list, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return list
}

// scheduler draws the instances of one kind.
type scheduler struct {
	r    *rand.Rand
	o    *Options
	kind FaultKind
}

func (d *scheduler) instances(from time.Duration) []Fault {
	rate := d.o.Rates[d.kind]
	if rate == 0 {
		return nil
	}
	var list []Fault
	mean := time.Hour / time.Duration(rate)
	t := &faultTable[d.kind]
	for at := exponential(d.r, mean); at < d.o.Safety; at += exponential(d.r, mean) + time.Millisecond {
		f := Fault{At: from + at, For: logBetween(d.r, t.lo, t.hi), Kind: d.kind}
		list = append(list, d.aim(f)...)
	}
	return list
}

func (d *scheduler) host() int { return 1 + d.r.IntN(int(d.o.Hosts)) }

// machines is every machine, the spare ones included.
func (d *scheduler) machines() HostSet { return allHosts(int(d.o.Hosts) + spares) }

// some draws a set of hosts that is neither empty nor, with two or more hosts, all.
func (d *scheduler) some() HostSet {
	n := int(d.o.Hosts)
	perm := d.r.Perm(n)
	size := 1 + d.r.IntN(max(1, n-1))
	var s HostSet
	for _, p := range perm[:size] {
		s |= 1 << (p + 1)
	}
	return s
}

// aim gives f its targets and size; a swizzle becomes several faults.
func (d *scheduler) aim(f Fault) []Fault {
	one := hosts(d.host())
	switch f.Kind {
	case FaultLoss:
		f.A, f.Level = d.some(), logBetween[int64](d.r, 10_000, 600_000)
	case FaultDelay:
		f.A, f.Level = d.some(), logBetween(d.r, int64(time.Millisecond), int64(400*time.Millisecond))
	case FaultDup:
		f.A, f.Level = d.some(), logBetween[int64](d.r, 10_000, 500_000)
	case FaultCorrupt:
		f.A, f.Level = d.some(), logBetween[int64](d.r, 1000, 300_000)
	case FaultSwizzle:
		return d.swizzle(f)
	case FaultPartition, FaultAsymmetric:
		f.A, f.B = d.sides()
	case FaultClog, FaultCut, FaultPartial, FaultEvict:
		f.A, f.B = one, hosts(d.host())
	case FaultIsolate, FaultDeaf, FaultMute:
		f.A, f.B = one, d.machines()&^one
	case FaultUnicast:
		f.A = one
	case FaultMulticastOut, FaultMulticastIn:
		f.A = d.some()
	case FaultMTU:
		f.A, f.Level = d.some(), between[int64](d.r, 200, 1400)
	case FaultKill, FaultPower, FaultPause, FaultSlowDisk:
		f.A = one
		if chance(d.r, 200_000) {
			f.A = d.some()
		}
		f.Level = logBetween(d.r, int64(10*time.Millisecond), int64(5*time.Second)) * b2i(f.Kind == FaultSlowDisk)
	case FaultClone:
		f.A, f.Level = one, b2i(chance(d.r, 500_000))
	case FaultLeave, FaultWipe, FaultRollback, FaultDiskError, FaultFalseClosed:
		f.A = one
	case FaultKillCoordinator, FaultKillAll, faultKinds:
	}
	return []Fault{f}
}

// sides splits all machines in two: by a uniform size, or each by a coin.
func (d *scheduler) sides() (a, b HostSet) {
	all := d.machines()
	if chance(d.r, 500_000) {
		a = d.some()
		if chance(d.r, 500_000) {
			a |= 1 << (d.o.Hosts + 1)
		}
	} else {
		a = HostSet(d.r.Uint64()) & all
	}
	return a, all &^ a
}

// swizzle clogs half the hosts one by one and frees them in another order.
func (d *scheduler) swizzle(f Fault) []Fault {
	n := int(d.o.Hosts)
	order := d.r.Perm(n)[:(n+1)/2]
	var list []Fault
	step := f.For / time.Duration(2*len(order))
	for i, h := range order {
		begin := f.At + time.Duration(i)*step
		end := f.At + f.For/2 + between(d.r, step, f.For/2)
		one := hosts(h + 1)
		rest := d.machines() &^ one
		list = append(list,
			Fault{At: begin, For: end - begin, Kind: FaultSwizzle, A: one, B: rest},
			Fault{At: begin, For: end - begin, Kind: FaultSwizzle, A: rest, B: one})
	}
	return list
}
