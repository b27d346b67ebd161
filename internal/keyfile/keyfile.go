package keyfile

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/keys"
)

// Load reads a ring that holds a key. Errors are [*Error].
func Load(path string) (keys.Ring, error) {
	text, err := Ring.Read(path, keys.TextMax)
	if err != nil {
		return keys.Ring{}, err
	}
	r, err := keys.ParseRing(text)
	if err != nil {
		return keys.Ring{}, &Error{Ring, path, err.Error(), "copy the file of another host of the group again", err}
	}
	if r.IsZero() {
		return keys.Ring{}, &Error{Ring, path, "there is no key in it", "gmsd keys gen --out makes a new ring", nil}
	}
	return r, nil
}

// Create writes a new file, which must not be there yet.
func Create(path string, r keys.Ring) error { return Ring.Create(path, r.Text()) }

// CheckSave says why [Save] could not put a ring in the place of what is at path, as far as
// the rights to its directory tell. It changes nothing.
func CheckSave(path string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, filepath.Dir(path), unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return closedDir(path, err)
	}
	return nil
}

func closedDir(path string, err error) error {
	return &Error{Ring, path, "cannot be replaced: " + cause(err), "gmsd must be able to write in its directory to change keys", err}
}

// Save puts r in the place of what is at path.
func Save(path string, r keys.Ring) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return closedDir(path, err)
	}
	err = fill(f, r.Text())
	if err == nil {
		err = keepOwner(path, f.Name())
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return &Error{Ring, path, "cannot be replaced: " + cause(err), "", errors.Join(err, os.Remove(f.Name()))}
	}
	return Ring.syncDir(path)
}

// keepOwner gives the new file to who owns the old one, where root writes for another.
func keepOwner(old, fresh string) error {
	var st unix.Stat_t
	if unix.Stat(old, &st) != nil || int(st.Uid) == os.Geteuid() {
		return nil
	}
	return os.Chown(fresh, int(st.Uid), int(st.Gid))
}
