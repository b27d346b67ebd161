package endpoint

import (
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
