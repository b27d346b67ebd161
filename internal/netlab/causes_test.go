package netlab_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
)

// experiments are all there are, with that cast.
func experiments(c cast) []experiment {
	return slices.Concat(ofMulticast(c), ofHosts(c), ofWays(c), ofStrangers(c), ofSettings(c))
}

func ofMulticast(c cast) []experiment {
	at := []int{c.host}
	return []experiment{
		experiment{name: "multicast-blocked", want: []named{{cause: "multicast-blocked"}}, over: mcastOnly}.
			fault(func() netlab.Fault { return &netlab.MulticastBlocked{} }),
		experiment{name: "multicast-deaf", want: one("multicast-deaf", c.host), over: mcastOnly}.
			fault(func() netlab.Fault { return &netlab.MulticastBlocked{Blocked: at, Inward: true} }),
		experiment{name: "multicast-mute", want: one("multicast-mute", c.host), over: mcastOnly}.
			fault(onBridge("it is mute", at, netlab.Ports(at, nil)+multicastOf+"drop")),
		experiment{name: "multicast-one-way", want: way("multicast-one-way", c.other, c.host), over: mcastOnly}.
			fault(onBridge("it does not hear another one's multicast", []int{c.other, c.host}, netlab.Ports([]int{c.other}, at)+multicastOf+"drop")),
		experiment{
			name: "multicast-throttled", want: one("multicast-throttled", c.host), over: mcastOnly,
			examined: "at rest nobody sends so much that the limit is reached",
		}.fault(onBridge("storm control at its port", at, netlab.Ports(at, nil)+multicastOf+"limit rate over 100/second burst 8 packets drop")),
		experiment{
			name: "multicast-no-loopback", want: one("multicast-no-loopback", c.host), over: mcastOnly,
		}.fault(atHost("it drops its own multicast", c.host, "input", "ip saddr "+netlab.Addr(c.host).String()+" ip daddr 224.0.0.0/4 drop")),
		experiment{name: "multicast-ageing", over: mcastOnly, want: everybody("multicast-ageing", c.members), also: map[string]string{
			"multicast-blocked":   "once all memberships have aged nobody hears anybody, until they join anew",
			"multicast-deaf":      "some have joined anew and one has not yet",
			"multicast-throttled": "some of a row come, before a membership ages",
		}}.
			fault(func() netlab.Fault { return &netlab.Snooping{Ageing: 2 * time.Second, Querier: c.stranger} }),
	}
}

func ofHosts(c cast) []experiment {
	at := []int{c.host}
	return []experiment{
		experiment{name: "process-down", want: one("process-down", c.host)}.acts(
			func(s *stage) { s.kill(c.host) }, func(s *stage) { s.start(c.host) }),
		experiment{name: "process-frozen", want: one("process-frozen", c.host)}.acts(
			func(s *stage) { _, err := s.Freeze(c.host); s.must(err) }, func(s *stage) { _, err := s.Thaw(c.host); s.must(err) }),
		experiment{name: "host-rejected", want: one("host-rejected", c.host)}.faults(
			atHost("it rejects all", c.host, "input", "iifname eth0 ip protocol != icmp reject with icmp type host-prohibited"),
			onBridge("its own frames vanish", at, netlab.Ports(at, nil)+"ether type ip ip protocol != icmp drop")),
		experiment{name: "host-unreachable", want: one("host-unreachable", c.host)}.
			fault(func() netlab.Fault { return &netlab.LinkDown{Host: c.host} }),
		experiment{name: "host-unreachable-itself", want: one("host-unreachable", c.host), at: c.host}.
			fault(func() netlab.Fault { return &netlab.LinkDown{Host: c.host} }),
		// Multicast goes on without routes.
		experiment{name: "unicast-blocked", want: one("unicast-blocked", c.host), over: mcastOnly}.
			fault(func() netlab.Fault { return &netlab.Unrouted{Host: c.host} }),
		experiment{name: "host-unreachable-routes", want: one("host-unreachable", c.host), over: []string{"router", "udp", "tcp"}}.
			fault(func() netlab.Fault { return &netlab.Unrouted{Host: c.host} }),
		experiment{name: "process-starved", want: one("process-starved", c.host)}.
			fault(func() netlab.Fault { return &netlab.SlowCPU{Host: c.host, Micros: 5000} }),
		experiment{name: "disk-slow", want: one("disk-slow", c.host), settles: true}.acts(
			func(s *stage) {
				f := &netlab.SlowDisk{Host: c.host, By: time.Second}
				s.later("slow disk", func() { s.lift(f) })
				s.impose(f)
				for range 2 { // the seqs of some views are written ahead
					s.start(c.stranger)
					s.settle(append(netlab.All(c.members), c.stranger))
					s.leave(c.stranger)
					s.settle(netlab.All(c.members))
				}
			},
			func(s *stage) { s.now("slow disk") }),
	}
}

func ofWays(c cast) []experiment {
	at := []int{c.host}
	return []experiment{
		experiment{name: "link-cut", want: either("link-cut", c.other, c.host), over: []string{"mcast", "udp", "tcp"}}. // a router carries it round
																fault(func() netlab.Fault { return &netlab.Cut{From: []int{c.other}, To: at, BothWays: true} }),
		experiment{name: "one-way-link", want: way("one-way-link", c.other, c.host), over: datagrams}.
			fault(onBridge("a firewall in one direction", []int{c.other, c.host}, netlab.Ports([]int{c.other}, at)+"ether type ip drop")),
		experiment{name: "udp-blocked", want: one("udp-blocked", c.host), over: datagrams}.
			fault(onBridge("UDP to it is dropped", at, netlab.Ports(nil, at)+"ether type ip ip protocol udp drop")),
		experiment{
			name: "tcp-blocked", want: one("tcp-blocked", c.host), over: datagrams,
		}.fault(onBridge("TCP to its member port is dropped", at, netlab.Ports(nil, at)+tcpToMember+"drop")),
		experiment{name: "tcp-rejected", want: one("tcp-rejected", c.host), over: datagrams}.
			fault(atHost("it rejects TCP to its member port", c.host, "input", fmt.Sprintf("iifname eth0 tcp dport %d reject with tcp reset", netlab.Port))),
		experiment{name: "mtu-black-hole", want: one("mtu-black-hole", c.host), over: []string{"mcast", "udp", "tcp"}}.
			fault(func() netlab.Fault { return &netlab.MTU{Host: c.host, Bytes: 1000} }),
		experiment{name: "packet-loss", want: one("packet-loss", c.host), over: datagrams}.
			fault(func() netlab.Fault { return &netlab.Loss{Percent: 30, From: at} }),
		experiment{name: "idle-dropped", want: one("idle-dropped", c.host), over: []string{"mcast", "udp", "tcp"}}.
			fault(func() netlab.Fault { return forgetful(c.host, "800ms") }),
		experiment{
			name: "idle-dropped-late", over: mcastOnly, slow: time.Minute,
			want: append(one("idle-dropped", c.host), named{"idle-dropped", "?", netlab.Name(c.host)}, named{"idle-dropped", netlab.Name(c.host), "?"}),
			before: func(s *stage) {
				for _, h := range netlab.All(c.members) {
					s.Binary(h, s.built(shortSilence))
				}
			},
		}.fault(func() netlab.Fault { return forgetful(c.host, "2500ms") }),
	}
}

// forgetful is a stateful firewall before a host, which forgets TCP that says nothing for
// so long.
func forgetful(host int, after string) netlab.Fault {
	const flow = "ip saddr . tcp sport . ip daddr . tcp dport"
	at := []int{host}
	return &netlab.Rules{
		What: "a stateful firewall that forgets TCP", Touches: at,
		Sets: "set f {\n type ipv4_addr . inet_service . ipv4_addr . inet_service\n flags dynamic,timeout\n timeout " + after + "\n size 4096\n }",
		Lines: []string{
			// Who begins is remembered, there and back; who is forgotten is dropped.
			netlab.Ports(nil, at) + "tcp flags & (syn | ack) == syn update @f { " + flow + " }",
			netlab.Ports(at, nil) + "tcp flags & (syn | ack) == syn update @f { " + flow + " }",
			netlab.Ports(nil, at) + "tcp flags & (syn | ack) == (syn | ack) update @f { " + flow + " }",
			netlab.Ports(at, nil) + "tcp flags & (syn | ack) == (syn | ack) update @f { " + flow + " }",
			flow + " @f update @f { " + flow + " } accept",
			netlab.Ports(nil, at) + "ether type ip ip protocol tcp drop",
			netlab.Ports(at, nil) + "ether type ip ip protocol tcp drop",
		},
	}
}

func ofStrangers(c cast) []experiment {
	return []experiment{
		experiment{name: "group-differs", want: refusing("group-differs")}.strangerOf(c, "--group", "other", "--peers", netlab.Addr(1).String()),
		experiment{name: "transport-differs", want: refusing("transport-differs"), over: []string{"mcast", "udp"}}.strangerOf(c, "--transport", "tcp", "--peers", netlab.Addr(1).String()),
		experiment{name: "transport-differs-udp", want: refusing("transport-differs"), over: []string{"tcp"}, at: c.stranger}.strangerOf(c, "--transport", "udp", "--peers", netlab.Addr(1).String()),
		experiment{name: "not-sealed", want: refusing("not-sealed")}.strangerOf(c, "--insecure-lab"),
		experiment{name: "key-differs", want: refusing("key-differs")}.acts(
			func(s *stage) {
				path := filepath.Join(s.Dir(), "other-"+netlab.Name(c.stranger)+".keys")
				o, err := s.Execute(c.stranger, generous, "keys", "gen", "--out", path)
				s.must(err)
				if o.Code != 0 {
					s.Fatal(o.Stderr)
				}
				s.start2(c.stranger, "--key-file", path)
			}, func(s *stage) { s.kill(c.stranger) }),
		experiment{name: "key-removed", want: refusing("key-removed"), settles: true}.acts(
			func(s *stage) {
				s.start2(c.stranger)
				s.settle(append(netlab.All(c.members), c.stranger))
				s.kill(c.stranger)
				s.settle(netlab.All(c.members))
				s.renewKeys(c.host)
				for h := c.members + 1; h <= s.beds; h++ {
					if h != c.stranger { // another one has been told
						s.giveKeys(c.host, h)
					}
				}
				s.start2(c.stranger)
			}, func(s *stage) {
				s.kill(c.stranger)
				s.giveKeys(c.host, c.stranger)
				s.start2(c.stranger)
			}),
		experiment{name: "version-differs", want: refusing("version-differs"), over: datagrams}.acts(
			func(s *stage) { s.later("speak", s.speakLater(c.stranger, c.other)) }, func(s *stage) { s.now("speak") }),
		experiment{
			name: "duplicate-host-id", want: one("duplicate-host-id", c.host),
		}.acts(
			func(s *stage) {
				s.must(s.Clone(c.host, c.stranger))
				s.must(s.Disturb())
				_, err := s.StartBeside(c.stranger)
				s.must(err)
			}, func(*stage) {}),
		experiment{name: "duplicate-address", want: refusing("duplicate-address"), over: datagrams}.acts(
			func(s *stage) {
				f := &sharedAddress{c.host, c.stranger, c.members}
				s.later("duplicate-address", func() { s.kill(c.stranger); s.lift(f) })
				s.impose(f)
				_, err := s.StartBeside(c.stranger, "--bind", netlab.Addr(c.host).String())
				s.must(err)
			},
			func(s *stage) { s.now("duplicate-address") }),
		experiment{name: "advertise-wrong", want: one("advertise-wrong", c.stranger), over: datagrams}.acts(
			func(s *stage) { s.start2(c.stranger, "--advertise", fmt.Sprintf("10.77.0.%d", 90+c.stranger)) },
			func(s *stage) { s.kill(c.stranger); s.start2(c.stranger) }),
	}
}

func ofSettings(c cast) []experiment {
	router2 := fmt.Sprintf("%s:%d", netlab.Addr(netlab.RouterHost(2)), netlab.RouterPort)
	return []experiment{
		experiment{
			name: "config-differs", want: refusing("config-differs"), over: []string{"udp"}, without: true,
		}.acts(
			func(s *stage) { s.start2(c.host, "--transport", "mcast", "--peers", netlab.Peers(c.members)) }, func(s *stage) { s.kill(c.host); s.start(c.host) }),
		experiment{
			name: "config-differs-peers", want: refusing("config-differs"), over: []string{"udp", "tcp"}, without: true,
		}.acts(
			func(s *stage) { s.start2(c.host, "--peers", netlab.Peers(c.members-2)) }, func(s *stage) { s.kill(c.host); s.start(c.host) }),
		{
			name: "name-differs", want: []named{{"name-differs", "?", netlab.Name(c.host)}, {"name-differs", netlab.Name(c.host), "?"}}, flags: []string{"--peers", "db.example"},
			before: func(s *stage) { s.hosts(c, "db.example", 1) },
			bring:  func(s *stage) { s.hosts(c, "db.example", 2) },
			cure:   func(s *stage) { s.hosts(c, "db.example", 1) },
		},
		{
			name: "name-unresolved", want: one("name-unresolved", c.host), flags: []string{"--peers", "db.example"},
			before: func(s *stage) { s.hosts(c, "db.example", 1) },
			bring:  func(s *stage) { s.hosts(c, "db.example", 0) },
			cure:   func(s *stage) { s.hosts(c, "db.example", 1) },
		},
		experiment{name: "router-lost", want: []named{{"router-lost", router2, ""}, {"router-lost", "?", router2}}, over: []string{"router"}}.acts(
			func(s *stage) { s.must(s.KillRouter(2)) }, func(s *stage) { s.must(s.StartRouter(2)) }),
		experiment{name: "clock-offset", want: one("clock-offset", c.host), without: true}.acts(
			func(s *stage) { s.Binary(c.host, s.built(laterClock)); s.start2(c.host) },
			func(s *stage) { s.kill(c.host); s.Binary(c.host, binary); s.start2(c.host) }),
	}
}

// sharedAddress gives a stranger's machine the address of a host.
type sharedAddress struct{ host, stranger, members int }

func (f *sharedAddress) Describe() string {
	return "a second machine has the address of h" + strconv.Itoa(f.host)
}
func (f *sharedAddress) Hosts() []int { return []int{f.host} }

func (f *sharedAddress) Start(l *netlab.Lab) error {
	return l.IP(f.stranger, "addr flush dev eth0", "addr add "+netlab.Addr(f.host).String()+"/24 dev eth0")
}

func (f *sharedAddress) Stop(l *netlab.Lab) error {
	err := l.IP(f.stranger, "link set eth0 down")
	for _, h := range netlab.All(f.members) {
		err = errors.Join(err, l.IP(h, "neigh flush all"))
	}
	return err
}
