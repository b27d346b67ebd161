package mcast

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
)

// HearsItself listens, beside the socket that receives, until a multicast of this
// transport itself comes by: the receiving socket takes no such. To join the group once
// more may take the kernel a while.
func (t *Transport) HearsItself(ctx context.Context, most time.Duration) (heard bool, said uint64, err error) {
	conn, err := t.link.overhear()
	if err != nil {
		return false, 0, err
	}
	defer func() { _ = conn.Close() }()
	before := t.Stats().MulticastOut.Packets
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if heard, err = hears(conn, t.port.Bound()); heard || err != nil {
		return heard, 0, err
	}
	// What went out until now may be on its way here, or wait to be read: who stood still
	// says the most at the end.
	said = t.Stats().MulticastOut.Packets - before
	_ = conn.SetReadDeadline(time.Now().Add(comesBackIn))
	if heard, err = hears(conn, t.port.Bound()); heard || err != nil {
		return heard, 0, err
	}
	heard, err = isQueued(conn, t.port.Bound())
	return heard, said, err
}

// comesBackIn is how long a multicast may take to come back to where it was said.
const comesBackIn = 100 * time.Millisecond

// hears reads until something comes from an address, or the deadline is over.
func hears(conn *net.UDPConn, own netip.AddrPort) (bool, error) {
	var b [1]byte
	for {
		_, from, err := conn.ReadFromUDPAddrPort(b[:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return false, nil
		case err != nil:
			return false, err
		case netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) == own:
			return true, nil
		}
	}
}

// isQueued reads what waits, which a read does not after its deadline, and reports whether
// some of it is from an address.
func isQueued(conn *net.UDPConn, own netip.AddrPort) (found bool, err error) {
	_ = conn.SetReadDeadline(time.Time{})
	raw, err := conn.SyscallConn()
	if err != nil {
		return false, err
	}
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		for {
			_, from, err := unix.Recvfrom(int(fd), b[:], unix.MSG_DONTWAIT)
			a, ok := from.(*unix.SockaddrInet4)
			switch {
			case err != nil:
				return true
			case ok && netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)) == own: //nolint:gosec // a port
				found = true
			}
		}
	})
	return found, err
}

// overhear opens one more socket of the group on the interface.
func (l *link) overhear() (*net.UDPConn, error) {
	l.mu.Lock()
	joined := l.joined
	l.mu.Unlock()
	if !joined.usable {
		return nil, transport.ErrNoRoute
	}
	conn, err := listenGroup(l.group)
	if err != nil {
		return nil, err
	}
	if err := ipv4.NewPacketConn(conn).JoinGroup(&net.Interface{Index: joined.index}, groupAddr(l.group)); err != nil {
		_ = conn.Close()
		return nil, noMulticast(l.group, &net.Interface{Index: joined.index, Name: joined.name}, err.Error())
	}
	return conn, nil
}

// Rejoin leaves the group and joins it anew, so that the switches on the way are told
// once more that this host listens.
func (t *Transport) Rejoin() error {
	l := t.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.joined.usable {
		return nil // it is joined as soon as there is a way
	}
	ifi := &net.Interface{Index: l.joined.index, Name: l.joined.name}
	return errors.Join(l.listen.LeaveGroup(ifi, groupAddr(l.group)), l.listen.JoinGroup(ifi, groupAddr(l.group)))
}

func groupAddr(group netip.AddrPort) *net.UDPAddr { return &net.UDPAddr{IP: group.Addr().AsSlice()} }
