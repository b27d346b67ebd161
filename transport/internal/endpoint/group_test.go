package endpoint

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/transporttest"
)

// joined opens an endpoint that hears a group on the loopback interface.
func joined(t *testing.T, at netip.AddrPort, group netip.AddrPort) *Endpoint {
	t.Helper()
	e := open(t, at)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	c := groupSocket(t, group)
	if err := ipv4.NewPacketConn(c).JoinGroup(lo, net.UDPAddrFromAddrPort(group)); err != nil {
		t.Fatal(err)
	}
	if err := e.Packets().SetMulticastInterface(lo); err != nil {
		t.Fatal(err)
	}
	if err := e.Packets().SetMulticastLoopback(true); err != nil {
		t.Fatal(err)
	}
	if err := e.Listen(c); err != nil {
		t.Fatal(err)
	}
	return e
}

// groupSocket binds to the group alone, which package net does not.
func groupSocket(t *testing.T, group netip.AddrPort) *net.UDPConn {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "group")
	defer func() { _ = f.Close() }()
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(group.Port()), Addr: group.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	c, err := net.FilePacketConn(f)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.UDPConn)
}

func drops(t *testing.T, e *Endpoint) uint64 {
	t.Helper()
	return kernelDrops(e.groups[0].conn)
}

// What we send to the group does not come back to our socket, neither one by
// one nor coalesced; what others send does, also from our address or our port.
func TestKernelDropsOurOwn(t *testing.T) {
	at := transporttest.LoopbackNet(t)
	group := transporttest.MulticastGroup(at)
	own := joined(t, at(0), group)
	samePort := joined(t, at(1), group)
	sameAddress := joined(t, netip.AddrPortFrom(at(0).Addr(), at(0).Port()-1), group)
	if !own.groups[0].filtered {
		t.Fatal("the kernel did not take the filter")
	}

	if err := own.Multicast([]byte("mine"), group); err != nil {
		t.Fatal(err)
	}
	if err := own.SendBatch([]transport.Outbound{
		{All: true, To: []netip.AddrPort{group}, Frame: []byte("run1")},
		{All: true, To: []netip.AddrPort{group}, Frame: []byte("run2")},
		{All: true, To: []netip.AddrPort{group}, Frame: []byte("longer")},
	}, group); err != nil {
		t.Fatal(err)
	}
	for _, other := range []*Endpoint{samePort, sameAddress} {
		if got := hears(t, other, 4); got[0] != "mine" || got[3] != "long" {
			t.Errorf("another heard %v", got)
		}
		if err := other.Multicast([]byte("theirs"), group); err != nil {
			t.Fatal(err)
		}
		if got := hears(t, own, 1); got[0] != "thei" {
			t.Errorf("heard %v", got)
		}
	}
	if got, want := drops(t, own), uint64(own.sender.looped.Load()); got != want || want == 0 {
		t.Errorf("the kernel dropped %d datagrams, want our %d", got, want)
	}
	if got := own.Stats().Dropped[transport.DropReceiveBuffer]; got != 0 {
		t.Errorf("our own count as %d lost", got)
	}
}

// The counts of what others lose stand beside our own.
func TestGroupDropsAreCounted(t *testing.T) {
	at := transporttest.LoopbackNet(t)
	group := transporttest.MulticastGroup(at)
	a, b := joined(t, at(0), group), joined(t, at(1), group)
	raw, err := b.groups[0].conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = control(raw, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		for _, e := range []*Endpoint{a, b} {
			if err := e.Multicast(make([]byte, 1400), group); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := b.Stats().Dropped[transport.DropReceiveBuffer]
	if got == 0 || got >= 50 || got != drops(t, b)-50 {
		t.Errorf("counted %d of another's 50 in a small buffer, the kernel %d with our own 50", got, drops(t, b))
	}
	if again := b.Stats().Dropped[transport.DropReceiveBuffer]; again != got {
		t.Errorf("counted %d, then %d", got, again)
	}
}

// Where the kernel takes no filter, our own are passed over as they are read.
func TestOwnArePassedOverWithoutFilter(t *testing.T) {
	at := transporttest.LoopbackNet(t)
	group := transporttest.MulticastGroup(at)
	own, other := joined(t, at(0), group), joined(t, at(1), group)
	raw, err := own.groups[0].conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = control(raw, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) })
	if err != nil {
		t.Fatal(err)
	}
	own.groups[0].filtered = false
	for _, e := range []*Endpoint{own, other} {
		if err := e.SendBatch(numbered(3, 10, group), group); err != nil {
			t.Fatal(err)
		}
		if err := e.Multicast([]byte("from "+e.Local().String()), group); err != nil {
			t.Fatal(err)
		}
	}
	batch := transporttest.NewBatch(8)
	for heard := 0; heard < 4; {
		n, err := own.Receive(batch)
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch[:n] {
			if batch[i].From != other.Local() {
				t.Errorf("heard %v", batch[i].From)
			}
			heard += batch[i].Count()
		}
	}
}

func TestReceiveBuffer(t *testing.T) {
	at := transporttest.LoopbackNet(t)
	e := joined(t, at(0), transporttest.MulticastGroup(at))
	got := e.ReceiveBuffer()
	if got <= 0 || got > receiveBuffer {
		t.Errorf("%d bytes, asked for %d", got, receiveBuffer)
	}
	raw, err := e.groups[0].conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = control(raw, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 5000) })
	if err != nil {
		t.Fatal(err)
	}
	if got := e.ReceiveBuffer(); got != 5000 {
		t.Errorf("%d bytes, want the smallest, 5000", got)
	}
	_ = e.Close()
	if got := e.ReceiveBuffer(); got != 0 {
		t.Errorf("%d bytes when closed", got)
	}
}
