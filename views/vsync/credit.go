package vsync

import (
	"math"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

const (
	// windowDefault is what may be under way in a view altogether where the
	// driver does not say: it should fit into a receive buffer.
	windowDefault = 1 << 20
	windowLeast   = 64 << 10
	// packetOverhead is what a packet takes in a receive buffer beside its body.
	packetOverhead = 512
	// markParts is how often a sender asks for an Ack while its share goes out.
	markParts = 4
	// roomUnknown is the room of a member that has said nothing: it has enough.
	roomUnknown = math.MaxUint64
)

// packetCost is what a packet takes of the window.
func packetCost(body []byte) int { return len(body) + packetOverhead }

// flow is who lets how much be under way. Each member says with its Acks how much
// room it has; the coordinator tells the least of that; who sends takes an equal
// share. While somebody lets nothing be under way the coordinator repeats that, so
// that a word lost on the way stops nobody for good.
type flow struct {
	// room is the least in the view, slowest the rank that has it.
	room    uint64
	slowest uint16
	// told is what the coordinator told all last.
	told uint64
	// words is what each member said of its room, said what this host says of its
	// own, and view what the coordinator says of the view's.
	words      []word
	said, view word
	// backlog is what the application here has not taken yet.
	backlog int
	// countedAt is up to when the coordinator has counted who holds up all.
	countedAt views.Instant
}

// word is what one host said of room. Turn counts how often it changed, so that a
// word that comes late, or again, does not count against a later one.
type word struct {
	room    uint64
	slowest uint16
	turn    uint64
	// stopped is, at the coordinator, for how long the room has been nothing.
	stopped time.Duration
}

// now brings a word up to date.
func (w *word) now(room uint64, slowest uint16) {
	if room != w.room || slowest != w.slowest {
		w.room, w.slowest = room, slowest
		w.turn++
	}
}

func newFlow(size int, backlog int) flow {
	f := flow{room: roomUnknown, told: roomUnknown, words: make([]word, size), backlog: backlog}
	for r := range f.words {
		f.words[r].room = roomUnknown
	}
	return f
}

// resetFlow begins anew in a view. A coordinator that is behind says so at once; of
// the others the first Ack does.
func (c *Core) resetFlow(size int) {
	c.flow = newFlow(size, c.flow.backlog)
	c.flow.countedAt = c.now
	if c.rank == 0 && c.ownRoom() < uint64(c.cfg.Window) { //nolint:gosec // positive
		c.takeRoom(0, c.ownRoom(), 0)
		c.armStable()
	}
}

// window is how much may be under way altogether.
func (c *Core) window() int { return int(min(uint64(c.cfg.Window), c.flow.room)) } //nolint:gosec // Window is positive

// share is this host's part of the window: the rest is for the others who send.
func (c *Core) share() int {
	senders := 1
	for r := range c.members {
		if r == c.rank {
			continue
		}
		for class := range message.Classes {
			if s := &c.streams[message.StreamOf(r, class)]; s.announced > s.stable {
				senders++
				break
			}
		}
	}
	return c.window() / senders
}

// credit is how much more this host may send now.
func (c *Core) credit() int { return c.share() - c.sender.inFlight }

// HandleBacklog says how many bytes of what was delivered the application here
// has not taken yet. A host whose application falls behind lets less be under
// way, in the end nothing.
func (c *Core) HandleBacklog(now views.Instant, bytes int) {
	c.now = now
	if c.stopped || c.view == nil {
		return
	}
	before := c.ownRoom()
	c.flow.backlog = bytes
	if c.ownRoom() == before {
		return
	}
	c.sayRoom()
	c.settle()
}

// sayRoom tells how much this host lets be under way now.
func (c *Core) sayRoom() {
	if c.phase != Operational {
		return
	}
	if c.rank == 0 {
		c.takeRoom(0, c.ownRoom(), 0)
		c.sendStable()
		return
	}
	c.stability.ackTries = 0
	c.sendTo(c.base.Members[0].Addr, c.ackOf(c.unstable()))
}

// ackOf says what this host holds, and how much it lets be under way.
func (c *Core) ackOf(have []message.StreamPos) *message.Ack {
	w := &c.flow.said
	w.now(c.ownRoom(), 0)
	return &message.Ack{View: c.view.ID, Have: have, Room: w.room, Turn: w.turn}
}

// stableOf says what all hold, and the least room.
func (c *Core) stableOf(have []message.StreamPos) *message.Stable {
	w := &c.flow.view
	w.now(c.flow.room, c.flow.slowest)
	return &message.Stable{View: c.view.ID, Have: have, Room: w.room, Slowest: w.slowest, Turn: w.turn}
}

// backlogSteps is after how many windows of backlog a host lets nothing be under way.
const backlogSteps = 4

// ownRoom is how much this host lets be under way: half as much for every window
// that its application is behind.
func (c *Core) ownRoom() uint64 {
	behind := c.flow.backlog / c.cfg.Window
	if behind >= backlogSteps {
		return 0
	}
	return uint64(c.cfg.Window >> behind) //nolint:gosec // positive
}

// hearRoom takes what the coordinator says of the room, and puts it right where
// it takes this host for slower than it is.
func (c *Core) hearRoom(m *message.Stable) {
	f := &c.flow
	if int(m.Slowest) >= len(c.members) || m.Turn < f.view.turn {
		return
	}
	f.view.turn = m.Turn
	f.room, f.slowest = m.Room, m.Slowest
	if m.Room == 0 && int(m.Slowest) == c.rank && c.ownRoom() != 0 {
		c.sayRoom()
	}
}

// takeRoom notes, at the coordinator, what a member allows.
func (c *Core) takeRoom(rank int, room, turn uint64) {
	f := &c.flow
	w := &f.words[rank]
	if turn < w.turn {
		return
	}
	if room != 0 {
		w.stopped = 0
	}
	w.room, w.turn = room, turn
	f.room, f.slowest = roomUnknown, 0
	for r := range f.words {
		if v := f.words[r].room; v < f.room {
			f.room, f.slowest = v, uint16(r) //nolint:gosec // below MembersMax
		}
	}
}

// Slowest gives the rank of the member that lets the least be under way, and how
// much; ok is false where nobody lets less than this host would send.
func (c *Core) Slowest() (rank int, room uint64, ok bool) {
	if c.view == nil || c.flow.room >= uint64(c.cfg.Window) { //nolint:gosec // positive
		return 0, 0, false
	}
	return int(c.flow.slowest), c.flow.room, true
}
