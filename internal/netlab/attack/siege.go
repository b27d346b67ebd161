package attack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
)

// Hosts is how many hosts a lab for a siege has: the members, and one for the attacker.
const (
	Members = 4
	Hosts   = Members + 1
	// attackerHost never has a daemon; victim is the member that is killed and starts
	// again.
	attackerHost, victim = Hosts, 3
)

// adminPort is that of admin-tls.
const adminPort = 7761

// patience bounds what must happen at all.
const patience = time.Minute

// Siege says how a group is attacked.
type Siege struct {
	// Network is the transport of the lab.
	Network Network
	// Attacker is a program that calls [Serve] with its standard input and output.
	Attacker *exec.Cmd
	// Record is how long traffic is recorded; it is sent again Loops times, Speed times
	// as fast.
	Record       time.Duration
	Speed, Loops int
	// Over, Datagrams, Broken and Idle are those of a [Plan].
	Over                    time.Duration
	Datagrams, Broken, Idle int
	Seed                    uint64
}

// Network is what an attacker finds of a transport.
type Network struct {
	Name string
	// Group: its hosts hear multicast. Peers: they are given each other's addresses.
	Group, Peers bool
}

// Networks are those that are attacked. Where members are reached at a port of TCP
// alone, their kernels count what comes as datagrams.
var Networks = []Network{
	{Name: "mcast", Group: true},
	{Name: "udp", Peers: true},
	{Name: "tcp", Peers: true},
	{Name: "router"},
}

// group is where the daemons multicast.
var group = netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, 77, 49}), netlab.Port)

// course is a siege under way.
type course struct {
	Siege
	lab     *netlab.Lab
	watch   *watch
	verdict Verdict
	before  map[int]*counts
	pids    map[int]int
	// last is the view in which all met again.
	last views.ViewID
}

// Lay forms a group on a lab of [Hosts] hosts, none of them started, on which there is
// talk, records it, attacks it, and says what came of it. The error is of what must
// happen at all; what a group must not do is in the verdict.
func (s Siege) Lay(l *netlab.Lab) (*Verdict, error) {
	c := &course{Siege: s, lab: l, before: map[int]*counts{}, pids: map[int]int{}}
	path := filepath.Join(l.Dir(), "recording")
	if err := c.form(path); err != nil {
		return nil, err
	}
	if err := c.measure(); err != nil {
		return nil, err
	}
	c.watch = beginWatch(l, netlab.All(Members))
	err := c.attack(path)
	c.verdict.Watched = c.watch.end()
	if err == nil {
		err = c.judge()
	}
	return &c.verdict, err
}

// form starts the members and records what they say from the first word on.
func (c *course) form(path string) error {
	for _, i := range netlab.All(Hosts) {
		// Or the wire would carry frames that no real one does.
		if err := c.lab.IP(i, "link set dev eth0 gso_max_segs 1"); err != nil {
			return err
		}
	}
	tape, err := Record(c.lab.Tap, netlab.Port, path)
	if err != nil {
		return err
	}
	_, err = c.lab.StartAll(netlab.All(Members), c.flags()...)
	if err == nil {
		_, err = c.lab.Settle(patience, netlab.All(Members))
	}
	if err == nil {
		err = c.lab.Hold(c.Record)
	}
	var terr error
	c.verdict.Recorded, terr = tape.Stop()
	return errors.Join(err, terr)
}

// flags are those of the members beside the lab's.
func (c *course) flags() []string {
	flags := []string{"--admin-tls", "0.0.0.0:" + strconv.Itoa(adminPort)}
	if c.Network.Peers {
		flags = append(flags, "--peers", netlab.Peers(Members)) // the attacker is none
	}
	return flags
}

func (c *course) measure() error {
	for _, i := range netlab.All(Members) {
		var err error
		if c.before[i], err = read(c.lab, i); err != nil {
			return err
		}
		c.pids[i] = c.lab.Pid(i)
	}
	return nil
}

// attack has the attacker do its work. Meanwhile a member is killed, and starts again.
func (c *course) attack(path string) error {
	plan := c.plan(path)
	raw, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	var out, said bytes.Buffer
	cmd := c.Attacker
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(raw), &out, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.verdict.Begun = c.lab.Now()
	if err := c.lab.Do(attackerHost, cmd.Start); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err = c.besieged(); err != nil {
		_ = cmd.Process.Kill() // it is of no use any more
		return errors.Join(err, <-ended)
	}
	over := false
	err = c.lab.WaitFor(3*c.Over+patience, "the attacker to end", func() bool {
		select {
		case err := <-ended:
			over = err == nil
			return true
		default:
			return false
		}
	})
	if err != nil || !over {
		_ = cmd.Process.Kill()
		return errors.Join(err, fmt.Errorf("attack: the attacker ended badly: %s", said.Bytes()))
	}
	return json.Unmarshal(out.Bytes(), &c.verdict.Report)
}

func (c *course) plan(path string) *Plan {
	p := &Plan{
		Seed: c.Seed, Interface: "eth0", Self: netlab.Addr(attackerHost), Port: netlab.Port, Admin: adminPort,
		Recording: path, Speed: c.Speed, Loops: c.Loops,
		Over: c.Over, Datagrams: c.Datagrams, Broken: c.Broken, Idle: c.Idle,
	}
	if c.Network.Group {
		p.Group = group
	}
	for _, i := range netlab.All(Members) {
		p.Targets = append(p.Targets, Target{Addr: netlab.Addr(i), MAC: netlab.MAC(i)})
	}
	return p
}

// besieged is what the group does meanwhile.
func (c *course) besieged() error {
	rest := []int{1, 2, 4}
	if err := c.lab.Hold(c.Over / 3); err != nil {
		return err
	}
	c.watch.expect(victim, false)
	killed, err := c.lab.Kill(victim)
	if err != nil {
		return err
	}
	a, err := c.lab.Settle(patience, rest)
	if err != nil {
		return err
	}
	c.verdict.Killed = a[0].At.Sub(killed)
	began, err := c.lab.Start(victim, c.flags()...)
	if err != nil {
		return err
	}
	if a, err = c.lab.Settle(patience, netlab.All(Members)); err != nil {
		return err
	}
	c.verdict.Rejoined, c.last = a[0].At.Sub(began), a[0].View
	c.watch.expect(victim, true)
	return nil
}

// calm is how long the group is left alone before it is judged: what is counted once
// in a second was, and what was greeted late has ended.
const calm = 5 * time.Second

func (c *course) judge() error {
	if err := c.lab.Hold(calm); err != nil {
		return err
	}
	for _, i := range netlab.All(Members) {
		now, err := read(c.lab, i)
		if err != nil {
			return err
		}
		if i == victim {
			continue // its counts are of another process
		}
		if pid := c.lab.Pid(i); pid != c.pids[i] {
			c.verdict.fault("%s is process %d, and was %d", netlab.Name(i), pid, c.pids[i])
		}
		c.verdict.take(c, i, now)
	}
	c.judgeWords()
	c.verdict.judgeViews(c)
	return nil
}

// judgeWords looks for the words of a Go program that breaks.
func (c *course) judgeWords() {
	for _, i := range netlab.All(Members) {
		said := c.lab.Stderr(i)
		for _, bad := range []string{"panic:", "fatal error:", "goroutine "} {
			if strings.Contains(said, bad) {
				c.verdict.fault("%s said %q", netlab.Name(i), bad)
			}
		}
	}
}

// judgeViews wants of each who lived through it two views, one without the victim and
// one with it, and that all are in the last one.
func (v *Verdict) judgeViews(c *course) {
	for _, i := range netlab.All(Members) {
		var sizes []int
		for _, in := range c.lab.InstallsSince(i, v.Begun) {
			sizes = append(sizes, len(in.View.Members))
		}
		if want := []int{Members - 1, Members}; i != victim && !slices.Equal(sizes, want) {
			v.fault("%s installed views of %v, want %v: one member was killed and came back", netlab.Name(i), sizes, want)
		}
		if last := c.lab.View(i); last == nil || last.View != c.last {
			v.fault("%s is not in the view in which all met again", netlab.Name(i))
		}
	}
}
