package attack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/netlab"
)

// askFor bounds one question to a daemon.
const askFor = 20 * time.Second

// counts is what a host has thrown away, by reason, and what it has said of it.
type counts struct {
	// dropped and refused are of the daemon's metrics, by reason; kernel is what the
	// host's kernel threw away before it, by counter.
	dropped, refused, kernel map[string]uint64
	rss                      uint64
	// said are the lines for people, drops and joins those of the event log about
	// what was thrown away and who was turned away.
	said, drops, joins int
}

// read takes the counts of a host whose daemon runs.
func read(l *netlab.Lab, host int) (*counts, error) {
	client := l.Admin(host)
	defer client.Close()
	c, err := scrape(client)
	if err != nil {
		return nil, err
	}
	if err := c.readKernel(l, host); err != nil {
		return nil, err
	}
	c.said = strings.Count(l.Stderr(host), "\n")
	return c, c.readLog(filepath.Join(l.Logs(), netlab.Name(host)+".jsonl"))
}

// scrape reads the daemon's own.
func scrape(client *admin.Client) (*counts, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	raw, err := client.Do(ctx, "GET", "/metrics", nil)
	if err != nil {
		return nil, err
	}
	c := &counts{dropped: map[string]uint64{}, refused: map[string]uint64{}, kernel: map[string]uint64{}}
	for line := range strings.Lines(string(raw)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		if reason, ok := labelled(name, `gmsd_dropped_total{reason="`); ok {
			c.dropped[reason] = uint64(value)
		} else if why, ok := labelled(name, `gmsd_admin_refused_total{why="`); ok {
			c.refused[why] = uint64(value)
		} else if name == "process_resident_memory_bytes" {
			c.rss = uint64(value)
		}
	}
	if c.rss == 0 || len(c.dropped) == 0 {
		return nil, fmt.Errorf("attack: no counters in %d bytes of metrics", len(raw))
	}
	return c, nil
}

func labelled(name, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	return strings.TrimSuffix(rest, `"}`), ok
}

// kernelCounters are those of what is thrown away before the daemon hears of it.
var kernelCounters = map[string]bool{
	"Udp.NoPorts": true, "Udp.InCsumErrors": true, "Udp.RcvbufErrors": true, "Udp.InErrors": true,
	"TcpExt.ListenOverflows": true, "TcpExt.ListenDrops": true, "TcpExt.EmbryonicRsts": true,
}

// readKernel reads the tables of the host's namespace: rows of names and of values.
func (c *counts) readKernel(l *netlab.Lab, host int) error {
	return l.Do(host, func() error {
		for _, file := range []string{"snmp", "netstat"} {
			raw, err := os.ReadFile("/proc/thread-self/net/" + file)
			if err != nil {
				return err
			}
			lines := strings.Split(string(raw), "\n")
			for i := 0; i+1 < len(lines); i += 2 {
				names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
				for j := 1; j < min(len(names), len(values)); j++ {
					name := strings.TrimSuffix(names[0], ":") + "." + names[j]
					if n, err := strconv.ParseUint(values[j], 10, 64); err == nil && kernelCounters[name] {
						c.kernel[name] = n
					}
				}
			}
		}
		return nil
	})
}

// readLog counts lines of an event log.
func (c *counts) readLog(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 64<<10), 16<<20)
	for lines.Scan() {
		switch {
		case bytes.Contains(lines.Bytes(), []byte(`"ev":"drop"`)):
			c.drops++
		case bytes.Contains(lines.Bytes(), []byte(`"ev":"join"`)):
			c.joins++
		}
	}
	return lines.Err()
}

// since gives what was counted between two readings.
func (c *counts) since(before *counts) *counts {
	return &counts{
		dropped: grown(c.dropped, before.dropped), refused: grown(c.refused, before.refused), kernel: grown(c.kernel, before.kernel),
		said: c.said - before.said, drops: c.drops - before.drops, joins: c.joins - before.joins,
	}
}

func grown(now, before map[string]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for reason, n := range now {
		if n > before[reason] {
			out[reason] = n - before[reason]
		}
	}
	return out
}

// of adds up some reasons.
func of(m map[string]uint64, reasons ...string) int {
	total := uint64(0)
	for _, r := range reasons {
		total += m[r]
	}
	return int(total) //nolint:gosec // of one run
}

// others adds up all but some reasons.
func others(m map[string]uint64, reasons ...string) int {
	m = maps.Clone(m)
	for _, r := range reasons {
		delete(m, r)
	}
	total := uint64(0)
	for _, n := range m {
		total += n
	}
	return int(total) //nolint:gosec // of one run
}
