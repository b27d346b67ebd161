package orders

// orderer is one host's part in making one order.
type orderer interface {
	// take gets a datagram. It reports whether it keeps the buffer.
	take(h header, b []byte) (kept bool)
	// settle is called when those that came together were taken: it sends what may
	// go, and delivers.
	settle()
}

// kinds are the ways, in the order of the tables.
var kinds = []struct {
	name string
	make func(*desk) orderer
}{
	{"places", func(d *desk) orderer { return &places{line: newLine(d), given: make([]uint64, d.n)} }},
	{"ids", func(d *desk) orderer { return &ids{line: newLine(d)} }},
	{"forward", func(d *desk) orderer { return &forward{line: newLine(d)} }},
	{"token", func(d *desk) orderer { return &token{line: newLine(d), holds: d.rank == 0} }},
}

// Kinds names the ways: the first is what gmsd does.
func Kinds() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// line holds packets until it is their turn, those of each origin as they came.
type line struct {
	*desk
	held [][][]byte
	// slot is the next place to give, next that to deliver.
	slot, next uint64
}

func newLine(d *desk) line { return line{desk: d, held: make([][][]byte, d.n)} }

func (l *line) hold(b []byte) { l.held[b[1]] = append(l.held[b[1]], b) }

// deliverFirst delivers the first packet of an origin.
func (l *line) deliverFirst(origin int) {
	l.deliver(l.held[origin][0])
	l.held[origin] = l.held[origin][1:]
}

// deliverPlaced delivers as far as places go on. Those of one origin rise, so the
// first of each is all there is to look at.
func (l *line) deliverPlaced() {
	for origin := 0; origin < l.n; origin++ {
		for len(l.held[origin]) > 0 {
			h := readHeader(l.held[origin][0])
			if h.number != l.next {
				break
			}
			l.next += uint64(h.count)
			l.deliverFirst(origin)
			origin = 0 // the order may go on anywhere
		}
	}
}

// publish gives a packet its place and multicasts it.
func (l *line) publish(b []byte, place uint64) {
	h := readHeader(b)
	h.number = place
	h.write(b)
	l.post(toAll, b)
	l.hold(b)
}

// publishNext gives a packet the next place.
func (l *line) publishNext(b []byte) {
	l.publish(b, l.slot)
	l.slot += uint64(readHeader(b).count)
}

// publishReady publishes, at who numbers, its own packets.
func (l *line) publishReady() {
	for n := l.ready(); n > 0; n = l.ready() {
		b, _ := l.pack(n)
		l.publishNext(b)
	}
}
