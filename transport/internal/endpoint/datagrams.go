package endpoint

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
)

// datagrams is one system call that receives. It costs no memory a datagram.
type datagrams struct {
	messages [batchMax]message
	bodies   [batchMax]unix.Iovec
	names    [batchMax]unix.RawSockaddrInet4
	notes    [batchMax]segmentNote
}

// prepare points the messages at the caller's buffers.
func (d *datagrams) prepare(batch []transport.Inbound) []message {
	n := min(len(batch), batchMax)
	for i := range n {
		m := &d.messages[i]
		setFrame(&d.bodies[i], batch[i].Buf)
		m.setName(&d.names[i])
		m.setFrames(d.bodies[i : i+1])
		m.setControl(&d.notes[i], unix.CmsgSpace(sizeTold))
		m.Flags = 0
	}
	return d.messages[:n]
}

// from says where datagram i came from.
func (d *datagrams) from(i int) netip.AddrPort {
	if d.messages[i].Namelen < unix.SizeofSockaddrInet4 {
		return netip.AddrPort{}
	}
	return readAddress(&d.names[i])
}

// segment is the length of the frames in datagram i, 0 if it is one.
func (d *datagrams) segment(i int) int {
	size := d.notes[i].told(int(d.messages[i].Controllen))
	if size >= int(d.messages[i].bytes) {
		return 0
	}
	return size
}
