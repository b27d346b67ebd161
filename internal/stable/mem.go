package stable

import (
	"maps"
	"slices"
)

// chunk is the grain in which a crash tears writes. A real disk tears at 512
// bytes or more; smaller is harsher, so that a record is torn in the middle.
const chunk = 64

// Rand is the seeded source that [Mem.Crash] draws from; *rand.Rand of
// math/rand/v2 is one.
type Rand interface{ IntN(n int) int }

// Mem is a directory in memory that can crash. It outlives the [Store] on it,
// as a disk outlives a process: each process has a [Mem.Mount] of its own. The
// zero Mem is an empty directory. It is not safe for concurrent use.
type Mem struct {
	// Name is what Path shows; "mem" if empty.
	Name string

	// life rises when all processes die: mounts of an earlier life are void.
	life   int
	holder *mount
	// names is the directory as a running process sees it, durable as it is on
	// the disk for sure, and changes leads from the one to the other.
	names, durable map[string]*memFile
	changes        []change
}

// change sets the file that a name stands for; nil takes the name away. A
// rename is one change of two names, so a crash never keeps half of it.
type change []struct {
	name string
	file *memFile
}

// memFile is a file's content as seen, as it is on the disk for sure, and the
// writes between the two.
type memFile struct {
	seen, durable []byte
	writes        []memWrite
}

type memWrite struct {
	off  int64
	data []byte
}

// Mount gives the directory to one more process. After a [Mem.Kill] or
// [Mem.Crash] the mount answers everything with [ErrClosed].
func (m *Mem) Mount() Disk { return &mount{m: m, life: m.life} }

// Kill ends the processes on the directory at once. What they wrote is seen by
// the next one, but what they did not sync is as unsure as before.
func (m *Mem) Kill() {
	m.life++
	m.holder = nil
}

// Crash leaves the directory as a power loss now could: everything synced, and
// of the rest what rng lets through. Each 64-byte chunk of an unsynced write
// survives with the given percentage, in any combination, and so does each
// change of names: nothing is promised about a journal. All processes on it
// are gone. The same content, rng and percentage give the same result.
func (m *Mem) Crash(rng Rand, percent int) {
	for _, c := range m.changes {
		if rng.IntN(100) < percent {
			m.durable = c.apply(m.durable)
		}
	}
	m.changes = nil
	m.Kill()
	for _, name := range m.Names() { // sorted, so that the draws are too
		m.durable[name].crash(rng, percent)
	}
	m.names = maps.Clone(m.durable)
}

// Names gives the durable names of the directory, sorted.
func (m *Mem) Names() []string { return slices.Sorted(maps.Keys(m.durable)) }

// Clone gives a copy of what a running process sees, all of it durable: a
// cloned disk, or an image taken now to be restored later.
func (m *Mem) Clone() *Mem {
	c := &Mem{Name: m.Name, names: map[string]*memFile{}, durable: map[string]*memFile{}}
	for name, f := range m.names { // order-free: each file is copied by itself
		g := &memFile{seen: slices.Clone(f.seen), durable: slices.Clone(f.seen)}
		c.names[name], c.durable[name] = g, g
	}
	return c
}

// Wipe empties the directory, as a reinstalled host would.
func (m *Mem) Wipe() { *m = Mem{Name: m.Name, life: m.life + 1} }

// Poke changes a durable file behind everybody's back: bit rot, a misdirected
// write, a truncation. It reports whether the file is there. edit may change
// its argument and gives what to keep.
func (m *Mem) Poke(name string, edit func([]byte) []byte) bool {
	f := m.names[name]
	if f == nil {
		return false
	}
	f.seen = edit(slices.Clone(f.seen))
	f.durable, f.writes = slices.Clone(f.seen), nil
	return true
}

func (m *Mem) file(name string) *memFile {
	f := m.names[name]
	if f == nil {
		f = &memFile{}
		m.change(change{{name, f}})
	}
	return f
}

func (m *Mem) change(c change) {
	m.names = c.apply(m.names)
	m.changes = append(m.changes, c)
}

func (c change) apply(names map[string]*memFile) map[string]*memFile {
	if names == nil {
		names = make(map[string]*memFile)
	}
	for _, set := range c {
		if set.file == nil {
			delete(names, set.name)
		} else {
			names[set.name] = set.file
		}
	}
	return names
}

func (m *Mem) syncNames() {
	for _, c := range m.changes {
		m.durable = c.apply(m.durable)
	}
	m.changes = nil
}

func (f *memFile) write(data []byte, off int64) {
	f.seen = overwrite(f.seen, data, off)
	f.writes = append(f.writes, memWrite{off, data})
}

func (f *memFile) sync() {
	for _, w := range f.writes {
		f.durable = overwrite(f.durable, w.data, w.off)
	}
	f.writes = nil
}

func (f *memFile) crash(rng Rand, percent int) {
	for _, w := range f.writes {
		off := w.off
		for part := range slices.Chunk(w.data, chunk) {
			if rng.IntN(100) < percent {
				f.durable = overwrite(f.durable, part, off)
			}
			off += int64(len(part))
		}
	}
	f.writes = nil
	f.seen = slices.Clone(f.durable)
}

// overwrite puts data at off, with zeros before it where the file was shorter.
func overwrite(file, data []byte, off int64) []byte {
	if end := off + int64(len(data)); int64(len(file)) < end {
		file = append(file, make([]byte, end-int64(len(file)))...)
	}
	copy(file[off:], data)
	return file
}
