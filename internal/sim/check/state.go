package check

import (
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

type (
	lifeKey struct {
		views.Process
		stream Stream
	}
	diskKey struct {
		host   views.HostID
		stream Stream
	}
	// viewKey leaves the coordinator's incarnation out: seq and host must
	// suffice. Alias is 0 but for views of one host, which are private to their
	// stream.
	viewKey struct {
		seq         views.Seq
		coordinator views.HostID
		alias       uint64
	}
)

// host is what is known of a host across its lives.
type host struct {
	id    views.HostID
	index int
	name  string
	group string
	// faults are the windows in which something was done to it.
	faults  []span
	healthy int
	// epoch is the highest under which it was primary.
	epoch views.Epoch
	lives []*life
}

func (c *Checker) hostOf(id views.HostID) *host {
	h := c.hosts[id]
	if h == nil {
		h = &host{id: id, index: len(c.hosts), name: id.Short()}
		c.hosts[id] = h
	}
	return h
}

func (c *Checker) name(h *host, name string) {
	if name != "" {
		h.name = name
		c.names[name] = h.id
	}
}

// living gives the newest life of h that has not ended, or nil.
func (h *host) living() *life {
	for i := len(h.lives) - 1; i >= 0; i-- {
		if !h.lives[i].ended {
			return h.lives[i]
		}
	}
	return nil
}

// proc is an incarnation of a host as views name it. It has two lives only
// where the host was cloned.
type proc struct {
	views.Process
	host  *host
	lives []*life
	// waiting are views that list it and that it may still install.
	waiting []*view
}

func (c *Checker) procOf(p views.Process) *proc {
	q := c.procs[p]
	if q == nil {
		q = &proc{Process: p, host: c.hostOf(p.Host)}
		c.procs[p] = q
	}
	return q
}

// String gives "h1" for a first incarnation and "h1/2" for later ones.
func (p *proc) String() string {
	if p.Incarnation == 1 {
		return p.host.name
	}
	return p.host.name + p.Process.String()[len(p.Host.Short()):]
}

// disk is what a data directory must not forget.
type disk struct {
	life *life
	inc  views.Incarnation
	view views.ViewID
}

// life is one incarnation in one stream.
type life struct {
	proc   *proc
	stream Stream
	disk   *disk
	ended  bool
	endAt  uint64
	lastN  uint64
	lastT  views.Instant
	cur    *visit
	phase  phase
	// maxSent is the highest n sent, by class.
	maxSent [classes]uint64
	sent    []sentRange
	// paired is the first view of two or more that it installed.
	paired views.ViewID
	// newest holds the highest incarnation it installed, by host index.
	newest []views.Incarnation
	// accepted are those it let in and that have not come in yet.
	accepted map[views.HostID]struct{}
	// groups are the light groups in which its ports are; parted gives the number
	// of the join that a port last gave up.
	groups map[string]*groupStay
	parted map[groupPort]uint64
	apps   map[groupPort]*seat
}

// phase is where a life stands between block and unblock.
type phase uint8

const (
	phaseOpen phase = iota
	phaseBlocked
	phaseInstalled
)

// sentRange says that n of First..Last were sent in View.
type sentRange struct {
	view        *view
	first, last uint64
}

// view is one installed view.
type view struct {
	id        views.ViewID
	kind      views.Kind
	reason    views.Reason
	members   []*proc
	ranks     map[*proc]int32
	bits      []views.Bits
	subgroups []subgroup
	stream    Stream
	// initial: installed without a predecessor.
	initial bool
	visits  []*visit
	// active visits are current; waiting members may still come.
	active, waiting int
	retired         bool
	// cameFrom is the step by which each rank was said to come, nil unknown.
	cameFrom []*step
	// next are the steps taken out of this view.
	next []*step
	// blockedAt is the tick at which the first member began to leave.
	blockedAt uint64
	// unaccepted came in without the coordinator's accept.
	unaccepted  []*proc
	coordinated bool

	senders map[views.Process]*sender
	bySlot  []*sender
	ref     []msgRef
	// safe are the messages that somebody delivered as safe.
	safe   []safeDelivery
	groups map[groupKey]*groupView
	parted bool
	items  []item
}

type subgroup struct {
	id    views.ViewID
	hosts []views.HostID
}

// rankOf gives the rank of p in v, or -1.
func (v *view) rankOf(p *proc) int {
	if len(v.members) > 16 {
		if v.ranks == nil {
			v.ranks = make(map[*proc]int32, len(v.members))
			for i, m := range v.members {
				v.ranks[m] = int32(i)
			}
		}
		if i, ok := v.ranks[p]; ok {
			return int(i)
		}
		return -1
	}
	for i, m := range v.members {
		if m == p {
			return i
		}
	}
	return -1
}

// has reports whether a host is in v, in whatever incarnation.
func (v *view) has(h *host) bool {
	for _, m := range v.members {
		if m.host == h {
			return true
		}
	}
	return false
}

// step is a transition from one view to the next that some hosts took together.
type step struct {
	from, to *view
	trans    []views.HostID
	// first took it first; its delivered set is what the others are compared with.
	first *visit
	at    uint64
}

// visit is the time a life spends in a view.
type visit struct {
	life *life
	view *view
	next *view
	// installedAt and leftAt are ticks.
	installedAt, leftAt uint64
	// cursors say how far each sender's sequences were delivered, by slot.
	cursors []cursor
	// sum and delivered describe the delivered set, ordered the ordered facts
	// (bits, primary).
	sum, ordered uint64
	delivered    int
	lastK        views.Position
	gap          bool
	// refPos says how far the visit has followed view.ref; own is its list
	// where it has left it.
	refPos, firm int
	own          []msgRef
	bits         []views.Bits
	// light says when it had members of which groups.
	light []lightSpan
}

// cursor is the delivered part of one sender's sequence: all before next but
// for those in skipped.
type cursor struct {
	next    uint32
	skipped map[uint32]struct{}
}

// Classes of message: fifo, and those that have a place. Each has its own sequence.
const classes = 2

func classOf(o views.Order) int {
	if o.Placed() {
		return 1
	}
	return 0
}

// sender holds what one process sent in one view.
type sender struct {
	proc *proc
	slot int
	// unlogged: nothing was ever read from it, so its sends are taken from the deliveries.
	unlogged bool
	sent     [classes][]message
}

// message is one sent message.
type message struct {
	n         uint64
	port      uint32
	group     string
	length    int
	sum       uint32
	delivered bool
	// after is the last position that the sender had delivered.
	after views.Position
}

// msgRef names a message in its view: slot, class and place in the sequence.
type msgRef uint64

func makeRef(slot, class int, place uint32) msgRef {
	return msgRef(uint64(slot*classes+class)<<32 | uint64(place))
}

func (v *view) message(r msgRef) (*sender, *message) {
	lane := int(r >> 32)
	s := v.bySlot[lane/classes]
	return s, &s.sent[lane%classes][uint32(r)]
}

// describe gives "h1#7", the seventh message of h1.
func (v *view) describe(r msgRef) string {
	s, m := v.message(r)
	return msgName(s.proc, m.n)
}

func (v *view) sender(p *proc) *sender {
	s := v.senders[p.Process]
	if s == nil {
		s = &sender{proc: p, slot: len(v.bySlot), unlogged: len(p.lives) == 0}
		if v.senders == nil {
			v.senders = map[views.Process]*sender{}
		}
		v.senders[p.Process] = s
		v.bySlot = append(v.bySlot, s)
	}
	return s
}

func (s *visit) cursor(slot, class int) *cursor {
	lane := slot*classes + class
	for len(s.cursors) <= lane {
		s.cursors = append(s.cursors, cursor{})
	}
	return &s.cursors[lane]
}

// item is what a position of a view holds.
type item struct {
	kind itemKind
	msg  trace.MsgID
	who  *host
	bits views.Bits
	// by is who reported it first.
	by                   *proc
	on                   bool
	epoch                views.Epoch
	metaIndex, syncedSum uint64
}

type itemKind uint8

const (
	itemNone itemKind = iota
	itemMessage
	itemBits
	itemPrimary
)

// mix spreads x over 64 bits, so that sums of such values tell sets apart.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
