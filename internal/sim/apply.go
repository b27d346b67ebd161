package sim

import (
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/views"
)

// schedule plans faults; their times count from the start of the world.
func (w *World) schedule(list []Fault) {
	for _, f := range list {
		w.faults = append(w.faults, f)
		w.active = append(w.active, false)
		i := uint32(len(w.faults) - 1)
		w.heap.push(event{at: max(w.now, worldStart.Add(f.At)), kind: evFaultStart, arg: i})
	}
}

// Inject begins f now; it ends by itself after f.For.
func (w *World) Inject(f Fault) {
	w.faults = append(w.faults, f)
	w.active = append(w.active, false)
	w.beginFault(len(w.faults) - 1)
}

func (w *World) beginFault(i int) {
	f := &w.faults[i]
	if !w.aimed(f) {
		return
	}
	w.active[i] = true
	if f.Kind != FaultClone { // a copy must be refused with nothing else wrong
		w.troubled++
	}
	w.cover.faults[f.Kind]++
	w.note(hashFault, uint64(i), 1)
	w.oracle.Disturb(true, w.touched(f))
	if w.watchFault != nil {
		w.watchFault(f.String())
	}
	if !w.disturbLinks(f, 1) {
		w.disturbHosts(f)
	}
	w.heap.push(event{at: w.now.Add(f.For), kind: evFaultStop, arg: uint32(i), gen: w.healGen})
}

func (w *World) endFault(i int) {
	f := &w.faults[i]
	if !w.active[i] {
		return
	}
	w.active[i] = false
	w.settled(f)
	w.note(hashFault, uint64(i), 0)
	if w.watchFault != nil {
		w.watchFault("end of " + f.Kind.String() + " a=" + f.A.String())
	}
	if !w.disturbLinks(f, -1) {
		w.relieveHosts(f)
	}
}

func (w *World) settled(f *Fault) {
	if f.Kind != FaultClone {
		w.troubled--
		w.lastTrouble = w.now
	}
	w.lingers(w.touched(f))
}

// lingers ends what disturbed ids, a while later: a fault is not over with its
// cause, since a lost frame is missed later.
func (w *World) lingers(ids []views.HostID) {
	w.after(w.opts.patience(linger), func() { w.oracle.Disturb(false, ids) })
}

// linger is how long a fault excuses what it may have caused.
const linger = 5 * time.Second

// touched lists the hosts that f may disturb.
func (w *World) touched(f *Fault) []views.HostID {
	var list []views.HostID
	for _, n := range (f.A | f.B).Numbers() {
		list = append(list, w.hosts[n].disk.id)
	}
	return list
}

// aimed resolves targets that follow roles, and drops hosts that a shrunk world
// no longer has. A fault without a target does not happen.
func (w *World) aimed(f *Fault) bool {
	all := allHosts(len(w.hosts) - 1)
	f.A &= all
	f.B &= all
	switch f.Kind {
	case FaultKillCoordinator:
		f.A = w.coordinator()
	case FaultKillAll:
		f.A = allHosts(int(w.opts.Hosts))
	case FaultCorrupt:
		return f.A != 0 && w.opts.Sealed != 0
	default:
	}
	return f.A != 0
}

// coordinator is the one of the largest view, or the empty set.
func (w *World) coordinator() HostSet {
	best, size := 0, 0
	for _, h := range w.hosts[1:] {
		v := h.View()
		if v == nil || v.Size() <= size || v.Members[0].Host != h.proc.id.Host {
			continue
		}
		best, size = h.number, v.Size()
	}
	if best == 0 {
		return 0
	}
	return hosts(best)
}

// disturbLinks adds (by 1) or takes away (by -1) what f does to the network;
// false if it is no network fault.
func (w *World) disturbLinks(f *Fault, by int32) bool {
	n := w.net
	switch f.Kind {
	case FaultLoss:
		n.touching(f.A, func(l *link) { l.loss += by * int32(f.Level) })
	case FaultDup:
		n.touching(f.A, func(l *link) { l.dup += by * int32(f.Level) })
	case FaultCorrupt:
		n.touching(f.A, func(l *link) { l.bent += by * int32(f.Level) })
	case FaultDelay:
		n.touching(f.A, func(l *link) { l.extra += time.Duration(by) * time.Duration(f.Level) })
	case FaultClog, FaultSwizzle:
		until := w.now.Add(f.For)
		if by > 0 {
			n.each(f.A, f.B, func(l *link) { l.clogged = max(l.clogged, until) })
		}
	case FaultCut, FaultAsymmetric, FaultMute:
		n.cut(f.A, f.B, by)
	case FaultDeaf:
		n.cut(f.B, f.A, by)
	case FaultPartial, FaultPartition, FaultIsolate:
		n.cut(f.A, f.B, by)
		n.cut(f.B, f.A, by)
	case FaultMulticastOut:
		n.multicastOut = toggled(n.multicastOut, f.A, by)
	case FaultMulticastIn:
		n.multicastIn = toggled(n.multicastIn, f.A, by)
	case FaultUnicast:
		n.multicastAlone = toggled(n.multicastAlone, f.A, by)
	case FaultMTU:
		n.touching(f.A, func(l *link) { l.mtu = int32(f.Level) * max(0, by) })
	default:
		return false
	}
	return true
}

func toggled(s, a HostSet, by int32) HostSet {
	if by > 0 {
		return s | a
	}
	return s &^ a
}

// disturbHosts begins a fault of hosts.
func (w *World) disturbHosts(f *Fault) {
	for _, number := range f.A.Numbers() {
		h := w.hosts[number]
		switch f.Kind {
		case FaultKill, FaultKillCoordinator, FaultKillAll, FaultPower:
			h.down++
			h.Kill(f.Kind == FaultPower)
		case FaultPause:
			h.frozen++
			h.Pause()
		case FaultLeave:
			h.down++
			h.Leave()
		case FaultEvict:
			w.evict(w.hosts[f.B.First()], h, w.operator.keepsKeys())
		case FaultWipe:
			h.down++
			h.Wipe()
		case FaultClone:
			w.clone(h, f.Level != 0 && w.troubled == 0)
		case FaultRollback:
			h.down++
			h.Rollback()
		case FaultSlowDisk:
			h.disk.extra += time.Duration(f.Level)
		case FaultDiskError:
			h.disk.failing = true
		case FaultFalseClosed:
			w.falseClosed(h)
		default:
		}
	}
}

// relieveHosts ends a fault of hosts.
func (w *World) relieveHosts(f *Fault) {
	for _, number := range f.A.Numbers() {
		h := w.hosts[number]
		switch f.Kind {
		case FaultKill, FaultKillCoordinator, FaultKillAll, FaultPower, FaultLeave, FaultWipe, FaultRollback:
			h.down--
			if h.down == 0 && h.wanted && h.proc == nil && !h.spare {
				h.plan(0)
			}
		case FaultPause:
			h.frozen--
			if h.frozen == 0 {
				h.Resume()
			}
		case FaultClone:
			spare := w.hosts[len(w.hosts)-1]
			w.identity.untold(spare, f.For)
			spare.Kill(false)
		case FaultSlowDisk:
			h.disk.extra -= time.Duration(f.Level)
		case FaultDiskError:
			h.disk.failing = false
		default:
		}
	}
}

// Leave asks the daemon to go gracefully.
func (h *Host) Leave() {
	h.wish++
	if h.Running() {
		h.step(engine.Leave{})
	}
}

// evict has the daemon on by remove the host that runs on h.
func (w *World) evict(by, h *Host, keepKeys bool) {
	if by != nil && by != h && by.Running() {
		by.step(engine.Evict{Host: h.disk.id, KeepKeys: keepKeys, At: w.unix()})
	}
}

// Wipe kills the daemon and gives the machine a new state directory.
func (h *Host) Wipe() {
	h.Kill(false)
	h.w.gen++
	h.w.former[h.disk.id] = h.number
	h.strange = true
	h.disk.old, h.disk.real = directory{}, directory{}
	h.put(directory{Mem: &stable.Mem{}, identity: h.w.newIdentity(h.number)})
}

// Rollback kills the daemon and puts an old copy of its state directory in
// place, where there is one.
func (h *Host) Rollback() {
	h.Kill(false)
	d := &h.disk
	if d.old.Mem == nil {
		return
	}
	if d.real.Mem == nil {
		d.real = d.directory
	}
	h.put(directory{Mem: d.old.Clone(), identity: d.old.identity})
	d.rings.rollBack(d.r)
}

// put puts a state directory in place, which is another one to the checkers.
func (h *Host) put(d directory) {
	h.w.streams++
	d.stream = h.w.streams
	h.disk.directory = d
}

// clone brings a copy of h's state directory up on the spare machine. As twins
// both start anew, so they have one incarnation.
func (w *World) clone(h *Host, twins bool) {
	spare := w.hosts[len(w.hosts)-1]
	if spare.proc != nil || h == spare {
		return
	}
	if twins {
		h.Kill(false)
		if h.down == 0 {
			h.plan(between(h.r, 0, 50*time.Millisecond))
		}
	}
	if w.identity.copied[h.disk.id] == nil {
		w.identity.copied[h.disk.id] = make(map[views.Seq]views.Incarnation)
	}
	spare.put(directory{Mem: h.disk.Clone(), identity: h.disk.identity})
	spare.strange = true
	spare.disk.rings = h.disk.rings.copied(h.disk.r)
	spare.plan(between(h.r, 0, 50*time.Millisecond))
}

// heal ends every fault for the hosts of set, for good: their links to each
// other, their processes, their disks. What touches others stays as it is.
func (w *World) heal(set HostSet) {
	w.healGen++
	for i := range w.active {
		if w.active[i] {
			w.active[i] = false
			w.settled(&w.faults[i])
		}
	}
	w.net.restore(set)
	for _, number := range set.Numbers() {
		h := w.hosts[number]
		h.down, h.frozen = 0, 0
		h.disk.extra, h.disk.failing = 0, false
		h.Resume()
		if h.proc == nil {
			h.plan(between(h.r, 0, 100*time.Millisecond))
		}
	}
}
