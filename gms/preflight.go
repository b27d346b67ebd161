package gms

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/stable"
)

// CheckFiles reports all at once what is wrong with the files that a configuration
// names, as [Start] would, joined: the key file, the data directory with what is in it and
// whoever has it in use, the event log. It changes nothing, so Start may still find more.
// It expects that EnsureDefaults has run.
func (c *Config) CheckFiles() error {
	var faults []error
	if c.KeyFile != "" {
		if _, err := keyfile.Load(c.KeyFile); err != nil {
			faults = append(faults, keyFileFault(c.KeyFile, err))
		}
	}
	if c.DataDir != "" {
		faults = append(faults, checkDataDir(c.DataDir))
	}
	if c.EventLog != "" && c.EventLog != "-" {
		if err := checkAppend(c.EventLog); err != nil {
			faults = append(faults, eventLogFault(c.EventLog, err))
		}
	}
	return errors.Join(faults...)
}

func checkDataDir(dir string) error {
	if err := checkDir(dir); err != nil {
		return &FieldError{
			Key: "data-dir", Value: dir, Bound: "a directory we can make and write", Cure: err.Error() + "; name another, or run as the user whose it is", Err: err,
		}
	}
	return storeError(dir, stable.Check(dir))
}

func keyFileFault(path string, err error) *FieldError {
	return &FieldError{Key: "key-file", Value: path, Bound: "a key ring that only its owner can read", Cure: err.Error(), Err: err}
}

func eventLogFault(path string, err error) *FieldError {
	return &FieldError{Key: "event-log", Value: path, Bound: "a file that this user may append to", Cure: err.Error(), Err: err}
}

// checkDir says why dir is no directory that we may write, or make.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	up := filepath.Dir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && up != dir:
		return checkDir(up)
	case err != nil:
		return err
	case !info.IsDir():
		return &fs.PathError{Op: "open", Path: dir, Err: unix.ENOTDIR}
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "write", Path: dir, Err: err}
	}
	return nil
}

// checkAppend says why path is no file that we may append to, or make. A log may go to
// a pipe or a terminal, too.
func checkAppend(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if up, err := os.Stat(filepath.Dir(path)); err != nil || !up.IsDir() {
			return &fs.PathError{Op: "open", Path: path, Err: unix.ENOENT}
		}
		return checkDir(filepath.Dir(path))
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "open", Path: path, Err: unix.EISDIR}
	}
	if err := unix.Access(path, unix.W_OK); err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return nil
}
