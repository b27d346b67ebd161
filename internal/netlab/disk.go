package netlab

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// DataDir is the data directory of a host.
func (l *Lab) DataDir(host int) string { return l.host(host).dir }

// Wipe empties the data directory of a host that does not run.
func (l *Lab) Wipe(host int) error {
	if err := l.endWindow(); err != nil {
		return err
	}
	if err := l.facts.mark("restore", host); err != nil {
		return err
	}
	dir := l.DataDir(host)
	return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700))
}

// Clone copies the data directory of one host, which may run, over that of another that never
// ran. What is gone since it was seen was to take the place of another file, and has.
func (l *Lab) Clone(from, to int) error {
	source, target := l.DataDir(from), l.DataDir(to)
	return filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(filepath.Join(target, rel), 0o700)
		case d.Type().IsRegular():
			raw, err := os.ReadFile(path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			}
			return os.WriteFile(filepath.Join(target, rel), raw, 0o600)
		}
		return nil // a socket is no state
	})
}

// SmallDisk puts a file system of so many bytes under the data directory of a
// host that does not run. Only that host's daemons see it: inside Do.
func (l *Lab) SmallDisk(host int, bytes string) error {
	return l.Do(host, func() error {
		return unix.Mount("lab", l.DataDir(host), "tmpfs", unix.MS_NOSUID, "mode=0700,size="+bytes)
	})
}

// fillName is the file that fills a small disk.
const fillName = "filling"

// FillDisk leaves no free byte on a host's small disk; FreeDisk gives them back.
func (l *Lab) FillDisk(host int) error {
	if err := l.endWindow(); err != nil {
		return err
	}
	if err := l.facts.fault("disk full", true, host); err != nil {
		return err
	}
	return l.Do(host, func() error {
		f, err := os.OpenFile(filepath.Join(l.DataDir(host), fillName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		var page [4096]byte
		for err == nil {
			_, err = f.Write(page[:])
		}
		if errors.Is(err, unix.ENOSPC) {
			return nil
		}
		return err
	})
}

// FreeDisk takes the filling away.
func (l *Lab) FreeDisk(host int) error {
	if err := l.endWindow(); err != nil {
		return err
	}
	err := l.Do(host, func() error { return os.Remove(filepath.Join(l.DataDir(host), fillName)) })
	return errors.Join(err, l.facts.fault("disk full", false, host))
}

// Spooled names the temporary files in a host's data directory: states on their way,
// and what waits behind them.
func (l *Lab) Spooled(host int) (names []string, err error) {
	err = l.Do(host, func() (err error) {
		names, err = filepath.Glob(filepath.Join(l.DataDir(host), "*.tmp"))
		return err
	})
	return names, err
}
