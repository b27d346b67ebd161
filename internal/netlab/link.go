package netlab

import "fmt"

// MTU makes a host's port on the bridge narrower than its interface: larger
// frames vanish, and nobody is told.
type MTU struct{ Host, Bytes int }

// mtuNormal is that of a veth.
const mtuNormal = 1500

// Describe gives a line.
func (f *MTU) Describe() string {
	return fmt.Sprintf("MTU %d at the port of %s", f.Bytes, Name(f.Host))
}

// Hosts gives the one.
func (f *MTU) Hosts() []int { return []int{f.Host} }

// Start makes it. The bridge itself keeps its MTU, or it would say so to all.
func (f *MTU) Start(l *Lab) error {
	return l.sw.ip(fmt.Sprintf("link set br0 mtu %d", mtuNormal), fmt.Sprintf("link set %s mtu %d", port(f.Host), f.Bytes))
}

// Stop undoes it.
func (f *MTU) Stop(l *Lab) error {
	return l.sw.ip(fmt.Sprintf("link set %s mtu %d", port(f.Host), mtuNormal))
}

// LinkDown takes a host's link down: the cable is pulled, or with Interface the
// host's own interface is set down, by which its kernel forgets routes and
// multicast memberships.
type LinkDown struct {
	Host      int
	Interface bool
}

// Describe gives a line.
func (f *LinkDown) Describe() string {
	if f.Interface {
		return "interface down at " + Name(f.Host)
	}
	return "cable pulled at " + Name(f.Host)
}

// Hosts gives the one.
func (f *LinkDown) Hosts() []int { return []int{f.Host} }

// Start makes it.
func (f *LinkDown) Start(l *Lab) error { return f.set(l, "down") }

// Stop undoes it.
func (f *LinkDown) Stop(l *Lab) error { return f.set(l, "up") }

func (f *LinkDown) set(l *Lab, to string) error {
	if f.Interface {
		return l.IP(f.Host, "link set eth0 "+to)
	}
	return l.sw.ip(fmt.Sprintf("link set %s %s", port(f.Host), to))
}

// Unplugged takes a host's interface away altogether, as where a virtual machine is
// moved or a driver is loaded again, and gives it a new one of the same name.
type Unplugged struct{ Host int }

// Describe gives a line.
func (f *Unplugged) Describe() string { return "interface removed at " + Name(f.Host) }

// Hosts gives the one.
func (f *Unplugged) Hosts() []int { return []int{f.Host} }

// Start makes it.
func (f *Unplugged) Start(l *Lab) error { return l.IP(f.Host, "link del eth0") }

// Stop undoes it.
func (f *Unplugged) Stop(l *Lab) error {
	if err := l.sw.ip(wire(f.Host, l.host(f.Host).space)...); err != nil {
		return err
	}
	return l.IP(f.Host, addressed(f.Host)...)
}

// Unrouted has a host's kernel drop what is for any other machine: its routes lead
// nowhere. What comes from there it drops, too, since it would come by another way.
type Unrouted struct{ Host int }

// Describe gives a line.
func (f *Unrouted) Describe() string { return "blackhole routes at " + Name(f.Host) }

// Hosts gives the one.
func (f *Unrouted) Hosts() []int { return []int{f.Host} }

// Start makes it. Halves of the network go before the whole, which is the interface's.
func (f *Unrouted) Start(l *Lab) error { return f.route(l, "add") }

// Stop undoes it.
func (f *Unrouted) Stop(l *Lab) error { return f.route(l, "del") }

func (f *Unrouted) route(l *Lab, verb string) error {
	return l.IP(f.Host, "route "+verb+" blackhole 10.77.0.0/25", "route "+verb+" blackhole 10.77.0.128/25")
}

// Reject has a host's kernel refuse what comes for its member port, or from one: UDP
// with ICMP port unreachable, TCP with a reset, as if no process were there.
type Reject struct {
	Host  int
	table *table
}

// Describe gives a line.
func (f *Reject) Describe() string { return "rejecting firewall at " + Name(f.Host) }

// Hosts gives the one.
func (f *Reject) Hosts() []int { return []int{f.Host} }

// Start makes it.
func (f *Reject) Start(l *Lab) error {
	var err error
	f.table, err = l.addTable(l.host(f.Host).space, "inet", "input", []string{
		fmt.Sprintf("iifname eth0 tcp dport %d reject with tcp reset", Port),
		fmt.Sprintf("iifname eth0 tcp sport %d reject with tcp reset", Port),
		fmt.Sprintf("iifname eth0 udp dport %d reject with icmp type port-unreachable", Port),
	})
	return err
}

// Stop undoes it.
func (f *Reject) Stop(*Lab) error {
	t := f.table
	f.table = nil
	return t.remove()
}
