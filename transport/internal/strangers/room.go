package strangers

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Room holds connections that have not greeted. It is safe for concurrent use.
type Room struct {
	most int

	mu     sync.Mutex
	closed bool
	guests []guest // who waits longest is first
}

type guest struct {
	conn net.Conn
	from netip.Addr
}

// NewRoom makes a room of so many places, at least one.
func NewRoom(most int) *Room { return &Room{most: max(1, most)} }

// Enter lets a connection in, false after Close: then it is the caller's still.
// crowded says that another one was closed for it.
func (r *Room) Enter(conn net.Conn) (in, crowded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false, false
	}
	r.guests = append(r.guests, guest{conn, addressOf(conn)})
	if len(r.guests) <= r.most {
		return true, false
	}
	i := longestOfMost(r.guests)
	_ = r.guests[i].conn.Close() // it has said nothing yet
	r.guests = slices.Delete(r.guests, i, i+1)
	return true, true
}

// Leave forgets a connection, which stays open.
func (r *Room) Leave(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.guests = slices.DeleteFunc(r.guests, func(g guest) bool { return g.conn == conn })
}

// Len is how many there are.
func (r *Room) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.guests)
}

// Close closes all, and lets nobody in any more.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, g := range r.guests {
		_ = g.conn.Close()
	}
	r.guests = nil
}

// longestOfMost gives the first guest of the address that has most of them.
func longestOfMost(guests []guest) int {
	count := make(map[netip.Addr]int, len(guests))
	for _, g := range guests {
		count[g.from]++
	}
	best := 0
	for i, g := range guests {
		if count[g.from] > count[guests[best].from] {
			best = i
		}
	}
	return best
}

// addressOf is where a connection comes from, without its port; the zero Addr where
// that cannot be said.
func addressOf(conn net.Conn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
