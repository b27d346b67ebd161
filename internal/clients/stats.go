package clients

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/gmsd/gmsd/internal/clientwire"
)

// Stats are counts since the start, but for Clients.
type Stats struct {
	// Clients are connected now.
	Clients int
	// Accepted connections; those refused are under Errors["busy"].
	Accepted uint64
	// Frames and bytes from clients, and to them.
	FramesIn, FramesOut, BytesIn, BytesOut uint64
	// LargeBytes are those of unfinished long messages, of Config.LargeBytes, LargeMax.
	LargeBytes, LargeMax int
	// Errors by which connections ended, by the name of their code.
	Errors map[string]uint64
}

type counters struct {
	accepted, framesIn, framesOut, bytesIn, bytesOut atomic.Uint64

	mu     sync.Mutex
	errors map[string]uint64
}

func (c *counters) countError(code clientwire.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.errors == nil {
		c.errors = make(map[string]uint64)
	}
	c.errors[code.String()]++
}

// Stats gives the counts.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	n := len(s.sessions)
	s.mu.Unlock()
	c := &s.counters
	c.mu.Lock()
	errs := maps.Clone(c.errors)
	c.mu.Unlock()
	return Stats{
		Clients: n, Accepted: c.accepted.Load(), FramesIn: c.framesIn.Load(), FramesOut: c.framesOut.Load(),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(), Errors: errs,
		LargeBytes: s.config.LargeBytes - s.large.rest(), LargeMax: s.config.LargeBytes,
	}
}
