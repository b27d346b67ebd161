package lab

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/internal/evidence"
	"github.com/gmsd/gmsd/views"
)

// Bounds.
const (
	// FaultsMax bounds the addresses with a fault.
	FaultsMax = 4096
	// DelayedMax and DelayedBytesMax bound what waits for its time.
	DelayedMax      = 8192
	DelayedBytesMax = 16 << 20
	// DelayMax bounds a delay.
	DelayMax = time.Minute
	// inboxMax bounds the frames between the wrapped transport and Receive.
	inboxMax = 1024
	// knownMax bounds the addresses heard from.
	knownMax = 2 * views.MembersMax
	// readBatch is how many frames are read at a time.
	readBatch = 4
)

// ErrFaults: there are [FaultsMax] faults, or a delay is out of bounds.
var ErrFaults = errors.New("lab: too many faults, or a delay out of 0..1m")

// Lab is a transport with faults. Its fault methods may be called by any goroutine.
type Lab struct {
	inner transport.Transport
	tally transport.Tally
	found *evidence.Queue
	inbox chan transport.Inbound
	done  chan struct{}
	once  sync.Once
	wg    sync.WaitGroup

	// send makes the wrapped transport see one sender, though delayed frames
	// are sent by timers.
	send sync.Mutex

	mu      sync.Mutex
	faults  faults
	known   map[netip.AddrPort]bool // heard from, or sent to
	delayed int
	bytes   int
	watched watched
}

var (
	_ transport.Transport = (*Lab)(nil)
	_ transport.Counter   = (*Lab)(nil)
	_ transport.Buffered  = (*Lab)(nil)
)

// Wrap puts a transport under faults, none at first. The wrapped transport
// belongs to the Lab from now on.
func Wrap(t transport.Transport) *Lab {
	l := &Lab{
		inner:  t,
		found:  evidence.NewQueue(),
		inbox:  make(chan transport.Inbound, inboxMax),
		done:   make(chan struct{}),
		faults: make(faults),
		known:  make(map[netip.AddrPort]bool),
	}
	l.wg.Go(l.pump)
	l.wg.Go(l.sift)
	return l
}

// Cut drops the frames of an address in some directions, besides those that
// are cut already.
func (l *Lab) Cut(addr netip.AddrPort, d Direction) error {
	return l.change(addr, func(f *Fault) { f.Cut |= d })
}

// Delay holds the frames of an address back, 0 to [DelayMax]; 0 ends that.
func (l *Lab) Delay(addr netip.AddrPort, d Direction, by time.Duration) error {
	if by < 0 || by > DelayMax {
		return ErrFaults
	}
	return l.change(addr, func(f *Fault) {
		if d&In != 0 {
			f.DelayIn = by
		}
		if d&Out != 0 {
			f.DelayOut = by
		}
	})
}

// Heal ends the fault of an address.
func (l *Lab) Heal(addr netip.AddrPort) {
	_ = l.change(addr, func(f *Fault) { *f = Fault{Addr: addr} })
}

// HealAll ends all faults.
func (l *Lab) HealAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.faults)
	l.release()
}

// Faults lists the faults, by address.
func (l *Lab) Faults() []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faults.list()
}

func (l *Lab) change(addr netip.AddrPort, edit func(*Fault)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, old := l.faults[addr]
	f.Addr = addr
	edit(&f)
	switch {
	case !f.touches():
		delete(l.faults, addr)
	case !old && len(l.faults) == FaultsMax:
		return ErrFaults
	default:
		l.faults[addr] = f
	}
	l.release()
	return nil
}

// Local is the wrapped transport's, as are the addresses below.
func (l *Lab) Local() netip.AddrPort { return l.inner.Local() }

// Receive takes what the faults let through.
func (l *Lab) Receive(batch []transport.Inbound) (int, error) {
	if len(batch) == 0 {
		return 0, nil
	}
	n := 0
	select {
	case <-l.done:
		return 0, transport.ErrClosed
	case in := <-l.inbox:
		n += l.fill(batch, n, in)
	}
	for n < len(batch) {
		select {
		case in := <-l.inbox:
			n += l.fill(batch, n, in)
		default:
			if n > 0 {
				return n, nil
			}
			return l.Receive(batch) // all that came was too long
		}
	}
	return n, nil
}

// fill copies a frame to place n of batch and says how many it placed.
func (l *Lab) fill(batch []transport.Inbound, n int, in transport.Inbound) int {
	if in.N > len(batch[n].Buf) {
		l.tally.Drop(transport.DropTooLong, 1)
		return 0
	}
	batch[n].From, batch[n].N, batch[n].Segment = in.From, copy(batch[n].Buf, in.Buf[:in.N]), 0
	batch[n].Multicast = in.Multicast
	return 1
}

// Stats gives the wrapped transport's counts and what the faults dropped.
func (l *Lab) Stats() transport.Stats {
	s := l.tally.Stats()
	c, ok := l.inner.(transport.Counter)
	if !ok {
		return s
	}
	inner := c.Stats()
	for r, n := range s.Dropped {
		inner.Dropped[r] += n
	}
	return inner
}

// ReceiveBuffer is the wrapped transport's.
func (l *Lab) ReceiveBuffer() int {
	if b, ok := l.inner.(transport.Buffered); ok {
		return b.ReceiveBuffer()
	}
	return 0
}

// Close closes the wrapped transport.
func (l *Lab) Close() error {
	var err error
	l.once.Do(func() {
		close(l.done)
		err = l.inner.Close()
		l.wg.Wait()
		l.found.Close()
	})
	return err
}

// pump reads the wrapped transport.
func (l *Lab) pump() {
	batch := make([]transport.Inbound, readBatch)
	for i := range batch {
		batch[i].Buf = make([]byte, views.DatagramMax)
	}
	for {
		n, err := l.inner.Receive(batch)
		if err != nil {
			return
		}
		for i := range batch[:n] {
			for frame := range batch[i].Frames() {
				l.arrive(&batch[i], frame)
			}
		}
	}
}

// arrive judges a frame that came.
func (l *Lab) arrive(as *transport.Inbound, frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.know(as.From)
	f := l.faults.of(as.From)
	if f.Cut&In != 0 {
		l.tally.Drop(transport.DropLabCut, 1)
		return
	}
	in := transport.Inbound{From: as.From, Buf: bytes.Clone(frame), N: len(frame), Multicast: as.Multicast}
	l.later(f.DelayIn, in.Buf, func() { l.enter(in) })
}

func (l *Lab) enter(in transport.Inbound) {
	select {
	case l.inbox <- in:
	default:
		l.tally.Drop(transport.DropReceiveBuffer, 1)
	}
}

// know remembers an address to seek at. The caller holds l.mu.
func (l *Lab) know(addr netip.AddrPort) {
	if len(l.known) < knownMax {
		l.known[addr] = true
	}
}

// later does it now or, for a delay, in time, if there is room. The caller
// holds l.mu; what is done late is done without it.
func (l *Lab) later(by time.Duration, frame []byte, do func()) {
	if by == 0 {
		do()
		return
	}
	if l.delayed == DelayedMax || l.bytes+len(frame) > DelayedBytesMax {
		l.tally.Drop(transport.DropLabFull, 1)
		return
	}
	l.delayed++
	l.bytes += len(frame)
	time.AfterFunc(by, func() {
		l.mu.Lock()
		l.delayed--
		l.bytes -= len(frame)
		l.mu.Unlock()
		do()
	})
}
