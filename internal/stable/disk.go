package stable

// Disk is a directory of small files, with just the operations whose order and
// durability matter here. [OpenFile] gives a real one, [Mem] is one in memory.
//
// An implementer guarantees: what WriteAt and Allocate changed is durable when
// a later Sync of that file has returned nil, and a Rename or the creation of a
// file when a later SyncDir has; before that a crash may keep any part of it.
// Rename is atomic: a reader finds the old file or the new one. Files are
// created readable by the owner alone. An error wraps the system's, so that
// [errors.Is] finds fs.ErrNotExist and ENOSPC. No method is called by two
// goroutines at once. The conformance suite is package stabletest.
type Disk interface {
	// Path names a file of the directory for people; "" is the directory.
	Path(name string) string
	// Lock takes the directory until Close; [ErrLocked] if another has it.
	Lock() error
	// ReadFile gives a whole file of at most limit bytes; a longer one is an
	// error, as is one that others could read or change ([ErrMode]).
	ReadFile(name string, limit int) ([]byte, error)
	// Allocate makes the file size bytes long, with its blocks reserved.
	Allocate(name string, size int64) error
	// WriteAt writes p at offset off of the file and creates it if needed.
	WriteAt(name string, p []byte, off int64) error
	// Sync makes the content of the file durable.
	Sync(name string) error
	// Rename gives a file another name and replaces what had it.
	Rename(from, to string) error
	// Remove deletes a file; one that is not there is no error.
	Remove(name string) error
	// SyncDir makes the names in the directory durable.
	SyncDir() error
	// Close lets go of the directory; it is idempotent.
	Close() error
}

// Op names an operation of a [Disk], for faults.
type Op string

// Operations that [WithFaults] can fail.
const (
	OpLock     Op = "lock"
	OpRead     Op = "read"
	OpAllocate Op = "allocate"
	OpWrite    Op = "write"
	OpSync     Op = "sync"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpSyncDir  Op = "syncdir"
)

// WithFaults gives a Disk that asks fault before each operation and, where it
// answers with an error, returns that without touching d. It is for tests and
// the simulator.
func WithFaults(d Disk, fault func(op Op, name string) error) Disk {
	return &faulty{Disk: d, fault: fault}
}

type faulty struct {
	Disk
	fault func(Op, string) error
}

func (f *faulty) Lock() error {
	if err := f.fault(OpLock, ""); err != nil {
		return err
	}
	return f.Disk.Lock()
}

func (f *faulty) ReadFile(name string, limit int) ([]byte, error) {
	if err := f.fault(OpRead, name); err != nil {
		return nil, err
	}
	return f.Disk.ReadFile(name, limit)
}

func (f *faulty) Allocate(name string, size int64) error {
	if err := f.fault(OpAllocate, name); err != nil {
		return err
	}
	return f.Disk.Allocate(name, size)
}

func (f *faulty) WriteAt(name string, p []byte, off int64) error {
	if err := f.fault(OpWrite, name); err != nil {
		return err
	}
	return f.Disk.WriteAt(name, p, off)
}

func (f *faulty) Sync(name string) error {
	if err := f.fault(OpSync, name); err != nil {
		return err
	}
	return f.Disk.Sync(name)
}

func (f *faulty) Rename(from, to string) error {
	if err := f.fault(OpRename, from); err != nil {
		return err
	}
	return f.Disk.Rename(from, to)
}

func (f *faulty) Remove(name string) error {
	if err := f.fault(OpRemove, name); err != nil {
		return err
	}
	return f.Disk.Remove(name)
}

func (f *faulty) SyncDir() error {
	if err := f.fault(OpSyncDir, ""); err != nil {
		return err
	}
	return f.Disk.SyncDir()
}
