package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
)

// links is the network between the daemons. Hosts are numbered from 1.
type links interface {
	// describe is for people: what these links are.
	describe() string
	// addr is where a host takes member traffic.
	addr(host int) netip.AddrPort
	// wrap puts a command into a host's place in the network.
	wrap(host int, argv []string) []string
	// flags are further flags of the daemons.
	flags() []string
	// cut leaves only the hosts of one side to hear each other; nil heals. Alive
	// are those whose daemon can be spoken to.
	cut(ctx context.Context, sides [][]int, alive []int) error
	close() error
}

// demoPort is where the daemons of namespaces live; nothing else does there.
const demoPort = 7749

// namespaces gives each host a network namespace of its own, with a veth to a
// bridge in a further one. A cut moves ports to other bridges.
type namespaces struct {
	prefix string
	hosts  int
	made   []string
}

// ipTimeout bounds one call of ip(8).
const ipTimeout = 10 * time.Second

// ip runs a batch of ip(8) commands inside a namespace; "" is ours.
func ip(namespace string, lines ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), ipTimeout)
	defer cancel()
	args := []string{"-batch", "-"}
	if namespace != "" {
		args = append([]string{"-n", namespace}, args...)
	}
	cmd := exec.CommandContext(ctx, "ip", args...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

func newNamespaces(owner, hosts int) (*namespaces, error) {
	n := &namespaces{prefix: namespacePrefix(owner), hosts: hosts}
	if os.Geteuid() != 0 {
		return nil, errors.New("we are not root")
	}
	if err := n.build(); err != nil {
		_ = n.close() // what was made; the first error tells more
		return nil, err
	}
	return n, nil
}

func namespacePrefix(owner int) string { return fmt.Sprintf("gmsd-demo-%d-", owner) }

func (n *namespaces) space(host int) string { return n.prefix + hostName(host) }
func (n *namespaces) bridge() string        { return n.prefix + "sw" }

func (n *namespaces) build() error {
	add := []string{"netns add " + n.bridge()}
	n.made = append(n.made, n.bridge())
	for h := 1; h <= n.hosts; h++ {
		add = append(add, "netns add "+n.space(h))
		n.made = append(n.made, n.space(h))
	}
	if err := ip("", add...); err != nil {
		return err
	}
	wires := []string{"link add br0 type bridge mcast_snooping 0", "link set br0 up"}
	for h := 1; h <= n.hosts; h++ {
		port := fmt.Sprintf("v%d", h)
		wires = append(wires, fmt.Sprintf("link add %s type veth peer name eth0 netns %s", port, n.space(h)),
			"link set "+port+" master br0", "link set "+port+" up")
	}
	if err := ip(n.bridge(), wires...); err != nil {
		return err
	}
	for h := 1; h <= n.hosts; h++ {
		err := ip(n.space(h), "link set lo up", fmt.Sprintf("addr add %s/16 dev eth0", n.addr(h).Addr()),
			"link set eth0 up", "route add 224.0.0.0/4 dev eth0")
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *namespaces) describe() string {
	return "each daemon in a network namespace of its own, on a bridge: multicast, cuts and heals are the kernel's"
}

func (n *namespaces) addr(host int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(host)}), demoPort)
}

func (n *namespaces) wrap(host int, argv []string) []string {
	return append([]string{"ip", "netns", "exec", n.space(host)}, argv...)
}

func (n *namespaces) flags() []string { return nil }

// cut puts the first side on br0 and each other one on a bridge of its own.
func (n *namespaces) cut(_ context.Context, sides [][]int, _ []int) error {
	var lines []string
	if sides == nil {
		for h := 1; h <= n.hosts; h++ {
			lines = append(lines, fmt.Sprintf("link set v%d master br0", h))
		}
		return ip(n.bridge(), lines...)
	}
	for i, side := range sides {
		bridge := fmt.Sprintf("br%d", i)
		if i > 0 && ip(n.bridge(), "link show "+bridge) != nil {
			if err := ip(n.bridge(), "link add "+bridge+" type bridge mcast_snooping 0", "link set "+bridge+" up"); err != nil {
				return err
			}
		}
		for _, h := range side {
			lines = append(lines, fmt.Sprintf("link set v%d master %s", h, bridge))
		}
	}
	return ip(n.bridge(), lines...)
}

func (n *namespaces) close() error { return removeNamespaces(n.made) }

func removeNamespaces(names []string) error {
	var faults []error
	for _, name := range names {
		if _, err := os.Stat(filepath.Join("/run/netns", name)); err == nil {
			faults = append(faults, ip("", "netns del "+name))
		}
	}
	return errors.Join(faults...)
}

// loopback puts every host on an address of its own in 127/8; cuts are lab
// faults inside the daemons.
type loopback struct {
	dir  string
	port uint16
	why  error
	n    int
}

// newLoopback finds a port that is free on the addresses of all hosts.
func newLoopback(dir string, hosts int, why error) (*loopback, error) {
	for range 20 {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, fmt.Errorf("loopback: %w", err)
		}
		port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		_ = conn.Close() // nothing was sent
		l := &loopback{dir: dir, port: port, why: why, n: hosts}
		if l.free() {
			return l, nil
		}
	}
	return nil, errors.New("loopback: no port is free on all addresses")
}

func (l *loopback) free() bool {
	for h := 1; h <= l.n; h++ {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(l.addr(h)))
		if err != nil {
			return false
		}
		_ = conn.Close() // nothing was sent
		tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(l.addr(h)))
		if err != nil {
			return false
		}
		_ = tcp.Close() // nobody connected
	}
	return true
}

func (l *loopback) describe() string {
	return fmt.Sprintf("all daemons on the loopback interface (no namespaces: %v); cuts are lab faults inside the daemons", l.why)
}

func (l *loopback) addr(host int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(host)}), l.port)
}

func (l *loopback) wrap(_ int, argv []string) []string { return argv }

func (l *loopback) flags() []string {
	return []string{"--lab-faults", "--mcast-group", fmt.Sprintf("239.192.77.49:%d", l.port)}
}

func (l *loopback) cut(ctx context.Context, sides [][]int, alive []int) error {
	var faults []error
	for _, h := range alive {
		faults = append(faults, l.tell(ctx, h, admin.LabBody{Op: "heal"}))
	}
	for _, side := range sides {
		for _, h := range side {
			if !slices.Contains(alive, h) {
				continue
			}
			faults = append(faults, l.tell(ctx, h, admin.LabBody{Op: "cut", Addrs: l.others(side)}))
		}
	}
	return errors.Join(faults...)
}

// others are the addresses of all who are not on a side.
func (l *loopback) others(side []int) []netip.AddrPort {
	var out []netip.AddrPort
	for h := 1; h <= l.n; h++ {
		if !slices.Contains(side, h) {
			out = append(out, l.addr(h))
		}
	}
	return out
}

func (l *loopback) tell(ctx context.Context, host int, body admin.LabBody) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	client := admin.NewClient(socketOf(l.dir, host))
	defer client.Close()
	_, err = client.Do(ctx, http.MethodPost, "/v1/lab", raw)
	return err
}

func (l *loopback) close() error { return nil }
