package netlab

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/internal/tracelog"
)

// facts writes what the harness did, for the checkers.
type facts struct{ file *os.File }

func openFacts(path string) (*facts, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &facts{f}, nil
}

// write appends one line; a line without a time gets the present one.
func (f *facts) write(line check.FactLine) error {
	if line.T == 0 {
		line.T = tracelog.Now()
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if _, err := f.file.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("netlab: what was done cannot be written down: %w", err)
	}
	return nil
}

func (f *facts) close() error { return f.file.Close() }

// fault opens or closes a window; no hosts: the network.
func (f *facts) fault(what string, open bool, hosts ...int) error {
	return f.write(check.FactLine{Fault: what, Open: open, Hosts: names(hosts)})
}

func (f *facts) mark(mark string, hosts ...int) error {
	return f.write(check.FactLine{Mark: mark, Hosts: names(hosts)})
}

func names(hosts []int) []string {
	var out []string
	for _, h := range hosts {
		out = append(out, Name(h))
	}
	return out
}
