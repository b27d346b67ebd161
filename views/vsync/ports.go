package vsync

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// portQueues counts what waits of the ports; 0 is none.
type portQueues struct {
	byPort map[uint32]portQueue
	// fifoTo counts, by group, what they sent in FIFO order.
	fifoTo map[string]int
	turns  uint64
}

// portQueue counts what a port has queued since nothing of it waited, and what of
// that was sent, by class. Turn tells one such time from others.
type portQueue struct {
	turn          uint64
	entered, left [message.Classes]uint64
}

func (q *portQueue) waiting() (n int) {
	for class := range q.entered {
		n += int(q.entered[class] - q.left[class]) //nolint:gosec // bounded by queueItems
	}
	return n
}

// enter notes a message that waits.
func (s *portQueues) enter(p *pending) {
	if s.byPort == nil {
		s.byPort, s.fifoTo = make(map[uint32]portQueue), make(map[string]int)
	}
	q := s.byPort[p.port]
	if q.turn == 0 {
		s.turns++
		q.turn = s.turns
	}
	q.entered[classOf(p.order)]++
	s.byPort[p.port] = q
	if p.order == views.FIFO {
		s.fifoTo[p.group]++
	}
}

// leave notes that it waits no more.
func (s *portQueues) leave(p *pending) {
	q := s.byPort[p.port]
	q.left[classOf(p.order)]++
	if q.waiting() == 0 {
		delete(s.byPort, p.port)
	} else {
		s.byPort[p.port] = q
	}
	if p.order != views.FIFO {
		return
	}
	if s.fifoTo[p.group]--; s.fifoTo[p.group] == 0 {
		delete(s.fifoTo, p.group)
	}
}

// Queued is how many messages of a port wait to be sent.
func (c *Core) Queued(port uint32) int {
	q := c.sender.ports.byPort[port]
	return q.waiting()
}

// QueuedFIFO is how many messages of ports to a group wait to be sent in FIFO order.
func (c *Core) QueuedFIFO(group string) int { return c.sender.ports.fifoTo[group] }

// Mark stands behind what a port has queued at some time.
type Mark struct {
	port  uint32
	queue portQueue
}

// Mark gives that of now.
func (c *Core) Mark(port uint32) Mark { return Mark{port, c.sender.ports.byPort[port]} }

// Passed reports whether all that stood before a mark was sent: what a port sends
// in one class leaves in its order.
func (c *Core) Passed(m Mark) bool {
	q := c.sender.ports.byPort[m.port]
	if q.turn != m.queue.turn {
		return true
	}
	for class := range q.left {
		if q.left[class] < m.queue.entered[class] {
			return false
		}
	}
	return true
}
