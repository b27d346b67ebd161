package attack

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Recorder writes what goes over a wire to and from the member port to a file, for each
// frame: nanoseconds since the first one 8, length 4, both big-endian, the frame.
type Recorder struct {
	fd    int
	port  uint16
	file  *os.File
	out   *bufio.Writer
	quit  chan struct{}
	once  sync.Once
	done  chan error
	found Recorded
}

// Recorded says what there is in a recording.
type Recorded struct {
	// Frames are all, Lost those that the recorder's kernel had no room for.
	Frames, Lost int
	Bytes        int64
	Span         time.Duration
}

const (
	recordHead = 12
	tapRead    = 20 * time.Millisecond
)

// Record begins to write to path what goes to and from a port on the wires of the
// namespace in which in runs what it is given.
func Record(in func(func() error) error, port uint16, path string) (*Recorder, error) {
	r := &Recorder{port: port, quit: make(chan struct{}), done: make(chan error, 1)}
	err := in(func() (err error) {
		r.fd, err = openTap(tapRead)
		return err
	})
	if err != nil {
		return nil, err
	}
	if r.file, err = os.Create(path); err != nil {
		_ = unix.Close(r.fd)
		return nil, err
	}
	r.out = bufio.NewWriterSize(r.file, 1<<20)
	go func() { r.done <- r.run() }()
	return r, nil
}

// Stop ends it, once, and says what was recorded.
func (r *Recorder) Stop() (Recorded, error) {
	var err error
	r.once.Do(func() {
		close(r.quit)
		err = <-r.done
		stats, serr := unix.GetsockoptTpacketStats(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if serr == nil {
			r.found.Lost = int(stats.Drops)
		}
		err = errors.Join(err, serr, r.out.Flush(), r.file.Close(), unix.Close(r.fd))
	})
	return r.found, err
}

func (r *Recorder) run() error {
	buf := make([]byte, 1<<17)
	began := time.Time{}
	for {
		select {
		case <-r.quit:
			return nil
		default:
		}
		n, from, err := unix.Recvfrom(r.fd, buf, unix.MSG_TRUNC)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		// What a bridge passes on is heard at both of its ports.
		if at, ok := from.(*unix.SockaddrLinklayer); !ok || at.Pkttype == unix.PACKET_OUTGOING || n > len(buf) {
			continue
		}
		p, ok := parse(buf[:n])
		if !ok || p.dst.Port() != r.port && p.src.Port() != r.port {
			continue
		}
		if began.IsZero() {
			began = time.Now()
		}
		if err := r.keep(time.Since(began), buf[:n]); err != nil {
			return err
		}
	}
}

func (r *Recorder) keep(at time.Duration, frame []byte) error {
	if len(frame) > frameMax {
		return fmt.Errorf("attack: a frame of %d bytes on the wire: want segments apart", len(frame))
	}
	var head [recordHead]byte
	binary.BigEndian.PutUint64(head[:], uint64(at))          //nolint:gosec // not negative
	binary.BigEndian.PutUint32(head[8:], uint32(len(frame))) //nolint:gosec // bounded
	if _, err := r.out.Write(head[:]); err != nil {
		return err
	}
	_, err := r.out.Write(frame)
	r.found.Frames++
	r.found.Bytes += int64(len(frame))
	r.found.Span = at
	return err
}

// each gives the frames of a recording, in order, until f says false. They are valid
// for one call.
func each(path string, f func(at time.Duration, frame []byte) bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	var head [recordHead]byte
	buf := make([]byte, frameMax)
	for {
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		n := binary.BigEndian.Uint32(head[8:])
		if n > frameMax {
			return fmt.Errorf("attack: %s: a frame of %d bytes", path, n)
		}
		if _, err := io.ReadFull(in, buf[:n]); err != nil {
			return err
		}
		if !f(time.Duration(binary.BigEndian.Uint64(head[:])), buf[:n]) { //nolint:gosec // as written
			return nil
		}
	}
}

// samplesMax bounds the payloads and the streams that are kept to be changed.
const (
	samplesMax = 4096
	streamsMax = 256
	streamMax  = 64 << 10
	// streamLeast is less than a greeting.
	streamLeast = 32
)

// material is what mutations are made of.
type material struct {
	// payloads are of datagrams, or, where there are none, of segments.
	payloads [][]byte
	// streams are the beginnings of what dialled connections said to the member port.
	streams [][]byte
}

// gather reads a recording.
func gather(path string, port uint16, random *rand.Rand) (*material, error) {
	var m material
	var segments [][]byte
	var grams, pieces int
	dialled := map[[2]netip.AddrPort]*stream{}
	err := each(path, func(_ time.Duration, frame []byte) bool {
		p, ok := parse(frame)
		switch {
		case !ok:
		case p.protocol == unix.IPPROTO_UDP:
			grams++
			m.payloads = draw(m.payloads, p.payload, grams, random)
		default:
			if len(p.payload) > 0 {
				pieces++
				segments = draw(segments, p.payload, pieces, random)
			}
			follow(dialled, &p, port)
		}
		return true
	})
	if len(m.payloads) == 0 {
		m.payloads = segments
	}
	for _, s := range dialled {
		if len(s.said) >= streamLeast {
			m.streams = append(m.streams, s.said)
		}
	}
	if err == nil && (len(m.payloads) == 0 || len(m.streams) == 0) {
		err = fmt.Errorf("attack: %s: %d payloads and %d streams: want some of both", path, len(m.payloads), len(m.streams))
	}
	return &m, err
}

// draw keeps a sample of all that were seen, n of them up to this one.
func draw(kept [][]byte, one []byte, n int, random *rand.Rand) [][]byte {
	if len(kept) < samplesMax {
		return append(kept, slices.Clone(one))
	}
	if i := random.IntN(n); i < len(kept) {
		kept[i] = slices.Clone(one)
	}
	return kept
}

// stream is what a dialler said, as far as it came in order.
type stream struct {
	next uint32
	said []byte
}

// follow takes a segment into the streams of those who dialled.
func follow(dialled map[[2]netip.AddrPort]*stream, p *packet, port uint16) {
	key := [2]netip.AddrPort{p.src, p.dst}
	if p.syn && p.dst.Port() == port && len(dialled) < streamsMax {
		dialled[key] = &stream{next: p.seq + 1}
		return
	}
	s := dialled[key]
	if s != nil && len(p.payload) > 0 && p.seq == s.next && len(s.said) < streamMax {
		s.said = append(s.said, p.payload...)
		s.next += uint32(len(p.payload)) //nolint:gosec // a frame's length
	}
}
