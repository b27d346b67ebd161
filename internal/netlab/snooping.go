package netlab

import (
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Snooping has the bridge pass multicast only where a host has said that it listens, and
// forget that after Ageing. Querier, a machine of the lab that need not run a daemon, asks
// once who listens, and never again: with it asking on, nothing is wrong; without it the
// bridge would not begin.
type Snooping struct {
	Ageing  time.Duration
	Querier int
}

// Describe gives a line.
func (f *Snooping) Describe() string {
	return fmt.Sprintf("the bridge snoops and forgets after %s, and nobody asks any more", f.Ageing)
}

// Hosts gives none: all are touched.
func (f *Snooping) Hosts() []int { return nil }

// Start makes it.
func (f *Snooping) Start(l *Lab) error {
	err := l.sw.ip(fmt.Sprintf("link set br0 type bridge mcast_membership_interval %d mcast_snooping 1", f.Ageing.Milliseconds()/10))
	if err != nil {
		return err
	}
	return l.Do(f.Querier, askMembership)
}

// Stop has the bridge pass all again.
func (f *Snooping) Stop(l *Lab) error {
	return l.sw.ip("link set br0 type bridge mcast_snooping 0 mcast_membership_interval 26000")
}

// askMembership sends one general query of IGMPv2 (RFC 2236), to be answered within a
// second.
func askMembership() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_IGMP)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	ifi, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	if err := unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(ifi.Index)}); err != nil { //nolint:gosec // an index
		return err
	}
	const query, tenths, checksum = 0x11, 10, 0xffff - (0x1100 | 10)
	return unix.Sendto(fd, []byte{query, tenths, checksum >> 8, checksum & 0xff, 0, 0, 0, 0}, 0, &unix.SockaddrInet4{Addr: [4]byte{224, 0, 0, 1}})
}
