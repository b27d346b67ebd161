package stable

import (
	"fmt"
	"io/fs"
	"slices"
)

// mount is a [Disk] on a [Mem], for one process.
type mount struct {
	m      *Mem
	life   int
	closed bool
}

// Path gives "mem:state".
func (d *mount) Path(name string) string {
	if d.m.Name == "" {
		return "mem:" + name
	}
	return d.m.Name + ":" + name
}

// Lock takes the directory; Close gives it back, and so does the end of the
// process by Kill or Crash.
func (d *mount) Lock() error {
	if err := d.alive(); err != nil {
		return err
	}
	if d.m.holder != nil {
		return &Error{Kind: ErrLocked, Where: d.Path(""), What: "another process holds it"}
	}
	d.m.holder = d
	return nil
}

// ReadFile gives a copy of a file.
func (d *mount) ReadFile(name string, limit int) ([]byte, error) {
	if err := d.alive(); err != nil {
		return nil, err
	}
	f := d.m.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: d.Path(name), Err: fs.ErrNotExist}
	}
	if len(f.seen) > limit {
		return nil, tooLong(d.Path(name), limit)
	}
	return slices.Clone(f.seen), nil
}

// Allocate makes the file at least size bytes long.
func (d *mount) Allocate(name string, size int64) error {
	if err := d.alive(); err != nil {
		return err
	}
	f := d.m.file(name)
	if have := int64(len(f.seen)); have < size {
		f.write(make([]byte, size-have), have)
	}
	return nil
}

// WriteAt writes a copy of p into a file.
func (d *mount) WriteAt(name string, p []byte, off int64) error {
	if err := d.alive(); err != nil {
		return err
	}
	if off < 0 {
		return fmt.Errorf("%s: negative offset %d", d.Path(name), off)
	}
	d.m.file(name).write(slices.Clone(p), off)
	return nil
}

// Sync makes a file's content survive a crash. Its name needs SyncDir.
func (d *mount) Sync(name string) error {
	if err := d.alive(); err != nil {
		return err
	}
	d.m.file(name).sync()
	return nil
}

// Rename moves one name over another.
func (d *mount) Rename(from, to string) error {
	if err := d.alive(); err != nil {
		return err
	}
	f := d.m.names[from]
	if f == nil {
		return &fs.PathError{Op: "rename", Path: d.Path(from), Err: fs.ErrNotExist}
	}
	d.m.change(change{{from, nil}, {to, f}})
	return nil
}

// Remove deletes a file.
func (d *mount) Remove(name string) error {
	if err := d.alive(); err != nil {
		return err
	}
	if d.m.names[name] != nil {
		d.m.change(change{{name, nil}})
	}
	return nil
}

// SyncDir makes the names survive a crash.
func (d *mount) SyncDir() error {
	if err := d.alive(); err != nil {
		return err
	}
	d.m.syncNames()
	return nil
}

// Close gives the lock back; the content stays.
func (d *mount) Close() error {
	d.closed = true
	if d.m.holder == d {
		d.m.holder = nil
	}
	return nil
}

func (d *mount) alive() error {
	if d.closed || d.life != d.m.life {
		return &Error{Kind: ErrClosed, Where: d.Path(""), What: "this process is gone"}
	}
	return nil
}
