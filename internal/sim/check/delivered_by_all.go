package check

// settledViewOf notes what everybody had sent when the component settled.
func (c *Checker) settledViewOf(hosts []*host) settledView {
	var s settledView
	for _, h := range hosts {
		s.members = append(s.members, h.living().cur)
	}
	s.view = s.members[0].view
	s.from = s.sent()
	return s
}

// sent counts what each member has sent in the view so far, by class.
func (s *settledView) sent() [][classes]int {
	counts := make([][classes]int, len(s.members))
	for i, m := range s.members {
		if from := s.view.senders[m.life.proc.Process]; from != nil {
			for class := range classes {
				counts[i][class] = len(from.sent[class])
			}
		}
	}
	return counts
}

func (w *window) drain() {
	for i := range w.agreed {
		if s := &w.agreed[i]; !s.drained {
			s.until, s.drained = s.sent(), true
		}
	}
}

// checkDeliveredByAll is L2: what was sent between Settled and Drain has been
// delivered by every member. Where the view changed after all, L3 has said so
// and the messages fall under P14.
func (c *Checker) checkDeliveredByAll(s *settledView) {
	if s.view.retired {
		return
	}
	for i, from := range s.members {
		for class := range classes {
			for place := s.from[i][class]; place < s.until[i][class]; place++ {
				c.checkOneDeliveredByAll(s, from, class, uint32(place))
			}
		}
	}
}

func (c *Checker) checkOneDeliveredByAll(s *settledView, from *visit, class int, place uint32) {
	c.count(DeliveredByAll)
	sender := s.view.senders[from.life.proc.Process]
	for _, to := range s.members {
		if to.next == nil && !to.life.ended && !to.cursor(sender.slot, class).holds(place) {
			c.fail(DeliveredByAll, s.view.id, []*proc{to.life.proc, from.life.proc}, "%s did not deliver %s message %s",
				to.life.proc, orderOf(class), msgName(sender.proc, sender.sent[class][place].n))
		}
	}
}
