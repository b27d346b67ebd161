package greeting

import (
	"net"
	"time"
)

// attendMost is how long an examination may be silent.
const attendMost = 6 * time.Minute

// Attend keeps the connection of one who examines the way until it says a word or its
// time is over, so that it learns whether a silent connection still carries. The
// caller closes it.
func Attend(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(attendMost))
	var b [1]byte
	_, _ = c.Read(b[:]) // whatever ends it
}
