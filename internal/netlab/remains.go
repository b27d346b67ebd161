package netlab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// dirPrefix begins the names of the directories of labs, and of their cgroups.
const dirPrefix = "gmsd-netlab-"

// lockName is held by the process that owns the lab.
const lockName = "lock"

// makeDir makes a lab's directory and locks it for this process.
func makeDir() (dir string, lock *os.File, err error) {
	dir, err = os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		return "", nil, err
	}
	// The lock gets its name when it is held, so that nobody finds it open.
	young := filepath.Join(dir, lockName+".new")
	lock, err = os.OpenFile(young, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX)
	}
	if err == nil {
		err = os.Rename(young, filepath.Join(dir, lockName))
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, logsName), 0o700)
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, lock, nil
}

// CleanUp removes what labs left behind whose process is gone, and gives the
// directories. Labs in use, of other users, and all else are left alone.
func CleanUp() ([]string, error) {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	if err != nil {
		return nil, err
	}
	var removed []string
	var faults []error
	for _, dir := range dirs {
		gone, err := removeIfLeft(dir)
		if gone {
			removed = append(removed, dir)
		}
		faults = append(faults, err)
	}
	return removed, errors.Join(faults...)
}

func removeIfLeft(dir string) (bool, error) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || !oursAlone(info) {
		return false, nil // gone meanwhile, or somebody else's
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // just being made
	}
	if err != nil {
		return false, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, nil // its owner lives
	}
	return true, errors.Join(removeCgroups(filepath.Base(dir)), os.RemoveAll(dir))
}

// oursAlone keeps strangers in a shared temporary directory from telling us
// what to remove.
func oursAlone(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
