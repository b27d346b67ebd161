package transfer

import (
	"testing"
	"time"
)

// throughput gives the share of a link's bits that carried the state, per mille,
// and how many bytes of chunks went out for each of the state, per mille.
func throughput(t *testing.T, bits int64, loss, size, packet int, queue time.Duration) (share, cost int) {
	t.Helper()
	l := newLab(t, uint64(loss+1), 2, Config{PacketBytes: packet})
	l.net = labNet{delay: 500 * time.Microsecond, bitsPerSecond: bits, loss: loss, queueMax: queue}
	d, j := l.hosts[0], l.hosts[1]
	d.state = randomState(1, size)
	id := idOf(j, 3)
	l.begin(id, d, j)
	if !l.run(time.Minute, func() bool { return j.outcomeOf(id, Joiner) != nil }) {
		t.Fatal("no end")
	}
	wantComplete(t, j, id, Joiner, d.state)
	took := time.Duration(l.now)
	ideal := time.Duration(int64(size) * 8 * int64(time.Second) / bits)
	return int(1000 * ideal / took), 1000 * d.chunkBytes / size
}

// The share of a link of 1 Gbit/s and 1 ms there and back that 16 MiB of state
// get, headers of all layers counted against it, with a window of 1 MiB.
func TestThroughput(t *testing.T) {
	for _, c := range []struct {
		bits          int64
		loss, packet  int
		queue         time.Duration
		mebibytes     int
		least, mostUp int
	}{
		{1e9, 0, PacketDefault, 0, 16, 850, 1000},
		{1e9, 10, PacketDefault, 0, 16, 820, 1030},
		{1e9, 50, PacketDefault, 0, 16, 750, 1090},
		// A way out that drops what would wait longer.
		{1e9, 0, PacketDefault, 2 * time.Millisecond, 16, 800, 1200},
		{1e9, 0, PacketDefault, 300 * time.Microsecond, 16, 400, 1150},
		// Here the way holds more than the window.
		{1e10, 0, PacketDefault, 0, 16, 450, 1000},
		{1e10, 10, PacketDefault, 0, 16, 200, 1030},
		{1e10, 50, PacketDefault, 0, 16, 120, 1090},
		{1e9, 0, 60000, 0, 16, 900, 1000},
		{1e8, 50, PacketDefault, 0, 4, 750, 1090},
	} {
		share, up := throughput(t, c.bits, c.loss, c.mebibytes<<20, c.packet, c.queue)
		t.Logf("%5d Mbit/s, loss %2d per mille, packet %5d, queue %5v: %3d per mille of the link; chunks sent %d per mille of the state",
			c.bits/1e6, c.loss, c.packet, c.queue, share, up)
		if share < c.least || up > c.mostUp {
			t.Errorf("want a share of at least %d and at most %d sent", c.least, c.mostUp)
		}
	}
}
