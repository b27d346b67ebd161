package stream

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/transport"
)

const (
	// eventsMax bounds the sources of one look at the set.
	eventsMax = 64
	// readMost is how much one read takes, beside the beginning of a piece.
	readMost = 256 << 10
)

// Verdict is what a [Reader] makes of a piece.
type Verdict uint8

// Verdicts.
const (
	// Frame: it carries a frame for who receives.
	Frame Verdict = iota
	// Taken: the reader has done with it.
	Taken
	// Stop: nothing more is to be read; the reader has seen to the connection.
	Stop
	// Spoilt: it is no piece at all; the reader is told so by Spoil.
	Spoilt
)

// Reader takes what comes on one connection. Its methods are called by the one
// goroutine that receives.
type Reader interface {
	// Piece takes in one piece, whose body is valid until it returns; the frame that
	// it gives lies in it.
	Piece(kind byte, body []byte) (frame []byte, from netip.AddrPort, v Verdict)
	// Came: frames were handed on.
	Came(frames, bytes int)
	// Spoil: what came is no stream of pieces. Nothing more is read.
	Spoil()
	// Ended: reading gave err, io.EOF at the end. Nothing more is read.
	Ended(err error)
}

// Source is one connection in an [Inbox].
type Source struct {
	begun time.Time
	// heard is when something last came, in nanoseconds since begun: no step of the
	// clock makes it early or late.
	heard  atomic.Int64
	reader Reader
	raw    syscall.RawConn
	sizes  Sizes
	number int32 // names it in the poll set

	// Of the receiving goroutine: the beginning of a piece.
	rest []byte
	read func(fd uintptr)
}

// Init makes it ready for Add.
func (s *Source) Init(reader Reader, raw syscall.RawConn, sizes Sizes) {
	s.reader, s.raw, s.sizes = reader, raw, sizes
	s.begun = time.Now()
}

// HeardAt is when something last came, or Init was called.
func (s *Source) HeardAt() time.Time { return s.begun.Add(time.Duration(s.heard.Load())) }

// Inbox waits for any of many connections and reads them. All sit in one epoll set,
// which sits in the runtime's poller: a thousand take one goroutine, and a frame
// wakes the one that hands it on. One goroutine receives; any may add, remove, close.
type Inbox struct {
	// Tally counts what is too long for its receiver.
	Tally *transport.Tally
	// Idle, where set, is called by the receiving goroutine whenever what it has
	// read is handed on.
	Idle func()

	set    *os.File
	raw    syscall.RawConn
	closed atomic.Bool

	mu      sync.Mutex
	sources map[int32]*Source
	number  int32

	// Of the receiving goroutine: which sources may have something; the one whose
	// data are at hand; where they are read to.
	events  [eventsMax]unix.EpollEvent
	ready   []unix.EpollEvent
	scan    func(fd uintptr) bool
	fault   error
	current *Source
	data    []byte
	room    []byte
	free    []byte
	got     int
	errno   syscall.Errno
}

// NewInbox makes an empty one.
func NewInbox(tally *transport.Tally) (*Inbox, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot wait for connections: %w", os.NewSyscallError("epoll_create1", err))
	}
	// Without this the runtime would take the file for one that always blocks.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	in := &Inbox{
		Tally: tally, set: os.NewFile(uintptr(fd), "epoll"), sources: map[int32]*Source{},
		room: make([]byte, HeadSize+PieceMax+readMost),
	}
	if in.raw, err = in.set.SyscallConn(); err != nil {
		_ = in.set.Close()
		return nil, err
	}
	in.scan = in.scanReady
	return in, nil
}

// Add has a source received from; false: it cannot be.
func (in *Inbox) Add(s *Source) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed.Load() {
		return false
	}
	for in.number++; in.sources[in.number] != nil; in.number++ {
		// It has come round, after four thousand million.
	}
	s.number = in.number
	s.read = func(fd uintptr) { in.got, in.errno = read(fd, in.free) }
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: s.number}
	ok := false
	_ = s.raw.Control(func(fd uintptr) {
		_ = in.raw.Control(func(set uintptr) {
			ok = unix.EpollCtl(int(set), unix.EPOLL_CTL_ADD, int(fd), &event) == nil
		})
	})
	if ok {
		in.sources[s.number] = s
	}
	return ok
}

// Remove forgets a source; closing its connection takes it out of the set.
func (in *Inbox) Remove(s *Source) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.sources, s.number)
}

// nextReady gives a source that may have something to read; nil: none has.
func (in *Inbox) nextReady() *Source {
	for {
		if len(in.ready) == 0 {
			return nil
		}
		number := in.ready[0].Fd
		in.ready = in.ready[1:]
		in.mu.Lock()
		s := in.sources[number]
		in.mu.Unlock()
		if s != nil {
			return s
		}
	}
}

// wait blocks until a source is readable.
func (in *Inbox) wait() error {
	in.fault = nil
	if err := in.raw.Read(in.scan); err != nil || in.closed.Load() {
		return transport.ErrClosed
	}
	return in.fault
}

// scanReady asks the set, without waiting, what is readable; false lets the runtime
// park the goroutine until the set itself is.
func (in *Inbox) scanReady(fd uintptr) bool {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&in.events[0])), eventsMax, 0, 0, 0)
		switch errno {
		case 0:
			in.ready = in.events[:n]
			return n > 0
		case unix.EINTR:
		default:
			in.fault = os.NewSyscallError("epoll_pwait", errno)
			return true
		}
	}
}

// fill reads what has come on a source behind what is left of before.
func (in *Inbox) fill(s *Source) {
	in.data = append(in.room[:0], s.rest...)
	s.rest = nil
	in.got, in.errno = 0, 0
	have := len(in.data)
	in.free = in.room[have:cap(in.room)]
	err := s.raw.Control(s.read)
	if err == nil && in.errno == unix.EAGAIN {
		in.keep()
		return
	}
	if err == nil && in.errno != 0 {
		err = in.errno
	}
	if err == nil && in.got == 0 {
		err = io.EOF
	}
	if err != nil {
		in.current = nil // what is left is no whole piece
		s.reader.Ended(err)
		return
	}
	in.data = in.room[:have+in.got]
	s.heard.Store(int64(time.Since(s.begun)))
}

// keep puts the beginning of a piece by until the rest comes.
func (in *Inbox) keep() {
	if len(in.data) > 0 {
		in.current.rest = append(make([]byte, 0, len(in.data)), in.data...)
	}
	in.current, in.data = nil, nil
}

// read reads without waiting and without telling the runtime.
func read(fd uintptr, b []byte) (int, syscall.Errno) {
	return call(unix.SYS_READ, fd, unsafe.Pointer(&b[0]), len(b))
}

// Discard reads what has come and nobody will read, up to what a kernel holds.
func Discard(fd uintptr) {
	var b [16 << 10]byte
	for range 512 {
		if n, errno := read(fd, b[:]); n == 0 || errno != 0 {
			return
		}
	}
}

// Close wakes a receiver that waits.
func (in *Inbox) Close() {
	if !in.closed.Swap(true) {
		_ = in.set.Close()
	}
}
