package netlab_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views/message"
)

// experiment is how a cause is brought about, and what must be said then.
type experiment struct {
	// name is the cause's, with a suffix where it has several experiments.
	name string
	// want: one of these must be named, and no other cause but those of also, which
	// follow from it by themselves: each with the reason.
	want []named
	also map[string]string
	// bring makes it in a healthy group, cure undoes it; before is done before the group
	// forms, whose daemons have flags.
	before, bring, cure func(s *stage)
	flags               []string
	// at is where gmsd doctor is asked, 0: at h1.
	at int
	// examined says why the daemons do not find it by themselves.
	examined string
	// over are the transports on which it can be, none: all.
	over []string
	// slow: it takes so long, and is done where there is time.
	slow time.Duration
	// without the host: it starts when the cause is brought about. settles: the group
	// comes to one view meanwhile.
	without, settles bool
}

func (x *experiment) transports() []string {
	if x.over == nil {
		return transports
	}
	return x.over
}

// cast are the hosts of an experiment: the one in which it is, another member, and a
// stranger who is no member before.
type cast struct {
	host, other, stranger int
	// members are the first ones: all that belong to the group before.
	members int
}

// alone is the cast of one that is alone.
var alone = cast{4, 3, doctored + 1, doctored}

// datagrams are the transports that have paths of their own: over TCP one way needs the
// other, and lengths are TCP's.
var (
	mcastOnly = []string{"mcast"}
	datagrams = []string{"mcast", "udp"}
)

func one(cause string, host int) []named { return []named{{cause, netlab.Name(host), ""}} }

func way(cause string, from, to int) []named {
	return []named{{cause, netlab.Name(from), netlab.Name(to)}}
}

func either(cause string, a, b int) []named { return append(way(cause, a, b), way(cause, b, a)...) }

// refusing are those of a stranger and any one member: its name is not known.
func refusing(cause string) []named { return []named{{cause, "?", "?"}} }

func everybody(cause string, members int) (list []named) {
	for i := range members {
		list = append(list, one(cause, i+1)...)
	}
	return list
}

// fault makes an experiment of a fault of the lab. The value is made anew each time.
func (x experiment) fault(make func() netlab.Fault) experiment { return x.faults(make) }

// faults makes one of several that are there together.
func (x experiment) faults(all ...func() netlab.Fault) experiment {
	x.bring = func(s *stage) {
		for _, make := range all {
			f := make()
			s.later(x.name, func() { s.lift(f) })
			s.impose(f)
		}
	}
	x.cure = func(s *stage) { s.now(x.name) }
	return x
}

// later keeps what undoes something, now does it.
func (s *stage) later(what string, undo func()) {
	if s.undo == nil {
		s.undo = map[string][]func(){}
	}
	s.undo[what] = append(s.undo[what], undo)
}

func (s *stage) now(what string) {
	for _, undo := range s.undo[what] {
		undo()
	}
	delete(s.undo, what)
}

func (s *stage) undoAll() {
	for what := range s.undo {
		s.now(what)
	}
}

const multicastOf = "ether type ip ip daddr 224.0.0.0/4 "

func onBridge(what string, touches []int, lines ...string) func() netlab.Fault {
	return func() netlab.Fault { return &netlab.Rules{What: what, Touches: touches, Lines: lines} }
}

func atHost(what string, host int, hook string, lines ...string) func() netlab.Fault {
	return func() netlab.Fault {
		return &netlab.Rules{What: what, Host: host, Touches: []int{host}, Hook: hook, Lines: lines}
	}
}

const tcpToMember = "ether type ip tcp dport 7749 "

// acts makes an experiment of two acts.
func (x experiment) acts(bring, cure func(s *stage)) experiment {
	x.bring, x.cure = bring, cure
	return x
}

// stranger makes an experiment of one more daemon with some flags.
func (x experiment) strangerOf(c cast, flags ...string) experiment {
	return x.acts(func(s *stage) { s.start2(c.stranger, flags...) }, func(s *stage) { s.kill(c.stranger) })
}

// start2 starts a daemon with flags.
func (s *stage) start2(host int, flags ...string) {
	s.Helper()
	_, err := s.Start(host, flags...)
	s.must(err)
}

func (s *stage) leave(host int) {
	s.Helper()
	_, err := s.Leave(host)
	s.must(err)
	s.exit(host, 0)
}

// renewKeys has the group go through a whole rotation of its key.
func (s *stage) renewKeys(host int) {
	s.Helper()
	var old, now admin.KeysAnswer
	for _, do := range []func() []string{
		func() []string { return []string{"list"} },
		func() []string { return []string{"install"} },
		func() []string { return []string{"use", fresher(old, now)} },
		func() []string { return []string{"remove", old.Using} },
	} {
		args := append(append([]string{"keys"}, do()...), "--json", "--admin", filepath.Join(s.DataDir(host), "admin.sock"))
		o, err := s.Execute(host, generous, args...)
		s.must(err)
		if o.Code != 0 {
			s.Fatalf("%v: %s%s", args, o.Stdout, o.Stderr)
		}
		now = admin.KeysAnswer{}
		s.must(json.Unmarshal([]byte(o.Stdout), &now))
		if old.Using == "" {
			old = now
		}
	}
}

// giveKeys copies the key file of a host to one that does not run.
func (s *stage) giveKeys(from, to int) {
	s.Helper()
	current, err := os.ReadFile(s.KeyFile(from))
	s.must(err)
	s.must(os.WriteFile(s.KeyFile(to), current, 0o600))
}

// fresher is the key that was not there before.
func fresher(old, now admin.KeysAnswer) string {
	for _, k := range now.Keys {
		if !slices.ContainsFunc(old.Keys, func(o admin.KeyAnswer) bool { return o.ID == k.ID }) {
			return k.ID
		}
	}
	return ""
}

// hosts gives a name the address of h1 at each member but the one in question, and there
// that of another, 0: none.
func (s *stage) hosts(c cast, name string, odd int) {
	s.Helper()
	s.must(s.Disturb())
	for i := range c.members {
		text, n := "127.0.0.1 localhost\n", 1
		if i+1 == c.host {
			n = odd
		}
		if n > 0 {
			text += fmt.Sprintf("%s %s\n", netlab.Addr(n), name)
		}
		path := filepath.Join(s.Dir(), netlab.Name(i+1)+".hosts")
		_, err := os.Stat(path)
		fresh := os.IsNotExist(err)
		s.must(os.WriteFile(path, []byte(text), 0o600))
		if fresh {
			s.must(s.Do(i+1, func() error { return unix.Mount(path, "/etc/hosts", "", unix.MS_BIND, "") }))
		}
	}
}

// speakLater sends frames of a later version from one host to another, until the answer
// is called.
func (s *stage) speakLater(from, to int) (quiet func()) {
	s.Helper()
	var conn *net.UDPConn
	s.must(s.Do(from, func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netlab.Addr(from), netlab.Port)))
		return err
	}))
	var h message.Header
	h.Group = engine.GroupHash("default")
	h.From.Host[0], h.From.Incarnation = 0x77, 1
	frame := append(wire.AppendHeader(nil, h), make([]byte, 100)...) // no answer is longer
	frame[2] = wire.Version + 1
	ticker, quit := time.NewTicker(time.Second), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			_, _ = conn.WriteToUDPAddrPort(frame, netip.AddrPortFrom(netlab.Addr(to), netlab.Port)) // the next one may
			select {
			case <-ticker.C:
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-done; ticker.Stop(); s.must(conn.Close()) }
}
