package admin

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/adminca"
	"github.com/gmsd/gmsd/internal/keys"
)

const (
	// handshakesMax bounds the connections that have shown no certificate yet, tlsConnsMax
	// those that have.
	handshakesMax = 64
	tlsConnsMax   = 48
	// handshakeTimeout is for all of a handshake, lingerTimeout for hearing why it failed.
	handshakeTimeout = 5 * time.Second
	lingerTimeout    = time.Second
	// lingerBytes bounds what we read of who was refused.
	lingerBytes = 64 << 10
	// acceptPause is after an error of the system, as where there are no descriptors.
	acceptPause = 50 * time.Millisecond
)

// tlsListener gives out connections whose client has shown a certificate that is
// believed. What is on its way to that takes nobody's place: where too many are, a
// newcomer takes that of the one that waits longest, of the address that has most of them.
type tlsListener struct {
	raw    net.Listener
	config func() (*tls.Config, error)
	// refused hears why a connection is not given out.
	refused func(from net.Addr, why string, err error)

	ready chan *tls.Conn
	over  chan struct{}
	slots chan struct{} // a word in it: a handshake is under way
	ended sync.WaitGroup

	mu     sync.Mutex
	closed bool
	// patience is for a handshake.
	patience time.Duration
	shaking  []*net.TCPConn // longest first
	open     map[*openConn]struct{}
}

func newTLSListener(raw net.Listener, config func() (*tls.Config, error), refused func(net.Addr, string, error)) *tlsListener {
	return &tlsListener{
		raw: raw, config: config, refused: refused,
		ready: make(chan *tls.Conn), over: make(chan struct{}), slots: make(chan struct{}, handshakesMax),
		open: map[*openConn]struct{}{}, patience: handshakeTimeout,
	}
}

// openConn is a connection that was given out, or is about to be.
type openConn struct {
	net.Conn
	l   *tlsListener
	key keys.ID
}

// Close makes room for another one.
func (c *openConn) Close() error {
	c.l.mu.Lock()
	delete(c.l.open, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// Addr is that of the socket.
func (l *tlsListener) Addr() net.Addr { return l.raw.Addr() }

// Accept gives the next connection.
func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.ready:
		return conn, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

// Close ends the listening and the handshakes; what was given out stays.
func (l *tlsListener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.over)
	err := l.raw.Close()
	for _, conn := range l.shaking {
		_ = conn.Close()
	}
	l.mu.Unlock()
	l.ended.Wait()
	return err
}

// listen takes connections until Close.
func (l *tlsListener) listen() {
	for {
		conn, err := l.raw.Accept()
		if err == nil {
			l.take(conn.(*net.TCPConn))
			continue
		}
		timer := time.NewTimer(acceptPause)
		select {
		case <-l.over:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// take begins a handshake as soon as there is a place.
func (l *tlsListener) take(conn *net.TCPConn) {
	select {
	case l.slots <- struct{}{}:
	default:
		l.evict()
		l.slots <- struct{}{} // its handshake ends now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		<-l.slots
		return
	}
	l.shaking = append(l.shaking, conn)
	l.ended.Go(func() {
		defer func() { <-l.slots }()
		l.shake(conn)
	})
}

// evict closes one whose handshake is under way.
func (l *tlsListener) evict() {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := make([]netip.Addr, len(l.shaking))
	for i, conn := range l.shaking {
		from[i] = conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	}
	if i := crowded(from); i >= 0 {
		_ = l.shaking[i].Close()
		l.shaking = slices.Delete(l.shaking, i, i+1)
	}
}

// crowded gives the first place of the address that stands there most often; -1 of none.
func crowded(from []netip.Addr) int {
	count := map[netip.Addr]int{}
	best := -1
	for _, a := range from {
		count[a]++
	}
	for i, a := range from {
		if best < 0 || count[a] > count[from[best]] {
			best = i
		}
	}
	return best
}

// shake leads a connection through its handshake, to Accept or to its end.
func (l *tlsListener) shake(raw *net.TCPConn) {
	open := &openConn{Conn: raw, l: l}
	conn, err := l.handshake(open)
	switch {
	case err != nil:
		l.refuse(raw, err)
	case !l.admit(open):
		l.sendAway(raw, conn)
	}
	l.mu.Lock()
	l.shaking = slices.DeleteFunc(l.shaking, func(c *net.TCPConn) bool { return c == raw })
	_, admitted := l.open[open]
	l.mu.Unlock()
	if !admitted {
		_ = raw.Close()
		return
	}
	select {
	case l.ready <- conn:
	case <-l.over:
		_ = conn.Close()
	}
}

// admit gives the connection one of the places, if there is one.
func (l *tlsListener) admit(open *openConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= tlsConnsMax {
		return false
	}
	l.open[open] = struct{}{}
	return true
}

// sendAway answers a client for whom there is no place, as soon as it asks: an answer
// that comes before is none.
func (l *tlsListener) sendAway(raw *net.TCPConn, conn *tls.Conn) {
	l.refused(raw.RemoteAddr(), whyFull, fmt.Errorf("%d clients are connected", tlsConnsMax))
	_ = raw.SetDeadline(time.Now().Add(lingerTimeout))
	if _, err := conn.Read(make([]byte, headerBytes)); err != nil {
		return
	}
	_ = writeRaw(conn, CodeFull, "too many clients are connected", "try again after a moment")
	_ = conn.CloseWrite()
	readOut(raw)
}

func (l *tlsListener) handshake(open *openConn) (*tls.Conn, error) {
	config, err := l.config()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	patience := l.patience
	l.mu.Unlock()
	_ = open.SetDeadline(time.Now().Add(patience)) // of a TCP connection: always there
	conn := tls.Server(open, config)
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	state := conn.ConnectionState()
	c, err := adminca.CallerOf(&state)
	open.key = c.Key
	_ = open.SetDeadline(time.Time{})
	return conn, err
}

// refuse tells why, here and there. The peer's last bytes are read before the connection
// is closed: else the system takes back the alert that is on its way to it.
func (l *tlsListener) refuse(raw *net.TCPConn, err error) {
	var header tls.RecordHeaderError
	var bad *tls.CertificateVerificationError
	why := whyHandshake
	switch {
	case isGone(err):
		err = nil // it went away, or said nothing: that is only counted
	case errors.As(err, &header) && speaksHTTP(header.RecordHeader):
		_ = writeRaw(raw, CodeBadRequest, "this listener speaks TLS", "use --admin https://HOST:PORT with --admin-cert FILE")
	case errors.As(err, &bad) && len(bad.UnverifiedCertificates) > 0:
		why, err = whyCertificate, fmt.Errorf("%w; it calls itself %q", err, bad.UnverifiedCertificates[0].Subject.CommonName)
	case errors.Is(err, adminca.ErrRole), err.Error() == noCertificate:
		why = whyCertificate
	}
	l.refused(raw.RemoteAddr(), why, err)
	_ = raw.SetDeadline(time.Now().Add(lingerTimeout))
	readOut(raw)
}

// readOut ends our side, and reads what the peer still sends, in bounds.
func readOut(raw *net.TCPConn) {
	if raw.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, raw, lingerBytes)
	}
}

// noCertificate is what crypto/tls says of a client that shows none.
const noCertificate = "tls: client didn't provide a certificate"

// isGone: it hung up, was too slow, or gave its place to another one.
func isGone(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.ECONNRESET)
}

// speaksHTTP judges by the first five bytes.
func speaksHTTP(b [5]byte) bool {
	return slices.ContainsFunc([]string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"}, func(verb string) bool {
		return bytes.Equal(b[:], []byte(verb))
	})
}

// cut closes what was given out to clients that are not believed any more.
func (l *tlsListener) cut(believed func(keys.ID) bool) {
	l.mu.Lock()
	var gone []*openConn
	for c := range l.open {
		if !believed(c.key) {
			gone = append(gone, c)
		}
	}
	l.mu.Unlock()
	for _, c := range gone {
		_ = c.Close()
	}
}
