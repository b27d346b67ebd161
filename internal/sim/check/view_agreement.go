package check

import (
	"slices"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// checkAgreement is P3: what l installs under the id of v is v.
func (c *Checker) checkAgreement(l *life, v *view, e *trace.Install) {
	c.count(ViewAgreement)
	who := []*proc{l.proc}
	if len(v.visits) > 0 {
		who = append(who, v.visits[0].life.proc)
	}
	if len(e.Members) != len(v.members) {
		c.fail(ViewAgreement, v.id, who, "%d members at one, %d at the other", len(e.Members), len(v.members))
		return
	}
	for i := range e.Members {
		if e.Members[i].Process != v.members[i].Process {
			c.fail(ViewAgreement, v.id, who, "rank %d is %s at one, %s at the other", i, c.procOf(e.Members[i].Process), v.members[i])
			return
		}
		if e.Members[i].Bits != v.bits[i] {
			c.fail(ViewAgreement, v.id, who, "bits of %s are %s at one, %s at the other", v.members[i], e.Members[i].Bits, v.bits[i])
			return
		}
	}
	if e.Kind != v.kind || e.Reason != v.reason {
		c.fail(ViewAgreement, v.id, who, "%s, %s at one, %s, %s at the other", e.Kind, e.Reason, v.kind, v.reason)
		return
	}
	if e.View.Incarnation != v.id.Incarnation {
		c.fail(ViewAgreement, v.id, who, "made by incarnation %d of its coordinator at one, %d at the other", e.View.Incarnation, v.id.Incarnation)
		return
	}
	if !slices.EqualFunc(e.Subgroups, v.subgroups, sameSubgroup) {
		c.fail(ViewAgreement, v.id, who, "different subgroups")
	}
}

func sameSubgroup(a views.Subgroup, b subgroup) bool {
	return a.ID.Compare(b.id) == 0 && slices.Equal(a.Members, b.hosts)
}
