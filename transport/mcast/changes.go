package mcast

import (
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// changes is a subscription to the kernel's messages about links and IPv4
// addresses. What they say does not matter: whoever hears one looks himself.
type changes struct {
	file   *os.File
	closed atomic.Bool
	buf    [8 << 10]byte
}

func openChanges() (*changes, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket AF_NETLINK", err)
	}
	err = unix.Bind(fd, &unix.SockaddrNetlink{
		Family: unix.AF_NETLINK,
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR,
	})
	if err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("bind AF_NETLINK", err)
	}
	return &changes{file: os.NewFile(uintptr(fd), "route messages")}, nil
}

// drain reads what there is. An overrun (ENOBUFS) loses messages; whoever
// looks after draining has lost nothing.
func (c *changes) drain() {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		for {
			_, _, err := unix.Recvfrom(int(fd), c.buf[:], unix.MSG_DONTWAIT)
			if err != nil && err != unix.EINTR && err != unix.ENOBUFS {
				return true
			}
		}
	})
}

func (c *changes) close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.file.Close()
}
