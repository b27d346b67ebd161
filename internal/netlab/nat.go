package netlab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// NAT has what a host begins leave from other ports than it thinks: streams from ports
// of its own, of which there are ten thousand from Ports on, and datagrams of the member
// port from the port Ports, to which answers may come. What comes to the member port
// itself it lets in, as one with an exposed host does.
type NAT struct {
	Host, Ports int
	// forgot counts the calls of Forget.
	forgot int
	table  *table
}

// Describe gives a line.
func (f *NAT) Describe() string { return "NAT before " + Name(f.Host) }

// Hosts gives the one.
func (f *NAT) Hosts() []int { return []int{f.Host} }

// natPorts is how many a NAT has for streams.
const natPorts = 10_000

// Start makes it.
func (f *NAT) Start(l *Lab) error {
	l.tables++
	t := &table{l.host(f.Host).space, "ip", fmt.Sprintf("lab%d", l.tables)}
	// Datagrams are translated without memory: with it, those of both directions, which
	// go between the same two ports, would be one conversation.
	const chain = " chain %s {\n  type %s hook %s priority 0; policy accept;\n  %s\n }\n"
	udp := f.Ports + f.forgot
	text := fmt.Sprintf("table ip %s {\n", t.name) +
		fmt.Sprintf(chain, "streams", "nat", "postrouting", fmt.Sprintf("oifname eth0 tcp dport { %d, %d } snat to %s:%d-%d random",
			Port, RouterPort, Addr(f.Host), f.Ports, f.Ports+natPorts-1)) +
		fmt.Sprintf(chain, "out", "filter", "output", fmt.Sprintf("oifname eth0 udp sport %d udp sport set %d", Port, udp)) +
		fmt.Sprintf(chain, "back", "filter", "prerouting", fmt.Sprintf("iifname eth0 udp dport %d udp dport set %d", udp, Port)) + "}\n"
	if err := t.space.command(text, "nft", "-f", "-"); err != nil {
		return err
	}
	f.table = t
	return nil
}

// Stop undoes it.
func (f *NAT) Stop(*Lab) error {
	t := f.table
	f.table = nil
	return t.remove()
}

// Forget has a NAT that is imposed forget all, as one does that starts anew.
func (f *NAT) Forget(l *Lab) error {
	f.forgot++
	return errors.Join(f.Stop(l), f.Start(l), f.flush(l))
}

// flush deletes what the NAT remembers of connections: those that are open come from
// another port from now on, and answers to the old one reach nobody.
func (f *NAT) flush(l *Lab) error {
	return l.Do(f.Host, func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer func() { _ = unix.Close(fd) }()
		// IPCTNL_MSG_CT_DELETE without a tuple: all.
		const deleteAll = 1<<8 | 2
		request := make([]byte, unix.NLMSG_HDRLEN+4)
		binary.NativeEndian.PutUint32(request, uint32(len(request))) //nolint:gosec // 20
		binary.NativeEndian.PutUint16(request[4:], deleteAll)
		binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
		request[unix.NLMSG_HDRLEN] = unix.AF_INET
		if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return os.NewSyscallError("sendto", err)
		}
		var answer [256]byte
		n, _, err := unix.Recvfrom(fd, answer[:], 0)
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		if n < unix.NLMSG_HDRLEN+4 {
			return fmt.Errorf("netlab: the kernel answered %d bytes", n)
		}
		if code := int32(binary.NativeEndian.Uint32(answer[unix.NLMSG_HDRLEN:])); code != 0 { //nolint:gosec // an errno
			return fmt.Errorf("netlab: cannot forget connections: %w", unix.Errno(-code))
		}
		return nil
	})
}
