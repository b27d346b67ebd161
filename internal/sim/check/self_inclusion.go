package check

// checkSelfInclusion is P1.
func (c *Checker) checkSelfInclusion(l *life, v *view) {
	c.count(SelfInclusion)
	if v.rankOf(l.proc) < 0 {
		c.fail(SelfInclusion, v.id, []*proc{l.proc}, "installs a view without itself")
	}
}
