package endpoint

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// describeOwner says who holds a port, ", gmsd (pid 123)", or nothing where
// that cannot be found out (another user's process, another namespace).
func describeOwner(network string, at netip.AddrPort) string {
	inode := socketInode("/proc/net/"+network, at)
	if inode == "" {
		return ""
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	want := "socket:[" + inode + "]"
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != want {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			return ""
		}
		return fmt.Sprintf(", %s (pid %s)", strings.TrimSpace(string(name)), filepath.Base(dir))
	}
	return ""
}

// socketInode finds the socket bound to an address, or to all addresses, in a
// table of /proc/net. Its lines are "sl local_address rem_address st queues
// timers retransmits uid timeout inode", addresses in hexadecimal of the
// machine's byte order.
func socketInode(table string, at netip.AddrPort) string {
	f, err := os.Open(table)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	ip := at.Addr().As4()
	exact := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(ip[:]), at.Port())
	all := fmt.Sprintf("%08X:%04X", 0, at.Port())
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) > 9 && (words[1] == exact || words[1] == all) && words[9] != "0" {
			return words[9]
		}
	}
	return ""
}
