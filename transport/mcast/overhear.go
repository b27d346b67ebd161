package mcast

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"

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
	before := t.Stats().MulticastOut.Packets
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	defer func() { _ = conn.Close() }()
	var b [1]byte
	for {
		_, from, err := conn.ReadFromUDPAddrPort(b[:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return false, t.Stats().MulticastOut.Packets - before, nil
		case err != nil:
			return false, 0, err
		case netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) == t.port.Bound():
			return true, 0, nil
		}
	}
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
