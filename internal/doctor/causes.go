package doctor

import "github.com/gmsd/gmsd/views"

// Cause is a line of the table.
type Cause struct {
	// Name is how programs know it; the list only grows.
	Name string
	// What it means, and the Cure.
	What, Cure string
	// How it is brought about where it is tested.
	Experiment string
	// final: of a host of which this is said nothing more is to be said.
	final bool
	rule  func(*matrix) []finding
}

// Causes is the table. What explains others stands before them.
var Causes = []Cause{
	{
		Name: "duplicate-host-id", What: "two processes have one host id: a cloned machine, or a state directory that was copied",
		Cure:       "stop one of the two and give it a fresh data-dir",
		Experiment: "a second host starts with a copy of the state directory of the first", rule: duplicateID,
	},
	{
		Name: "duplicate-address", What: "two hosts answer from one address",
		Cure:       "give each host an address of its own; arping shows both hardware addresses",
		Experiment: "a second namespace on the bridge has the address of the first", final: true, rule: duplicateAddress,
	},
	{
		Name: "group-differs", What: "frames of another group come, by unicast or to a host that is alone",
		Cure: "mend group or peers: two groups never mix", Experiment: "one host runs with --group other", rule: refusedFor(views.RefuseGroup),
	},
	{
		Name: "transport-differs", What: "the two hosts speak different transports",
		Cure: "set transport alike on all hosts", Experiment: "one host runs with --transport tcp", rule: transportDiffers,
	},
	{
		Name: "version-differs", What: "the two versions do not speak with each other",
		Cure: "run versions that do on all hosts", Experiment: "frames of a later version are sent to a host", rule: refusedFor(views.RefuseVersion),
	},
	{
		Name: "key-differs", What: "the two hosts have key files of different groups",
		Cure: "give both hosts the key file of one group", Experiment: "one host has another key file", rule: refusedFor(views.RefuseKey),
	},
	{
		Name: "key-removed", What: "a host seals with a key that was removed: it was away for a rotation, or was expelled",
		Cure: "copy the current key file of a member to it, unless it was expelled on purpose (gmsd evict)", Experiment: "a host is away while the others go through a whole rotation", rule: refusedFor(views.RefuseOldKey),
	},
	{
		Name: "not-sealed", What: "one of the two hosts runs with insecure-lab, the other with keys",
		Cure: "start all hosts with the key file", Experiment: "one host runs with --insecure-lab", rule: refusedFor(views.RefusePlain, views.RefuseSealed),
	},
	{
		Name: "process-down", What: "the host answers and nobody listens at the member port",
		Cure: "start gmsd there; its log says why it ended", Experiment: "kill -9", final: true, rule: processDown,
	},
	{
		Name: "process-frozen", What: "the kernel of the host takes connections and its gmsd says nothing",
		Cure: "look for a stopped or starved process there (ps, SIGCONT), a debugger, a suspended machine; or for another program at that port", Experiment: "SIGSTOP", final: true, rule: processFrozen,
	},
	{
		Name: "process-starved", What: "the process does not get to run for long: no processor, a stopped machine, swap",
		Cure: "give the host more processor and memory, or fewer neighbours; where it was stopped, find out by whom", Experiment: "a cgroup with 5 ms of a processor a second", final: true, rule: starved,
	},
	{
		Name: "host-rejected", What: "something on the way rejects the host with ICMP",
		Cure: "look for a firewall rule with reject, or a route of type prohibit, towards it", Experiment: "nft reject", final: true, rule: hostRejected,
	},
	{
		Name: "unicast-blocked", What: "the multicast of a host arrives, and nothing else comes from it or gets there",
		Cure: "look at its routes (ip route get), its address and its firewall: it is out of the group until it answers again", Experiment: "ip route add blackhole", final: true, rule: unicastBlocked,
	},
	{
		Name: "host-unreachable", What: "the host does not answer anybody: it is off, its cable is out, or it is routed into nothing",
		Cure: "look at power, cable and routes of the host", Experiment: "the bridge port goes down; without multicast, ip route add blackhole", final: true, rule: hostUnreachable,
	},
	{
		Name: "link-cut", What: "two hosts do not reach each other, while others reach both",
		Cure: "look for a rule or a route between the two", Experiment: "nft drop between two ports, both ways", rule: linkCut,
	},
	{
		Name: "one-way-link", What: "frames get from one host to the other and not back",
		Cure: "look for a firewall rule, or a route, in that direction", Experiment: "nft drop between two ports, one way", rule: oneWay,
	},
	{
		Name: "advertise-wrong", What: "the address that a host says others should use does not reach it, and the one it sends from does",
		Cure: "mend advertise there", Experiment: "--advertise an address that nobody has", rule: advertiseWrong,
	},
	{
		Name: "udp-blocked", What: "TCP passes to the member port and UDP does not",
		Cure: "open the port for UDP as well as for TCP", Experiment: "nft drop udp dport 7749", rule: udpBlocked,
	},
	{
		Name: "tcp-blocked", What: "UDP passes to the member port and TCP does not",
		Cure: "open the port for TCP as well as for UDP: without, a process that dies is found by its silence", Experiment: "nft drop tcp dport 7749", rule: tcpBlocked,
	},
	{
		Name: "tcp-rejected", What: "UDP passes to the member port and TCP is rejected on the way",
		Cure: "open the port for TCP as well as for UDP", Experiment: "nft reject tcp dport 7749", rule: tcpRejected,
	},
	{
		Name: "mtu-black-hole", What: "long frames vanish on a way that short ones pass, and nobody says so",
		Cure: "make the MTU equal along the way, or let ICMP pass; gmsd sends shorter frames meanwhile", Experiment: "a bridge port with an MTU of 1000", rule: mtuBlackHole,
	},
	{
		Name: "packet-loss", What: "more than one frame of seven is lost",
		Cure: "look at errors and drops of the interfaces (ip -s link), the cable, the load", Experiment: "nft drops 30 % at random", rule: packetLoss,
	},
	{
		Name: "multicast-blocked", What: "no host hears another one's multicast, unicast works",
		Cure: "let the switches pass the multicast group, or set peers; gmsd goes on by unicast meanwhile", Experiment: "nft drop 224.0.0.0/4 on the bridge", rule: multicastBlocked,
	},
	{
		Name: "multicast-ageing", What: "a host hears multicast for a while after it has joined the group, and then no more: a switch snoops on IGMP and nobody asks",
		Cure: "switch an IGMP querier on, or snooping off", Experiment: "a snooping bridge without a querier, memberships age after seconds", rule: multicastAgeing,
	},
	{
		Name: "multicast-deaf", What: "one host hears no multicast, the others do",
		Cure: "look at the firewall of that host and at IGMP snooping at its port", Experiment: "nft drop 224.0.0.0/4 towards one port", rule: multicastDeaf,
	},
	{
		Name: "multicast-mute", What: "nobody hears the multicast of one host",
		Cure: "look at the firewall and the multicast route of that host", Experiment: "nft drop 224.0.0.0/4 from one port", rule: multicastMute,
	},
	{
		Name: "multicast-one-way", What: "one host does not hear the multicast of one other",
		Cure: "look at IGMP snooping and rules between the two", Experiment: "nft drop 224.0.0.0/4 from one port to another", rule: multicastOneWay,
	},
	{
		Name: "multicast-throttled", What: "multicast is lost in bursts and unicast is not: something limits its rate",
		Cure: "raise the limit (storm control) on the switches", Experiment: "nft limit rate on 224.0.0.0/4", rule: multicastThrottled,
	},
	{
		Name: "multicast-no-loopback", What: "a host does not hear its own multicast, so a second gmsd on it would not either",
		Cure: "look at the firewall of that host: what leaves by the interface must come back", Experiment: "nft drop of own multicast on input", rule: noLoopback,
	},
	{
		Name: "idle-dropped", What: "connections that say nothing for a while are dropped on the way: a stateful firewall or NAT forgets them",
		Cure: "raise its time-out for TCP, or exempt the member port", Experiment: "nft drops TCP of a flow that was silent for a second", rule: idleDropped,
	},
	{
		Name: "clock-offset", What: "the clocks of two hosts differ by more than a second",
		Cure: "run a time service; gmsd itself does not depend on it, logs and people do", Experiment: "the clock of one host is set ahead", rule: clockOffset,
	},
	{
		Name: "name-differs", What: "a configured name means different addresses on different hosts",
		Cure: "mend /etc/hosts or the name service", Experiment: "hosts files that differ", rule: nameDiffers,
	},
	{
		Name: "name-unresolved", What: "a configured name means nothing on one host",
		Cure: "mend /etc/hosts or the name service there", Experiment: "a name that one host does not know", rule: nameUnresolved,
	},
	{
		Name: "config-differs", What: "a section of the configuration differs that must be equal",
		Cure: "compare gmsd config of both hosts", Experiment: "one host runs with another transport, or with other peers", rule: configDiffers,
	},
	{
		Name: "router-lost", What: "a gossip router does not answer a host",
		Cure: "start it, or take it out of routers", Experiment: "a router is killed", rule: routerLost,
	},
	{
		Name: "disk-slow", What: "a sync of the state directory takes longer than half a second",
		Cure: "look at the disk of that host (iostat)", Experiment: "fsync is delayed by a second", rule: diskSlow,
	},
}

// CauseNamed gives the line of that name, nil where there is none.
func CauseNamed(name string) *Cause {
	for i := range Causes {
		if Causes[i].Name == name {
			return &Causes[i]
		}
	}
	return nil
}
