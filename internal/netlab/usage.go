package netlab

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
)

// Usage is what a host has used since its start.
type Usage struct {
	At  views.Instant
	CPU time.Duration
	// RSS is what is in memory now, in bytes.
	RSS int64
	// SentBytes are those of the IP packets that left eth0 (and of the few ARP
	// frames among them), headers of IP included, of Ethernet not.
	SentBytes, SentPackets int64
}

const (
	// clockTick is the unit of /proc/PID/stat on every Linux that Go runs on.
	clockTick      = 10 * time.Millisecond
	ethernetHeader = 14
)

// Usage reads /proc for a host's daemon and its interface.
func (l *Lab) Usage(host int) (Usage, error) {
	u := Usage{At: tracelog.Now()}
	pid := l.Pid(host)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	// The name, in brackets, may hold anything; utime is the 12th field behind it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const utime, stime, rss = 11, 12, 21
	if len(fields) <= rss {
		return u, fmt.Errorf("netlab: /proc/%d/stat has %d fields", pid, len(fields))
	}
	var numbers [3]int64
	for i, f := range []int{utime, stime, rss} {
		if numbers[i], err = strconv.ParseInt(fields[f], 10, 64); err != nil {
			return u, err
		}
	}
	u.CPU = time.Duration(numbers[0]+numbers[1]) * clockTick
	u.RSS = numbers[2] * int64(os.Getpagesize())
	return u, l.readInterface(host, &u)
}

func (l *Lab) readInterface(host int, u *Usage) error {
	var raw []byte
	err := l.Do(host, func() (err error) {
		raw, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	})
	if err != nil {
		return err
	}
	for _, line := range splitLines(raw) {
		name, counters, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) != "eth0" {
			continue
		}
		fields := strings.Fields(counters)
		const bytesOut, packetsOut = 8, 9
		if len(fields) <= packetsOut {
			break
		}
		sent, err := strconv.ParseInt(fields[bytesOut], 10, 64)
		if err != nil {
			return err
		}
		u.SentPackets, err = strconv.ParseInt(fields[packetsOut], 10, 64)
		u.SentBytes = sent - ethernetHeader*u.SentPackets
		return err
	}
	return fmt.Errorf("netlab: no counters of eth0 at %s", Name(host))
}

// splitLines gives the lines that are not empty.
func splitLines(raw []byte) []string {
	var out []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
