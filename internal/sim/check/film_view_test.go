package check

import (
	"slices"
	"strings"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

func (f *film) view(w words) {
	id, members := w.plain[1], strings.Split(w.plain[2], ",")
	e := f.spec(id, w)
	if coordinator := f.actor(members[0]); !w.has("noaccept") {
		for _, name := range members[1:] {
			if a := f.actor(name); a.cur != coordinator.cur {
				f.emit(coordinator, trace.Join{Who: a.Host, Verdict: trace.JoinAccept}, words{})
			}
		}
	}
	for _, name := range members {
		a := f.actor(name)
		if slices.Contains(strings.Split(w.opts["skip"], ","), name) {
			continue
		}
		f.emit(a, trace.Block{View: viewID(a.cur)}, words{})
		f.installAt(a, id, e, w.only("trans", "prev"))
		f.emit(a, trace.Unblock{View: e.View}, words{})
	}
}

// spec makes the install of a view as an honest engine would write it, from
// where its members are when it is first named.
func (f *film) spec(id string, w words) trace.Install {
	if e := f.views[id]; e != nil && len(w.opts) == 0 {
		return *e
	}
	e := trace.Install{View: viewID(id)}
	joiners, regimes := 0, 0
	bySub := map[string]int{}
	var members []*actor
	for _, name := range strings.Split(w.plain[2], ",") {
		if name == "" || name == "-" {
			continue
		}
		a := f.actor(name)
		members = append(members, a)
		e.Members = append(e.Members, trace.HostBits{Process: a.Process, Bits: a.bits})
		i, known := bySub[a.cur]
		if !known {
			i = len(e.Subgroups)
			bySub[a.cur] = i
			e.Subgroups = append(e.Subgroups, views.Subgroup{ID: viewID(a.cur)})
			if a.paired {
				regimes++
			} else {
				joiners++
			}
		}
		e.Subgroups[i].Members = append(e.Subgroups[i].Members, a.Host)
	}
	f.honestReason(&e, members, joiners, regimes)
	if old := f.views[id]; old != nil {
		e = *old
	} else {
		kept := e
		f.views[id] = &kept
	}
	override(f, &e, w)
	return e
}

func (f *film) honestReason(e *trace.Install, members []*actor, joiners, regimes int) {
	lost := false
	for _, a := range members {
		if from := f.views[a.cur]; from != nil {
			for _, m := range from.Members {
				lost = lost || !slices.ContainsFunc(members, func(o *actor) bool { return o.Process == m.Process })
			}
		}
	}
	switch {
	case regimes > 1:
		e.Kind, e.Reason = views.Merge, views.ReasonMerge
	case lost:
		e.Reason = views.ReasonCrash
	case joiners > 0 && len(e.Subgroups) > 1:
		e.Reason = views.ReasonJoin
	default:
		e.Reason = views.ReasonRestate
	}
}

func override(f *film, e *trace.Install, w words) {
	if len(w.plain) > 2 && w.opts["members"] != "" {
		e.Members = nil
		for _, name := range strings.Split(w.opts["members"], ",") {
			e.Members = append(e.Members, trace.HostBits{Process: f.actor(name).Process})
		}
	}
	if r, ok := views.ParseReason(w.opts["reason"]); ok {
		e.Reason = r
	}
	switch w.opts["kind"] {
	case "merge":
		e.Kind = views.Merge
	case "regular":
		e.Kind = views.Regular
	}
	if sub, ok := w.opts["sub"]; ok {
		e.Subgroups = nil
		for _, g := range strings.Split(sub, "+") {
			id, hosts, _ := strings.Cut(g, ":")
			e.Subgroups = append(e.Subgroups, views.Subgroup{ID: viewID(id), Members: hostIDs(hosts)})
		}
	}
	if bits, ok := w.opts["bits"]; ok {
		e.Members = slices.Clone(e.Members)
		host, set, _ := strings.Cut(bits, ":")
		for i := range e.Members {
			if e.Members[i].Host == hostID(host) {
				e.Members[i].Bits = parseBits(set)
			}
		}
	}
}

func parseBits(s string) views.Bits {
	var b views.Bits
	for i, r := range []byte("SDY") {
		if i < len(s) && s[i] == r {
			b |= 1 << i
		}
	}
	return b
}

// installAt logs e at one host, with prev and trans as that host must have them.
func (f *film) installAt(a *actor, id string, e trace.Install, w words) {
	e.Prev = viewID(a.cur)
	if prev, ok := w.opts["prev"]; ok {
		e.Prev = viewID(prev)
	}
	for _, g := range e.Subgroups {
		if slices.Contains(g.Members, a.Host) {
			e.Trans = sortedHosts(g.Members)
		}
	}
	if trans, ok := w.opts["trans"]; ok {
		e.Trans = hostIDs(trans)
	}
	f.emit(a, e, w)
	a.cur = id
	if len(e.Members) > 1 {
		a.paired = true
	}
}
