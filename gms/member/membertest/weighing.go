package membertest

import (
	"io"
	"runtime"
)

// Weighing is a state of Left bytes, no chunk of it like another, that looks at the
// heap again and again while it is read.
type Weighing struct {
	Left int
	// Heaps is what it found, in bytes in use, every 8 MiB.
	Heaps []uint64
}

// Read gives the next bytes, and io.EOF at the end.
func (w *Weighing) Read(b []byte) (int, error) {
	const every = 8 << 20
	if w.Left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), w.Left)
	if w.Left/every != (w.Left-n)/every {
		w.Heaps = append(w.Heaps, LiveHeap())
	}
	for i := range b[:n] {
		b[i] = byte((w.Left - i) >> (i % 4 * 8))
	}
	w.Left -= n
	return n, nil
}

// LiveHeap is how many bytes are in use after a collection.
func LiveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
