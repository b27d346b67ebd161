package clients

import (
	"errors"
	"io"
	"os"

	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/internal/straight"
	"github.com/gmsd/gmsd/views"
)

// readStart is the size of a reader's buffer, as long as that is enough.
const readStart = 4 << 10

// reader takes frames off the socket.
type reader struct {
	ss *session
	in *straight.Reader
	// buf[at:end] was read and is not yet taken.
	buf     []byte
	at, end int
	// frames and bytes are not counted yet.
	frames uint64
	// said: the client said goodbye.
	said bool
}

func newReader(ss *session) *reader {
	return &reader{ss: ss, in: straight.NewReader(ss.conn), buf: make([]byte, readStart)}
}

// frame gives the next one; its body is good until the next call. Without one the
// session ends, and the client was told where it is at fault.
func (r *reader) frame() (t clientwire.Type, body []byte, ok bool) {
	for {
		t, body, size, err := clientwire.Cut(r.buf[r.at:r.end])
		switch {
		case err != nil:
			r.ss.fail(clientwire.CodeProtocol, err.Error(), "see docs/CLIENT_PROTOCOL.md")
			return 0, nil, false
		case size > 0:
			r.at += size
			r.frames++
			return t, body, true
		}
		if err := r.fill(); err != nil {
			r.failed(err)
			return 0, nil, false
		}
	}
}

// fill reads more, behind what is there.
func (r *reader) fill() error {
	r.count()
	left := copy(r.buf, r.buf[r.at:r.end])
	r.at, r.end = 0, left
	if left > len(r.buf)/2 {
		r.grow()
	}
	n, err := r.in.Read(r.buf[r.end:])
	r.end += n
	r.ss.server.counters.bytesIn.Add(uint64(n)) //nolint:gosec // not negative
	if r.end == len(r.buf) {
		r.grow()
	}
	if n > 0 {
		return nil
	}
	return err
}

// count tells of the frames since the last time.
func (r *reader) count() {
	r.ss.server.counters.framesIn.Add(r.frames)
	r.frames = 0
}

// grow doubles the buffer, up to two frames.
func (r *reader) grow() {
	const most = 2 * (clientwire.FrameMax + clientwire.HeadSize)
	if len(r.buf) >= most {
		return
	}
	buf := make([]byte, min(2*len(r.buf), most))
	copy(buf, r.buf[r.at:r.end])
	r.buf, r.at, r.end = buf, 0, r.end-r.at
}

// failed says why reading ended.
func (r *reader) failed(err error) {
	switch {
	case r.ss.ctx.Err() != nil, errors.Is(err, io.EOF):
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.ss.fail(clientwire.CodeTimeout, "the hello, or the rest of a long message, did not come in time", "send it at once")
	default:
		r.ss.server.config.Logger.Debug("clients: read", "client", r.ss.name, "err", err)
	}
}

// read takes frames until the session ends.
func (r *reader) read() {
	for r.ss.ctx.Err() == nil {
		t, body, ok := r.frame()
		if !ok || !r.handle(t, body) {
			break
		}
	}
	if r.said {
		r.ss.asks.waitEnd(r.ss.server.config.ByeTimeout)
	}
}

// handle takes one frame. It gives false at the end.
func (r *reader) handle(t clientwire.Type, body []byte) bool {
	if t.Asks() {
		return r.ask(t, body)
	}
	if t.Stream() && r.ss.features&clientwire.FeatureState != 0 {
		return r.stream(t, body)
	}
	switch t {
	case clientwire.TypePing:
		return r.ping(body)
	case clientwire.TypePong:
		_, err := clientwire.ParseNumber(body)
		return r.check(t, err)
	case clientwire.TypeCredit:
		return r.credit(body)
	case clientwire.TypeBye:
		if !r.check(t, clientwire.ParseEmpty(body)) {
			return false
		}
		r.said = true
		r.ss.asks.push(t, body)
		return false
	default:
		r.ss.unexpected(t)
		return false
	}
}

// stream takes a frame about a state. It never waits.
func (r *reader) stream(t clientwire.Type, body []byte) bool {
	err := r.ss.stream(t, body)
	if errors.Is(err, clientwire.ErrCredit) {
		r.ss.fail(clientwire.CodeCredit, err.Error(), "wait for more")
		return false
	}
	return r.check(t, err)
}

func (r *reader) check(t clientwire.Type, err error) bool {
	if err != nil {
		r.ss.malformed(t, err)
	}
	return err == nil
}

func (ss *session) unexpected(t clientwire.Type) {
	ss.fail(clientwire.CodeProtocol, "frame of type "+hex(t)+" was not expected", "see docs/CLIENT_PROTOCOL.md")
}

func (ss *session) malformed(t clientwire.Type, err error) {
	ss.fail(clientwire.CodeProtocol, "frame of type "+hex(t)+": "+err.Error(), "see docs/CLIENT_PROTOCOL.md")
}

func hex(t clientwire.Type) string {
	const digits = "0123456789abcdef"
	return "0x" + string([]byte{digits[t>>4], digits[t&15]})
}

// ping answers; it waits for one who asks and does not read.
func (r *reader) ping(body []byte) bool {
	n, err := clientwire.ParseNumber(body)
	if !r.check(clientwire.TypePing, err) {
		return false
	}
	o := &r.ss.out
	o.lock()
	ok := o.room()
	o.pending = clientwire.AppendPong(o.pending, n)
	o.frames++
	o.unlock()
	return ok
}

func (r *reader) credit(body []byte) bool {
	n, err := clientwire.ParseNumber(body)
	if !r.check(clientwire.TypeCredit, err) {
		return false
	}
	if !r.ss.out.grant(n) {
		r.ss.fail(clientwire.CodeLimit, "more credit than a balance holds", "grant what was used up")
		return false
	}
	return true
}

// ask takes a frame that has its place in the order of asks.
func (r *reader) ask(t clientwire.Type, body []byte) bool {
	ss := r.ss
	size := int64(len(body) + clientwire.HeadSize)
	if ss.ahead.Add(size)-size >= int64(ss.server.config.Window) {
		ss.fail(clientwire.CodeCredit, "you sent more than you had credit for", "wait for credit frames")
		return false
	}
	switch {
	case t == clientwire.TypePart:
		ss.patience.part(ss, len(body))
	case clientwire.EndsParts(t, body):
		ss.patience.whole(ss)
	default:
		ss.patience.other(ss)
	}
	if t == clientwire.TypeSend && ss.asks.idle() {
		switch done, err := ss.tryPost(body); {
		case err != nil:
			return false
		case done:
			ss.took(size)
			return true
		}
	}
	ss.asks.push(t, body)
	return ss.ctx.Err() == nil
}

// tryPost takes the short way: the port takes the message at once, or not. Only
// the reader calls it, and only where nothing is before it.
func (ss *session) tryPost(body []byte) (done bool, err error) {
	m, err := clientwire.ParseSend(body)
	if err != nil {
		ss.malformed(clientwire.TypeSend, err)
		return false, err
	}
	if m.Token != 0 || m.Parts || ss.words.sending.Load() > 0 {
		return false, nil
	}
	group, err := ss.groupOf(clientwire.TypeSend, m.Handle)
	if err != nil {
		return false, err
	}
	err = ss.port.TryPost(group, m.Order, m.Tail)
	if errors.Is(err, views.ErrFull) {
		return false, nil
	}
	if err != nil {
		ss.failWith(err)
	}
	return true, err
}

// took notes bytes that the port has, and grants them anew from time to time.
func (ss *session) took(size int64) {
	n := ss.taken.Add(size)
	if n < int64(ss.server.config.Window)/4 {
		return
	}
	if n = ss.taken.Swap(0); n == 0 {
		return
	}
	ss.ahead.Add(-n)
	ss.patience.granted(ss)
	ss.out.append(func(b []byte) []byte { return clientwire.AppendCredit(b, int(n)) })
}
