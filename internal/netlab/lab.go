package netlab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
)

// Port is the member port of every host.
const Port = 7749

// HostsMax bounds a lab: hosts are numbered from 1 in one /24.
const HostsMax = 64

const logsName = "logs"

// Options say what lab to make.
type Options struct {
	// Binary is the gmsd to run: see [Build].
	Binary string
	// Hosts is their number, 1 to HostsMax. None is started yet; one that never
	// is can serve as a stranger's machine.
	Hosts int
	// Transport is the transport of every daemon, as in the setting of that name.
	// Empty: multicast. Others get hosts 1 to Members as peers; router gets the routers.
	// [Relay] is router where hosts have no way to each other but these.
	Transport string
	// Members are the first of the hosts; 0: all.
	Members int
	// Routers is how many gossip routers run, from the beginning on. 0: two with
	// transport router, else none.
	Routers int
	// Flags are further flags of every daemon.
	Flags []string
	// Plain: nothing is sealed. Else every host has a key file of one fresh ring, at
	// [Lab.KeyFile].
	Plain bool
}

// Relay is an [Options.Transport].
const Relay = "relay"

// Lab is a bridge and its hosts. Its methods are for one goroutine.
type Lab struct {
	dir   string
	lock  *os.File
	o     Options
	sw    *space
	hosts []*host
	// routers are those of gossip.
	routers []*router
	facts   *facts
	// window says which hosts were found agreed, until the next act.
	window [][]int
	// settledAt is when the checkers were told so.
	settledAt views.Instant
	faults    map[Fault]struct{}
	// tables counts the nft tables made, for their names.
	tables int
	talk   *talk
	ring   keys.Ring
}

// Available says why no lab can be made here; nil: it can.
func Available() error {
	if os.Geteuid() != 0 {
		return errors.New("netlab: namespaces need root")
	}
	for _, program := range []string{"ip", "nft", "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("netlab: %w (Debian packages: iproute2 nftables iptables)", err)
		}
	}
	s, err := newSpace()
	if err != nil {
		return err
	}
	defer s.close()
	return s.ip("link add br0 type bridge", "link add v1 type veth peer name eth0")
}

// Build compiles the daemon into dir and gives the binary's path.
func Build(ctx context.Context, dir string) (string, error) {
	return BuildWith(ctx, dir, "gmsd", "")
}

// BuildWith is Build with flags for the linker, under another name.
func BuildWith(ctx context.Context, dir, name, linker string) (string, error) {
	binary := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", linker, "-o", binary, "github.com/gmsd/gmsd/cmd/gmsd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("netlab: go build: %w: %s", err, out)
	}
	return binary, nil
}

// New makes the bridge and the hosts and removes what killed labs left.
func New(o Options) (*Lab, error) {
	if o.Hosts < 1 || o.Hosts > HostsMax {
		return nil, fmt.Errorf("netlab: %d hosts: want 1 to %d", o.Hosts, HostsMax)
	}
	relayed := o.Transport == Relay
	if relayed {
		o.Transport = "router"
	}
	if o.Routers == 0 && o.Transport == "router" {
		o.Routers = 2
	}
	if o.Routers < 0 || o.Routers > routersMax {
		return nil, fmt.Errorf("netlab: %d routers: want 0 to %d", o.Routers, routersMax)
	}
	if _, err := CleanUp(); err != nil {
		return nil, fmt.Errorf("netlab: what an earlier lab left: %w", err)
	}
	dir, lock, err := makeDir()
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir, lock: lock, o: o, faults: map[Fault]struct{}{}}
	key, err := keys.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	l.ring = keys.NewRing(key, 0)
	err = l.build()
	if err == nil && relayed {
		_, err = l.Impose(&Cut{From: All(o.Hosts), To: All(o.Hosts)})
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), l.Remove())
	}
	return l, nil
}

func (l *Lab) build() error {
	var err error
	if l.facts, err = openFacts(filepath.Join(l.dir, logsName, check.FactsName)); err != nil {
		return err
	}
	if l.sw, err = newSpace(); err != nil {
		return err
	}
	// A bridge that snoops forgets members which a test has cut off.
	wires := []string{"link add br0 type bridge mcast_snooping 0 forward_delay 0", "link set br0 up", "link set lo up"}
	for i := 1; i <= l.o.Hosts; i++ {
		h, err := newHost(l.dir, i)
		if err != nil {
			return err
		}
		l.hosts = append(l.hosts, h)
		if err := keyfile.Create(l.KeyFile(i), l.ring); err != nil {
			return err
		}
		wires = append(wires, wire(i, h.space)...)
	}
	if err := l.buildRouters(); err != nil {
		return err
	}
	for _, r := range l.routers {
		wires = append(wires, wire(RouterHost(r.number), r.space)...)
	}
	if err := l.sw.ip(wires...); err != nil {
		return err
	}
	for i, h := range l.hosts {
		if err := h.space.ip(addressed(i + 1)...); err != nil {
			return err
		}
	}
	for _, r := range l.routers {
		if err := errors.Join(r.space.ip(addressed(RouterHost(r.number))...), l.StartRouter(r.number)); err != nil {
			return err
		}
	}
	return nil
}

// wire are the commands that join a machine to the bridge.
func wire(host int, s *space) []string {
	hw := MAC(host)
	return []string{
		fmt.Sprintf("link add %s type veth peer name eth0 address %s netns %s", port(host), net.HardwareAddr(hw[:]), s.path()),
		fmt.Sprintf("link set %s master br0", port(host)), fmt.Sprintf("link set %s up", port(host)),
	}
}

// addressed are the commands that give it its address.
func addressed(host int) []string {
	return []string{"link set lo up", fmt.Sprintf("addr add %s/24 dev eth0", Addr(host)), "link set eth0 up"}
}

// KeyFile is where a host has its key ring.
func (l *Lab) KeyFile(host int) string { return filepath.Join(l.dir, Name(host)+".keys") }

// Addr is a host's address.
func Addr(host int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, byte(host)}) }

// Name is a host's name, as in its start records.
func Name(host int) string { return fmt.Sprintf("h%d", host) }

// Peers is what `--peers` wants, for hosts 1 to n.
func Peers(n int) string {
	var list []string
	for i := 1; i <= n; i++ {
		list = append(list, Addr(i).String())
	}
	return strings.Join(list, ",")
}

// All lists the hosts from 1 to n.
func All(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

// port is the bridge's end of a host's cable.
func port(host int) string { return fmt.Sprintf("v%d", host) }

// MAC is the hardware address of a host's eth0.
func MAC(host int) [6]byte { return [6]byte{0x02, 0x67, 0x6d, 0x73, 0x00, byte(host)} }

func (l *Lab) host(i int) *host { return l.hosts[i-1] }

// Dir is the lab's directory: hN for the data of host N, logs for the event
// logs and faults.jsonl.
func (l *Lab) Dir() string { return l.dir }

// Logs is the directory of the event logs.
func (l *Lab) Logs() string { return filepath.Join(l.dir, logsName) }

// Do runs f on a thread inside a host's namespaces: sockets that f opens belong
// there, programs that it starts live there, and what it mounts is seen there alone.
func (l *Lab) Do(host int, f func() error) error { return l.host(host).space.do(f) }

// Tap is Do where all cables meet: sockets that f opens there hear every host.
func (l *Lab) Tap(f func() error) error { return l.sw.do(f) }

// IP runs ip(8) commands inside a host's namespace.
func (l *Lab) IP(host int, lines ...string) error { return l.host(host).space.ip(lines...) }

// Close ends everything that runs: talkers, faults, daemons (at once, as by a
// crash), namespaces. Logs and data stay until Remove.
func (l *Lab) Close() error {
	l.Quiet()
	faults := []error{l.endWindow()}
	for i, h := range l.hosts {
		if h.running() {
			_, err := l.Kill(i + 1)
			faults = append(faults, err)
		}
	}
	for f := range l.faults {
		faults = append(faults, f.Stop(l))
	}
	faults = append(faults, l.closeRouters())
	for _, h := range l.hosts {
		h.space.close()
		h.log.Close()
	}
	if l.sw != nil {
		l.sw.close()
	}
	if l.facts != nil {
		faults = append(faults, l.facts.close())
	}
	l.hosts, l.routers, l.faults, l.sw, l.facts = nil, nil, nil, nil, nil
	return errors.Join(faults...)
}

// Remove deletes the directory of a closed lab.
func (l *Lab) Remove() error {
	defer l.lock.Close()
	return errors.Join(removeCgroups(filepath.Base(l.dir)), os.RemoveAll(l.dir))
}

// Check has the property checkers judge all event logs of a closed lab. The
// error is one of reading; violations are in the report.
func (l *Lab) Check(skip ...check.Property) (*check.Report, error) {
	return check.Files(check.Options{Skip: skip}, l.Logs())
}

// Hold lets time pass under a fault. It ends early where a daemon ends by itself.
func (l *Lab) Hold(d time.Duration) error {
	over := tracelog.Now().Add(d)
	return l.WaitFor(d+time.Minute, "time to pass", func() bool { return tracelog.Now() >= over })
}
