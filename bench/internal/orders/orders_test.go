package orders

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world runs the machines without sockets: datagrams between two hosts keep their
// order, all else is chance.
type world struct {
	random *rand.Rand
	hosts  []orderer
	desks  []*desk
	// ways are what is under way, by sender and receiver; got, by host, the origins
	// of what it delivered.
	ways [][][]byte
	got  [][]int
	now  time.Time
}

const members, each = 4, 200

func newWorld(seed uint64, counts [members]int, build func(*desk) orderer) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 1)), ways: make([][][]byte, members*members), got: make([][]int, members)}
	for r, count := range counts {
		d := newDesk(r, members, 512, 4096, source{size: 100, left: count})
		d.arrived = func(origin int, _ int64) { w.got[r] = append(w.got[r], origin) }
		w.desks, w.hosts = append(w.desks, d), append(w.hosts, build(d))
	}
	return w
}

// settle lets one host go on, as a pass of its loop does, and counts what it sends.
func (w *world) settle(r int) int {
	d := w.desks[r]
	d.now = w.now
	w.hosts[r].settle()
	sent := len(d.out)
	for _, l := range d.out {
		for to := range members {
			if to == l.to || l.to == toAll && to != r {
				way := &w.ways[r*members+to]
				*way = append(*way, append(make([]byte, 0, d.packetMax), l.b...)) // a buffer as a host has
			}
		}
	}
	d.flushed()
	return sent
}

// bring brings a host the first n datagrams of one way.
func (w *world) bring(way, n int) {
	for _, b := range w.ways[way][:n] {
		(&host{desk: w.desks[way%members], orderer: w.hosts[way%members]}).takeAny(b)
	}
	w.ways[way] = w.ways[way][n:]
}

// run lets chance go on until all have delivered all, or nothing comes of it.
func (w *world) run() error {
	for range 100_000 {
		if !slices.ContainsFunc(w.got, func(got []int) bool { return len(got) < members*each }) {
			break
		}
		way := w.random.IntN(len(w.ways))
		w.bring(way, w.random.IntN(len(w.ways[way])+1))
		w.now = w.now.Add(time.Duration(w.random.IntN(int(holdFor))))
		w.settle(way % members)
	}
	g := &group{}
	for r, d := range w.desks {
		if len(w.got[r]) != members*each {
			return fmt.Errorf("%w: host %d has %d", ErrLost, r, len(w.got[r]))
		}
		g.hosts = append(g.hosts, &host{desk: d})
	}
	err := g.compare()
	for _, got := range w.got {
		if err == nil && !slices.Equal(got, w.got[0]) {
			return errors.New("equal digests of different orders")
		}
	}
	return err
}

func TestAllDeliverInOneOrderHoweverDatagramsMeet(t *testing.T) {
	for _, k := range kinds {
		mixed := false
		for seed := range uint64(40) {
			w := newWorld(seed, [members]int{each, each, each, each}, k.make)
			if err := w.run(); err != nil {
				t.Fatalf("%s, seed %d: %v", k.name, seed, err)
			}
			mixed = mixed || !slices.IsSorted(w.got[0])
		}
		if !mixed {
			t.Errorf("%s: the hosts never sent at once, so nothing was tested", k.name)
		}
	}
}

// hasty delivers what comes as it comes: no order.
type hasty struct{ line }

func (h *hasty) take(_ header, b []byte) bool { h.deliver(b); return true }

func (h *hasty) settle() {
	for n := h.ready(); n > 0; n = h.ready() {
		b, _ := h.pack(n)
		h.post(toAll, b)
		h.deliver(b)
	}
}

func TestAWayWithoutAnOrderIsFound(t *testing.T) {
	w := newWorld(1, [members]int{each, each, each, each}, func(d *desk) orderer { return &hasty{newLine(d)} })
	if err := w.run(); !errors.Is(err, ErrOrder) {
		t.Error(err)
	}
}

func TestOnSocketsAllDeliverWhatWasSentInOneOrder(t *testing.T) {
	const count = 50
	for _, k := range Kinds() {
		for _, load := range []Load{{Senders: 4, Size: 100}, {Senders: 1, Size: 8192}, {Senders: 4, Size: 1024, Rate: 1000}} {
			load.Count = count
			g, err := start(Options{Kind: k, Hosts: members, Load: load, PacketMax: 1472})
			if err != nil {
				t.Fatal(err)
			}
			if err := g.stop(); err != nil {
				t.Fatal(k, err)
			}
			for _, h := range g.hosts {
				if h.delivered != uint64(count*load.Senders) {
					t.Errorf("%s: host %d delivered %d of %d", k, h.rank, h.delivered, count*load.Senders)
				}
				if load.Rate > 0 && (len(h.own) != count || len(h.others) != 3*count) {
					t.Errorf("%s: host %d has %d and %d latencies", k, h.rank, len(h.own), len(h.others))
				}
			}
		}
	}
}

func TestWhatAStrangerSendsIsNotTaken(t *testing.T) {
	h := &host{desk: newDesk(0, members, 512, 4096, source{}), tag: 1}
	h.orderer = &hasty{newLine(h.desk)}
	for n := range headerLen + 1 {
		if h.takeAny(make([]byte, n)) {
			t.Errorf("took %d bytes", n)
		}
	}
}

func TestRunMeasuresItsWindow(t *testing.T) {
	o := Options{Kind: "token", Hosts: 2, Window: time.Millisecond}
	if r, err := Run(o); err != nil || r.Delivered != 0 || r.Own != nil {
		t.Errorf("idle: %+v, %v", r, err)
	}
	o.Kind = "lots"
	if _, err := Run(o); err == nil {
		t.Error("a way that there is not")
	}
}

// The datagrams of one message of host 3, until all have it: ask, grant, send; send,
// order; send, order; and with the token one at least for each host it passes.
func TestDatagramsAMessage(t *testing.T) {
	want := map[string]int{"places": 3, "ids": 2, "forward": 2}
	for _, k := range kinds[:len(want)] {
		w := newWorld(1, [members]int{3: 1}, k.make)
		sent := 0
		for slices.ContainsFunc(w.got, func(got []int) bool { return len(got) == 0 }) {
			for r := range members {
				sent += w.settle(r)
			}
			for way := range w.ways {
				w.bring(way, len(w.ways[way]))
			}
		}
		if sent != want[k.name] {
			t.Errorf("%s: %d datagrams, want %d", k.name, sent, want[k.name])
		}
	}
}
