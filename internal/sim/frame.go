package sim

// smallFrame is the size below which frames share one class of buffers; the
// rare large ones have their own, so that a burst of them does not leave the
// pool full of 48 KiB buffers.
const smallFrame = 2048

// frame is one datagram in flight. It is shared by all its receivers and goes
// back to the pool with the last of them.
type frame struct {
	bytes []byte
	refs  int32
	// multicast: it went to everybody who listens.
	multicast bool
	// bent: it was changed on its way, or goes to another than it was sent to.
	bent bool
}

// framePool owns every frame of a world; events name frames by index.
type framePool struct {
	frames []frame
	small  []uint32
	large  []uint32
	// poison makes freed bytes unreadable nonsense at once, to catch an engine
	// that keeps what it was only lent.
	poison bool
}

// put copies b into a pooled frame with one reference, held by the caller.
func (p *framePool) put(b []byte) uint32 {
	free := &p.small
	size := smallFrame
	if len(b) > smallFrame {
		free, size = &p.large, len(b)
	}
	var id uint32
	if n := len(*free); n > 0 {
		id = (*free)[n-1]
		*free = (*free)[:n-1]
	} else {
		id = uint32(len(p.frames))
		p.frames = append(p.frames, frame{bytes: make([]byte, 0, size)})
	}
	f := &p.frames[id]
	f.bytes = append(f.bytes[:0], b...)
	f.refs, f.multicast, f.bent = 1, false, false
	return id
}

func (p *framePool) retain(id uint32) { p.frames[id].refs++ }

func (p *framePool) release(id uint32) {
	f := &p.frames[id]
	f.refs--
	if f.refs > 0 {
		return
	}
	if p.poison {
		for i := range f.bytes {
			f.bytes[i] = 0xdb
		}
	}
	if cap(f.bytes) > smallFrame {
		p.large = append(p.large, id)
		return
	}
	p.small = append(p.small, id)
}
