package gms

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// UseBubbleClock makes the host go by the virtual time of a synctest bubble:
// the kernel's clock knows nothing of it.
func (c *Config) UseBubbleClock() {
	c.seams.clock = func() views.Instant { return views.Instant(time.Now().UnixNano()) }
}
