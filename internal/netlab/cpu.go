package netlab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// cpuRoot is where cgroup v1 has its processor controller.
const cpuRoot = "/sys/fs/cgroup/cpu"

// cpuPeriod is the time over which a share is kept, in microseconds.
const cpuPeriod = 100_000

// ErrNoCgroup: this machine has no processor controller of cgroup v1.
var ErrNoCgroup = errors.New("netlab: no cgroup v1 processor controller")

// SlowCPU leaves a daemon only some percent of one processor, or so many microseconds of
// each second at a stretch.
type SlowCPU struct{ Host, Percent, Micros int }

// Describe gives a line.
func (f *SlowCPU) Describe() string {
	if f.Micros > 0 {
		return fmt.Sprintf("%d us of a processor a second for %s", f.Micros, Name(f.Host))
	}
	return fmt.Sprintf("%d %% of a processor for %s", f.Percent, Name(f.Host))
}

// Hosts gives the one.
func (f *SlowCPU) Hosts() []int { return []int{f.Host} }

// Start makes it, or gives [ErrNoCgroup].
func (f *SlowCPU) Start(l *Lab) error {
	if _, err := os.Stat(filepath.Join(cpuRoot, "cpu.cfs_quota_us")); err != nil {
		return fmt.Errorf("%w: %w", ErrNoCgroup, err)
	}
	dir := f.dir(l)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	period, quota := cpuPeriod, cpuPeriod*f.Percent/100
	if f.Micros > 0 {
		period, quota = 1_000_000, f.Micros
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "cpu.cfs_period_us"), []byte(strconv.Itoa(period)), 0),
		os.WriteFile(filepath.Join(dir, "cpu.cfs_quota_us"), []byte(strconv.Itoa(quota)), 0),
		os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(l.Pid(f.Host))), 0),
	)
}

// Stop gives the daemon its processor back.
func (f *SlowCPU) Stop(l *Lab) error {
	err := removeCgroup(f.dir(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was never made
	}
	return err
}

func (f *SlowCPU) dir(l *Lab) string {
	return filepath.Join(cpuRoot, filepath.Base(l.dir)+"-"+Name(f.Host))
}

// removeCgroups removes the cgroups of a lab, by its directory's name.
func removeCgroups(lab string) error {
	dirs, err := filepath.Glob(filepath.Join(cpuRoot, lab+"-*"))
	if err != nil {
		return err
	}
	var faults []error
	for _, dir := range dirs {
		faults = append(faults, removeCgroup(dir))
	}
	return errors.Join(faults...)
}

// removeCgroup moves the processes of a cgroup out and removes it.
func removeCgroup(dir string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, pid := range splitLines(raw) {
		// One that has ended meanwhile needs no place.
		_ = os.WriteFile(filepath.Join(cpuRoot, "cgroup.procs"), []byte(pid), 0)
	}
	return os.Remove(dir)
}
