package sim

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// FaultKind is one way in which the world goes wrong.
type FaultKind uint8

// Kinds of fault. In each, A and B are sets of host numbers and Level a size
// whose unit the kind fixes.
const (
	// FaultLoss drops Level ppm of the frames on links that touch A.
	FaultLoss FaultKind = iota
	// FaultDelay adds Level ns on links that touch A.
	FaultDelay
	// FaultDup doubles Level ppm of the frames on links that touch A.
	FaultDup
	// FaultClog holds the frames from A to B until it ends.
	FaultClog
	// FaultSwizzle is one clog of many: half the hosts are clogged one by one
	// and freed in another order.
	FaultSwizzle
	// FaultCut drops the frames from A to B, one host each.
	FaultCut
	// FaultPartial cuts two hosts from each other; the others see both.
	FaultPartial
	// FaultPartition cuts A and B from each other.
	FaultPartition
	// FaultAsymmetric drops the frames from A to B, sets of hosts.
	FaultAsymmetric
	// FaultIsolate cuts one host off.
	FaultIsolate
	// FaultDeaf: one host hears nobody.
	FaultDeaf
	// FaultMute: nobody hears one host.
	FaultMute
	// FaultMulticastOut: multicast of A reaches nobody; unicast works.
	FaultMulticastOut
	// FaultMulticastIn: multicast does not reach A; unicast works.
	FaultMulticastIn
	// FaultMTU drops frames longer than Level bytes on links that touch A.
	FaultMTU
	// FaultKill ends the daemons of A; their kernels say so. They start again at the end.
	FaultKill
	// FaultPower switches A off; nobody says anything.
	FaultPower
	// FaultKillCoordinator kills the coordinator of the largest view.
	FaultKillCoordinator
	// FaultKillAll kills every daemon at once.
	FaultKillAll
	// FaultPause stops the daemons of A, as SIGSTOP does.
	FaultPause
	// FaultLeave lets A leave gracefully, and start again at the end.
	FaultLeave
	// FaultEvict has the host in B remove the one in A.
	FaultEvict
	// FaultWipe kills A, which comes back with a new identity.
	FaultWipe
	// FaultClone starts a copy of A's state directory on a spare machine.
	// Level 1: A's own daemon starts again too, so both have one incarnation.
	FaultClone
	// FaultRollback kills A, which comes back with an old copy of its directory.
	FaultRollback
	// FaultSlowDisk adds Level ns to each write of A.
	FaultSlowDisk
	// FaultDiskError fails the next write of A.
	FaultDiskError
	// FaultFalseClosed tells A's watchers that it closed, though it lives.
	FaultFalseClosed
	// FaultCorrupt changes bytes of Level ppm of the frames on links that touch A, in
	// sealed worlds.
	FaultCorrupt
	// FaultUnicast: what is for one host alone gets neither to nor from A; multicast works.
	FaultUnicast
	faultKinds
)

// faultClass groups kinds that a seed turns on and off together.
type faultClass uint8

const (
	classQuality faultClass = iota
	classCut
	classPartition
	classMulticast
	classCrash
	classPause
	classLeave
	classIdentity
	classDisk
	classTether
	classes
)

// faultTable says of each kind its name, its class, the most instances an hour
// may bring, and the range of lengths.
var faultTable = [faultKinds]struct {
	name       string
	class      faultClass
	perHourMax int64
	lo, hi     time.Duration
}{
	FaultLoss:            {"loss", classQuality, 60, time.Second, 40 * time.Second},
	FaultDelay:           {"delay", classQuality, 60, time.Second, 40 * time.Second},
	FaultDup:             {"dup", classQuality, 60, time.Second, 40 * time.Second},
	FaultClog:            {"clog", classQuality, 120, 50 * time.Millisecond, 10 * time.Second},
	FaultSwizzle:         {"swizzle", classQuality, 30, 500 * time.Millisecond, 8 * time.Second},
	FaultCut:             {"cut", classCut, 120, 200 * time.Millisecond, 60 * time.Second},
	FaultPartial:         {"partial", classCut, 60, 200 * time.Millisecond, 60 * time.Second},
	FaultPartition:       {"partition", classPartition, 120, 200 * time.Millisecond, 60 * time.Second},
	FaultAsymmetric:      {"asymmetric", classPartition, 60, 200 * time.Millisecond, 40 * time.Second},
	FaultIsolate:         {"isolate", classPartition, 60, 200 * time.Millisecond, 40 * time.Second},
	FaultDeaf:            {"deaf", classPartition, 60, 200 * time.Millisecond, 40 * time.Second},
	FaultMute:            {"mute", classPartition, 60, 200 * time.Millisecond, 40 * time.Second},
	FaultMulticastOut:    {"multicast-out", classMulticast, 60, time.Second, 60 * time.Second},
	FaultMulticastIn:     {"multicast-in", classMulticast, 60, time.Second, 60 * time.Second},
	FaultMTU:             {"mtu", classMulticast, 30, time.Second, 30 * time.Second},
	FaultKill:            {"kill", classCrash, 120, 5 * time.Millisecond, 40 * time.Second},
	FaultPower:           {"power", classCrash, 60, 100 * time.Millisecond, 40 * time.Second},
	FaultKillCoordinator: {"kill-coordinator", classCrash, 120, 5 * time.Millisecond, 20 * time.Second},
	FaultKillAll:         {"kill-all", classCrash, 15, 5 * time.Millisecond, 5 * time.Second},
	FaultPause:           {"pause", classPause, 120, 20 * time.Millisecond, 60 * time.Second},
	FaultLeave:           {"leave", classLeave, 120, 50 * time.Millisecond, 30 * time.Second},
	FaultEvict:           {"evict", classLeave, 60, time.Second, 10 * time.Second},
	FaultWipe:            {"wipe", classIdentity, 30, 5 * time.Millisecond, 20 * time.Second},
	FaultClone:           {"clone", classIdentity, 15, time.Second, 20 * time.Second},
	FaultRollback:        {"rollback", classIdentity, 8, 5 * time.Millisecond, 10 * time.Second},
	FaultSlowDisk:        {"slow-disk", classDisk, 60, time.Second, 30 * time.Second},
	FaultDiskError:       {"disk-error", classDisk, 30, time.Second, 20 * time.Second},
	FaultFalseClosed:     {"false-closed", classTether, 120, time.Millisecond, time.Second},
	FaultCorrupt:         {"corrupt", classQuality, 60, time.Second, 40 * time.Second},
	FaultUnicast:         {"unicast", classMulticast, 60, time.Second, 60 * time.Second},
}

// String gives the name used in schedules and coverage tables.
func (k FaultKind) String() string {
	if k < faultKinds {
		return faultTable[k].name
	}
	return "unknown"
}

// HostSet is a set of host numbers, 1..[HostsMax].
type HostSet uint64

// hosts makes a set of numbers.
func hosts(numbers ...int) HostSet {
	var s HostSet
	for _, n := range numbers {
		s |= 1 << n
	}
	return s
}

// allHosts is 1..n.
func allHosts(n int) HostSet { return HostSet(1)<<(n+1) - 2 }

// Has reports whether n is in the set.
func (s HostSet) Has(n int) bool { return s>>n&1 == 1 }

// Size counts the hosts of the set.
func (s HostSet) Size() int { return bits.OnesCount64(uint64(s)) }

// First gives the lowest number, or 0.
func (s HostSet) First() int {
	if s == 0 {
		return 0
	}
	return bits.TrailingZeros64(uint64(s))
}

// Numbers lists the set, rising.
func (s HostSet) Numbers() []int {
	list := make([]int, 0, s.Size())
	for s != 0 {
		list = append(list, s.First())
		s &= s - 1
	}
	return list
}

// String writes "1,3,4".
func (s HostSet) String() string {
	var b strings.Builder
	for i, n := range s.Numbers() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

func parseHostSet(text string) (HostSet, error) {
	var s HostSet
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > HostsMax {
			return 0, fmt.Errorf("host number %q: want 1..%d", word, HostsMax)
		}
		s |= 1 << n
	}
	return s, nil
}

// Fault is one instance: what goes wrong, when (from the start of the world),
// for how long, and for whom.
type Fault struct {
	At, For time.Duration
	Kind    FaultKind
	A, B    HostSet
	Level   int64
}

// String writes the fault as ParseFault reads it.
func (f Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at=%s for=%s", f.Kind, f.At, f.For)
	if f.A != 0 {
		fmt.Fprintf(&b, " a=%s", f.A)
	}
	if f.B != 0 {
		fmt.Fprintf(&b, " b=%s", f.B)
	}
	if f.Level != 0 {
		fmt.Fprintf(&b, " level=%d", f.Level)
	}
	return b.String()
}

// ParseFault reads one line of a schedule.
func ParseFault(line string) (Fault, error) {
	var f Fault
	words := strings.Fields(line)
	if len(words) == 0 {
		return f, fmt.Errorf("fault: the line is empty")
	}
	f.Kind = faultKinds
	for k := range faultTable {
		if faultTable[k].name == words[0] {
			f.Kind = FaultKind(k)
		}
	}
	if f.Kind == faultKinds {
		return f, fmt.Errorf("fault %q is not known", words[0])
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "at":
			f.At, err = time.ParseDuration(value)
		case "for":
			f.For, err = time.ParseDuration(value)
		case "a":
			f.A, err = parseHostSet(value)
		case "b":
			f.B, err = parseHostSet(value)
		case "level":
			f.Level, err = strconv.ParseInt(value, 10, 64)
		default:
			err = fmt.Errorf("key %q is not known", key)
		}
		if err != nil {
			return f, fmt.Errorf("fault line %q: %w", line, err)
		}
	}
	return f, nil
}
