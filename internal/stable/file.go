package stable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	lockName = "lock"
	dirMode  = 0o700
	fileMode = 0o600
	othersRW = 0o077
)

// File is a [Disk] on a real directory.
type File struct {
	dir  string
	root *os.Root
	lock *os.File
	// open holds the files that were written, so that a Sync reaches the same
	// open file as the writes did: an error of write-back is reported to it.
	open map[string]*os.File
}

// OpenFile opens the directory, and makes it where it is missing. It fails with
// [ErrMode] if others than its owner have any right to it, and with [ErrOwner] if it
// belongs to neither this user nor root.
func OpenFile(dir string) (*File, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	return openFile(dir)
}

// openFile opens a directory that is there.
func openFile(dir string) (*File, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, diskError(dir, "no such path", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, diskError(dir, "cannot open", err)
	}
	if err := checkDir(dir, root); err != nil {
		_ = root.Close()
		return nil, err
	}
	return &File{dir: dir, root: root, open: map[string]*os.File{}}, nil
}

// makeDir makes a missing directory durable in its parent: a host that forgot
// its directory would come back as another.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return diskError(dir, "cannot make the directory", err)
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return diskError(filepath.Dir(dir), "cannot open", err)
	}
	defer parent.Close()
	if err := parent.Sync(); err != nil {
		return diskError(filepath.Dir(dir), "cannot sync", err)
	}
	return nil
}

func checkDir(dir string, root *os.Root) error {
	info, err := root.Stat(".")
	if err != nil {
		return diskError(dir, "cannot read its mode", err)
	}
	if perm := info.Mode().Perm(); perm&othersRW != 0 {
		return &Error{
			Kind: ErrMode, Where: dir,
			What: fmt.Sprintf("mode %04o lets others in, and the host's key is inside", perm),
			Cure: "chmod 0700 " + dir,
		}
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return &Error{
			Kind: ErrOwner, Where: dir,
			What: fmt.Sprintf("it belongs to user %d and this process runs as %d", st.Uid, os.Geteuid()),
			Cure: fmt.Sprintf("run as that user, or chown -R %d %s where this user is to run it", os.Geteuid(), dir),
		}
	}
	return nil
}

// Path gives the file's absolute path.
func (f *File) Path(name string) string { return filepath.Join(f.dir, name) }

// Lock takes an exclusive flock on the lock file and writes the pid into it.
// The lock goes with the process, so a kill leaves nothing to clean up.
func (f *File) Lock() error {
	lock, err := f.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return diskError(f.Path(lockName), "cannot open", err)
	}
	if err := f.take(lock, unix.LOCK_EX); err != nil {
		_ = lock.Close()
		return err
	}
	f.lock = lock
	// The pid is for people; a full disk must not keep the host from saying so
	// in clearer words later.
	if lock.Truncate(0) == nil {
		_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return nil
}

// askLock says who holds the directory, and holds it no longer than to ask.
func (f *File) askLock() error {
	lock, err := f.root.OpenFile(lockName, os.O_RDWR, fileMode)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return diskError(f.Path(lockName), "cannot open", err)
	}
	defer lock.Close()
	return f.take(lock, unix.LOCK_SH)
}

// take takes the lock in one of the ways of flock.
func (f *File) take(lock *os.File, how int) error {
	err := retryInterrupted(func() error { return unix.Flock(int(lock.Fd()), how|unix.LOCK_NB) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return f.locked(lock)
	}
	return diskError(f.Path(lockName), "cannot lock", err)
}

func (f *File) locked(lock *os.File) error {
	e := &Error{
		Kind: ErrLocked, Where: f.dir, What: "another process holds it",
		Cure: "stop that one, or give this daemon a data-dir of its own",
	}
	buf := make([]byte, 32)
	n, _ := lock.ReadAt(buf, 0)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n]))); err == nil {
		e.PID = pid
		e.What = fmt.Sprintf("process %d holds it", pid)
	}
	return e
}

// ReadFile gives a whole file.
func (f *File) ReadFile(name string, limit int) ([]byte, error) {
	// Lstat first: opening a pipe that somebody put there would block.
	info, err := f.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, damaged(f.Path(name), "not a regular file but "+info.Mode().Type().String(), "move it away")
	}
	if perm := info.Mode().Perm(); perm&othersRW != 0 {
		return nil, &Error{
			Kind: ErrMode, Where: f.Path(name), What: fmt.Sprintf("mode %04o lets others in", perm),
			Cure: "chmod 0600 " + f.Path(name),
		}
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, tooLong(f.Path(name), limit)
	}
	return data, nil
}

func tooLong(where string, limit int) error {
	return damaged(where, fmt.Sprintf("longer than the %d bytes it can have", limit), "move it away")
}

// Allocate reserves the blocks of a file.
func (f *File) Allocate(name string, size int64) error {
	file, err := f.writable(name)
	if err != nil {
		return err
	}
	err = retryInterrupted(func() error { return unix.Fallocate(int(file.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		_, err = file.WriteAt(make([]byte, size), 0)
	}
	return err
}

// WriteAt writes into a file.
func (f *File) WriteAt(name string, p []byte, off int64) error {
	file, err := f.writable(name)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(p, off)
	return err
}

// Sync waits for fdatasync: the size is data to it where it matters for reading.
func (f *File) Sync(name string) error {
	file, err := f.writable(name)
	if err != nil {
		return err
	}
	return retryInterrupted(func() error { return unix.Fdatasync(int(file.Fd())) })
}

// Rename moves one name over another.
func (f *File) Rename(from, to string) error {
	f.forget(from)
	f.forget(to)
	return f.root.Rename(from, to)
}

// Remove deletes a file.
func (f *File) Remove(name string) error {
	f.forget(name)
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// SyncDir syncs the directory itself.
func (f *File) SyncDir() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Close closes the files and gives the lock back.
func (f *File) Close() error {
	for name := range f.open {
		f.forget(name)
	}
	if f.lock != nil {
		_ = f.lock.Close()
		f.lock = nil
	}
	return f.root.Close()
}

func (f *File) writable(name string) (*os.File, error) {
	if file := f.open[name]; file != nil {
		return file, nil
	}
	file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	f.open[name] = file
	return file, nil
}

func (f *File) forget(name string) {
	if file := f.open[name]; file != nil {
		_ = file.Close()
		delete(f.open, name)
	}
}

// retryInterrupted repeats a system call that a signal cut short. Nothing else
// is repeated: see rule 3 of the package.
func retryInterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
