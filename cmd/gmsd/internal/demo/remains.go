package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	dirPrefix   = "gmsd-demo-"
	remainsFile = "demo.json"
	stopTimeout = 12 * time.Second
)

// remains is what a demo leaves behind if it is killed, or kept on purpose;
// it stands in its directory, so that a later demo can clear it away.
type remains struct {
	Owner      int      `json:"owner"`
	Keep       bool     `json:"keep"`
	PIDs       []int    `json:"pids"`
	Namespaces []string `json:"namespaces"`
}

func (r *remains) write(dir string) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, remainsFile), raw, 0o600)
}

// Cleanup ends what demos left: those whose process is gone, and with kept also
// those that were kept on purpose. It gives the directories it removed.
func Cleanup(kept bool) ([]string, error) {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	if err != nil {
		return nil, err
	}
	var removed []string
	var faults []error
	for _, dir := range dirs {
		gone, err := clear1(dir, kept)
		if err != nil {
			faults = append(faults, err)
		}
		if gone {
			removed = append(removed, dir)
		}
	}
	return removed, errors.Join(faults...)
}

// clear1 removes one demo's remains, unless it is in use.
func clear1(dir string, kept bool) (bool, error) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || !oursAlone(info) {
		return false, nil // another user's, or not a demo's
	}
	raw, err := os.ReadFile(filepath.Join(dir, remainsFile))
	if err != nil {
		return false, nil // just being made, or not a demo's
	}
	var r remains
	if err := json.Unmarshal(raw, &r); err != nil {
		return false, fmt.Errorf("%s: %w", dir, err)
	}
	if r.Keep && !kept || !r.Keep && isDemo(r.Owner) {
		return false, nil
	}
	for _, pid := range r.PIDs {
		endDaemon(pid, dir)
	}
	if err := removeNamespaces(r.Namespaces); err != nil {
		return false, err
	}
	return true, os.RemoveAll(dir)
}

// oursAlone keeps strangers in a shared temporary directory from telling us
// what to kill.
func oursAlone(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}

func isDemo(pid int) bool {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && bytes.Contains(line, []byte("demo"))
}

// endDaemon ends a daemon of the demo in dir. A pid that has become another
// process is left alone.
func endDaemon(pid int, dir string) {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || !strings.Contains(string(line), dir+"/") {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGKILL) // gone meanwhile: as good
}

func waitFor(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
