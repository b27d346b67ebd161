package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
)

// checkReason is V5, judged when nobody can come to v any more, since only then
// it is known who was a joiner: an incarnation that had installed no view of
// two or more before. The reason is the coordinator's: what changed from the
// view that it was in. A fresh host that leads a regime which lost somebody may
// call that a join, or by what the regime lost.
func (c *Checker) checkReason(v *view) {
	if v.initial {
		c.count(ReasonFits)
		if v.reason != views.ReasonStart || v.kind != views.Regular {
			c.fail(ReasonFits, v.id, nil, "a first view of kind %s for %s", v.kind, v.reason)
		}
		return
	}
	d, known := c.differenceOf(v)
	if !known {
		c.excuse(ReasonFits)
		return
	}
	c.count(ReasonFits)
	if wrong := d.contradicts(v); wrong != "" {
		c.fail(ReasonFits, v.id, v.members[:min(1, len(v.members))], "kind %s, reason %s: %s", v.kind, v.reason, wrong)
	}
}

// difference is what changed from the views of the subgroups to the new one.
type difference struct {
	// regimes are subgroups that are no joiners, empty ones those of which all left.
	regimes, empty, joiners int
	// gained are members that the coordinator's old view did not hold, gone
	// those it held that are not in the new one, renewed those of them whose
	// host is, later incarnated.
	gained, gone, renewed int
	// lost and replaced are the same as gone and renewed over all old views.
	lost, replaced int
}

// contradicts says what of v does not fit, or nothing.
func (d difference) contradicts(v *view) string {
	merge := d.regimes >= 2
	switch {
	case merge && v.kind != views.Merge:
		return "two regimes came together"
	case v.kind == views.Merge && d.regimes+d.empty < 2:
		return "there is one regime only"
	case (v.kind == views.Merge) != (v.reason == views.ReasonMerge):
		return "a merge has the reason merge, and nothing else has"
	}
	return d.contradictsReason(v.reason)
}

func (d difference) contradictsReason(r views.Reason) string {
	switch r {
	case views.ReasonMerge:
		return ""
	case views.ReasonReplace:
		if d.replaced == 0 {
			return "nobody was replaced"
		}
	case views.ReasonLeave, views.ReasonEvict, views.ReasonCrash:
		if d.lost == 0 {
			return "nobody is gone"
		}
		if d.renewed > 0 {
			return "a member was replaced"
		}
	case views.ReasonJoin:
		if d.joiners == 0 || d.joiners+d.regimes+d.empty < 2 {
			return "nobody joined"
		}
		if d.gone > 0 {
			return "a member is gone"
		}
	case views.ReasonRestate:
		if d.gained > 0 || d.gone > 0 {
			return "the members changed"
		}
	default:
		return "no reason for a further view"
	}
	return ""
}

// differenceOf compares v with the views it came from; it is not known where a
// view or a member was never seen.
func (c *Checker) differenceOf(v *view) (difference, bool) {
	var d difference
	for _, g := range v.subgroups {
		from := c.origin(v, g)
		joiner, known := c.isJoiner(v, g)
		if from == nil || !known {
			return d, false
		}
		switch {
		case len(g.hosts) == 0:
			d.empty++
		case joiner:
			d.joiners++
		default:
			d.regimes++
		}
		lost, replaced := lostBetween(from, v)
		d.lost += lost
		d.replaced += replaced
		if slices.Contains(g.hosts, v.id.Coordinator) {
			d.gone, d.renewed, d.gained = lost, replaced, gainedBetween(from, v)
		}
	}
	return d, true
}

func gainedBetween(from, v *view) int {
	gained := 0
	for _, m := range v.members {
		if from.rankOf(m) < 0 {
			gained++
		}
	}
	return gained
}

func lostBetween(from, v *view) (lost, replaced int) {
	for _, m := range from.members {
		if v.rankOf(m) >= 0 {
			continue
		}
		lost++
		for _, n := range v.members {
			if n.host == m.host && n.Incarnation > m.Incarnation {
				replaced++
			}
		}
	}
	return lost, replaced
}

// isJoiner reports whether a subgroup is one fresh host.
func (c *Checker) isJoiner(v *view, g subgroup) (joiner, known bool) {
	if len(g.hosts) != 1 {
		return false, true
	}
	for _, m := range v.members {
		if m.Host == g.hosts[0] {
			return m.joinedIn(v)
		}
	}
	return false, false
}

// joinedIn reports whether p had installed no view of two or more before v. A
// life that came to v says so; so does the only one, where it never was with
// others. It is not known where a copy has the same name in two places.
func (p *proc) joinedIn(v *view) (joined, known bool) {
	if len(p.lives) > 1 {
		return false, false
	}
	for _, s := range v.visits {
		if l := s.life; l.proc == p {
			return l.paired.IsZero() || !l.paired.Less(v.id), true
		}
	}
	return true, len(p.lives) == 1 && p.lives[0].paired.IsZero()
}

// origin gives the view that a subgroup came from: the one its members were
// seen to leave, else the one that its id names; nil where it is not known.
func (c *Checker) origin(v *view, g subgroup) *view {
	for i, m := range v.members {
		if s := v.cameFrom[i]; s != nil && slices.Contains(g.hosts, m.Host) {
			return s.from
		}
	}
	key := viewKey{seq: g.id.Seq, coordinator: g.id.Coordinator}
	if from := c.views[key]; from != nil {
		return from
	}
	if lives := c.hostOf(g.id.Coordinator).lives; len(lives) > 0 {
		key.alias = uint64(lives[0].stream) + 1
	}
	return c.views[key]
}
