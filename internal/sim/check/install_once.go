package check

// checkInstalledOnce is V1. A view installed twice in a row, the likely bug, is
// seen at once; with others in between P2 has already spoken, and the visits
// of a view that is not retired tell.
func (c *Checker) checkInstalledOnce(l *life, v *view) {
	c.count(InstallOnce)
	for i := range v.visits {
		if v.visits[i].life == l {
			c.fail(InstallOnce, v.id, []*proc{l.proc}, "installs the view a second time")
			return
		}
	}
}
