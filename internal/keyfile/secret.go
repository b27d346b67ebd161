package keyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	mode   = 0o600
	others = 0o077
)

// Kind is what a secret file holds, as errors call it.
type Kind string

// The secret files there are.
const (
	// Ring is a key ring, the same on all hosts of a group.
	Ring Kind = "key file"
	// Certificate is what a client of the admin interface shows (internal/adminca).
	Certificate Kind = "certificate file"
)

// makes says how one comes by a file.
var makes = map[Kind]string{
	Ring:        "gmsd keys gen --out FILE makes one; every host of a group has the same",
	Certificate: "gmsd keys client makes one from the group's key file",
}

// Error says what is wrong with a secret file, where, and what to do.
type Error struct {
	Kind             Kind
	Path, What, Cure string
	// Err is the cause, if there is one further down.
	Err error
}

// Error gives all in one line.
func (e *Error) Error() string {
	text := string(e.Kind) + " " + e.Path + ": " + e.What
	if e.Cure != "" {
		text += " (" + e.Cure + ")"
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Read gives what is in a file that is for its owner alone, and of it at most one byte
// more than bytesMax. Errors are [*Error].
func (k Kind) Read(path string, bytesMax int) ([]byte, error) {
	// Not to wait for the writer of a pipe that somebody put there.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{k, path, "there is none", makes[k], err}
	}
	if err != nil {
		return nil, &Error{k, path, "cannot open it: " + cause(err), "", err}
	}
	defer f.Close()
	if err := k.check(path, f); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(bytesMax)+1))
	if err != nil {
		return nil, &Error{k, path, "cannot read it: " + cause(err), "", err}
	}
	return text, nil
}

// check refuses what is not a file of ours alone.
func (k Kind) check(path string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return &Error{k, path, "cannot look at it: " + cause(err), "", err}
	}
	if !info.Mode().IsRegular() {
		return &Error{k, path, "it is no regular file", "name the file itself: " + makes[k], nil}
	}
	if perm := info.Mode().Perm(); perm&others != 0 {
		return &Error{k, path, fmt.Sprintf("mode %04o lets others read or write it", perm), "chmod 0600 " + path + "; make a new one if others may have read it", nil}
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return &Error{k, path, fmt.Sprintf("it belongs to user %d, and this process runs as %d", st.Uid, os.Geteuid()), "run as that user, or chown it where a daemon is to run as this one", nil}
	}
	return nil
}

// cause is what the system said, without the path that stands in front already.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Create writes a new file, which must not be there yet.
func (k Kind) Create(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return &Error{k, path, "it is there already, and would be lost", "name another one, or move it away", err}
	}
	if err != nil {
		return &Error{k, path, "cannot make it: " + cause(err), "", err}
	}
	if err := fill(f, text); err != nil {
		return &Error{k, path, "cannot write it: " + cause(err), "", errors.Join(err, os.Remove(path))}
	}
	return k.syncDir(path)
}

func fill(f *os.File, text []byte) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (k Kind) syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		return &Error{k, path, "cannot be made durable: " + cause(err), "", err}
	}
	return nil
}
