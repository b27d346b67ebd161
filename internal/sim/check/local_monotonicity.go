package check

// checkMonotonic is P2: rising ids in one life and, through what its disk had
// promised, in all lives of a directory.
func (c *Checker) checkMonotonic(l *life, v *view) {
	c.count(LocalMonotonicity)
	d := l.disk
	if !d.view.Less(v.id) && !(l.cur != nil && l.cur.view == v) {
		c.fail(LocalMonotonicity, v.id, []*proc{l.proc}, "installs it after %s", c.viewName(d.view))
	}
	if d.view.Less(v.id) {
		d.view = v.id
	}
}
