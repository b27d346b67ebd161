package endpoint

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Where a filter on a UDP socket finds things: offsets count from the UDP header,
// those from skfNetOff on from the IP header, see linux/filter.h.
const (
	skfNetOff  = 0xfff00000
	ipSource   = skfNetOff + 12
	udpSource  = 0
	acceptAll  = 0xffffffff
	acceptNone = 0
)

// dropFrom has the kernel drop, before they are queued, the datagrams that come
// from an IPv4 address and port: what we sent to our group and hear again
// would else take the room of what others sent.
func dropFrom(fd int, from netip.AddrPort) error {
	ip := from.Addr().As4()
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: ipSource},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: binary.BigEndian.Uint32(ip[:]), Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: udpSource},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(from.Port()), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: acceptNone},
		{Code: unix.BPF_RET | unix.BPF_K, K: acceptAll},
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}
