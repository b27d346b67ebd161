package endpoint

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Places in the array that SO_MEMINFO gives, see linux/sock_diag.h.
const (
	memInfoDrops = 8
	memInfoSize  = 9
)

// memDrops reads the socket's count of dropped datagrams.
func memDrops(fd int) (uint64, error) {
	var info [memInfoSize]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, errno
	}
	return uint64(info[memInfoDrops]), nil
}

// kernelDrops is the number of datagrams that the kernel dropped at the socket;
// 0 once it is closed.
func kernelDrops(c *net.UDPConn) uint64 {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	var drops uint64
	_ = control(raw, func(fd int) error {
		drops, err = memDrops(fd)
		return err
	})
	return drops
}

// receiveBufferOf is the socket's receive buffer in the unit in which one asks
// for it, and in which the system's limit is: the kernel gives twice as much
// for what it needs besides. It is 0 once the socket is closed.
func receiveBufferOf(c *net.UDPConn) int {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	size := 0
	_ = control(raw, func(fd int) error {
		size, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	return size / 2
}
