package netlab

import "fmt"

// Corrupt changes a byte of the payload of some IP packets on the bridge, so that their
// checksum holds all the same.
type Corrupt struct {
	Percent  int
	From, To []int
	onBridge
}

// Describe gives a line.
func (f *Corrupt) Describe() string {
	return fmt.Sprintf("a byte changed in %d %% from %s to %s", f.Percent, hostSet(f.From), hostSet(f.To))
}

// Hosts gives none where all are touched.
func (f *Corrupt) Hosts() []int { return touched(f.From, f.To) }

// Start makes it. The byte is the 41st behind the header of IP: in the sealed part of a
// datagram, and in the payload of a segment.
func (f *Corrupt) Start(l *Lab) error {
	which := from(f.From) + to(f.To)
	dice := fmt.Sprintf(" numgen random mod 1000 < %d @th,320,8 set 0x5a", 10*f.Percent)
	return f.start(l, which+"ip protocol udp"+dice, which+"ip protocol tcp"+dice)
}

// Thin lets no more than Rate (as tc says it: 2mbit) through to a host; what comes
// faster waits for up to 400 ms, and is dropped beyond that.
type Thin struct {
	Host int
	Rate string
}

// Describe gives a line.
func (f *Thin) Describe() string { return f.Rate + " towards " + Name(f.Host) }

// Hosts gives the one.
func (f *Thin) Hosts() []int { return []int{f.Host} }

// Start makes it.
func (f *Thin) Start(l *Lab) error {
	return l.sw.command("", "tc", "qdisc", "add", "dev", port(f.Host), "root", "tbf", "rate", f.Rate, "burst", "16kb", "latency", "400ms")
}

// Stop undoes it.
func (f *Thin) Stop(l *Lab) error {
	return l.sw.command("", "tc", "qdisc", "del", "dev", port(f.Host), "root")
}

// Throttled lets so many frames of multicast a second in from each of some hosts (none:
// from all of them together), and drops what is more, as a switch with storm control does.
type Throttled struct {
	From   []int
	Frames int
	onBridge
}

// Describe gives a line.
func (f *Throttled) Describe() string {
	return fmt.Sprintf("%d frames of multicast a second from %s", f.Frames, hostSet(f.From))
}

// Hosts gives those whose multicast it is.
func (f *Throttled) Hosts() []int { return f.From }

// Start makes it.
func (f *Throttled) Start(l *Lab) error {
	limit := fmt.Sprintf("ether type ip ip daddr 224.0.0.0/4 limit rate over %d/second burst 8 packets drop", f.Frames)
	rules := []string{limit}
	if len(f.From) > 0 {
		rules = nil
		for _, h := range f.From {
			rules = append(rules, from([]int{h})+limit)
		}
	}
	// A frame counts where it comes in, once, and not where its copies leave.
	return f.startAt(l, "prerouting", rules...)
}
