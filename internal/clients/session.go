package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
)

// session is one connection.
type session struct {
	server *Server
	conn   net.Conn
	port   member.Port
	// submit is the port's, or nil.
	submit Submitter
	name   string
	ctx    context.Context
	cancel context.CancelFunc
	out    outbox
	asks   askQueue
	words  words
	names  handles
	// features are the bits that both know.
	features uint64
	shelf    shelf
	gifts    gifts
	// ahead is how many bytes the client has sent that were not granted anew;
	// taken of them are with the port and wait for a credit frame.
	ahead, taken atomic.Int64
	patience     patience
	// answering keeps the parts of one long answer together.
	answering sync.Mutex

	mu sync.Mutex
	// end is why it ends; the first one stays.
	end *clientwire.Error
	// bye: the client said goodbye, and all before it is done.
	bye bool
}

func newSession(s *Server, conn net.Conn) *session {
	ss := &session{server: s, conn: conn}
	ss.ctx, ss.cancel = context.WithCancel(context.Background())
	ss.out.init(conn, &s.counters)
	ss.asks.init()
	ss.words.init(s.config.Tokens)
	ss.names.init()
	ss.shelf.init(&ss.out)
	ss.gifts.init(&ss.out)
	return ss
}

// fail ends the session; the client is told. The first reason stays.
func (ss *session) fail(code clientwire.Code, text, hint string) {
	ss.mu.Lock()
	if ss.end == nil {
		ss.end = &clientwire.Error{Code: code, Text: text, Hint: hint}
	}
	ss.mu.Unlock()
	ss.stop()
}

// failWith is fail for an error of the port.
func (ss *session) failWith(err error) {
	code, hint := codeOf(err), ""
	switch code { //nolint:exhaustive // the others say enough
	case clientwire.CodeSlow:
		hint = "read events faster, or in a thread of their own"
	case clientwire.CodeClosed, clientwire.CodeLeaving:
		hint = "connect again"
	}
	ss.fail(code, err.Error(), hint)
}

// stop wakes everything of the session, so that it ends.
func (ss *session) stop() {
	ss.cancel()
	ss.out.stop()
	ss.asks.stop()
	ss.shelf.stop()
	ss.gifts.stop()
	ss.conn.SetReadDeadline(time.Unix(1, 0))
	ss.conn.SetWriteDeadline(time.Now().Add(lastWords))
}

// run is the life of a session.
func (ss *session) run() {
	var flushing, working sync.WaitGroup
	flushing.Go(ss.flush)
	r := newReader(ss)
	if ss.handshake(r) {
		working.Go(ss.feed)
		working.Go(ss.work)
		working.Go(ss.watchEnd)
		working.Go(ss.shelf.serve)
		r.read()
	}
	r.count()
	ss.stop()
	if ss.port != nil {
		ss.closePort()
	}
	working.Wait()
	ss.words.wait()
	ss.shelf.close()
	ss.lastWord()
	flushing.Wait()
	ss.linger()
	_ = ss.conn.Close()
}

// flush runs the flusher; one who does not read his socket is cut.
func (ss *session) flush() {
	err := ss.out.flush(ss.conn, ss.server.config.WriteTimeout)
	if err == nil {
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		ss.fail(clientwire.CodeSlow, "you do not read the socket", "read all that comes, in a thread of its own")
	}
	ss.stop()
	ss.out.drain()
}

// linger takes what one who was cut still sends, for a moment: a TCP socket that
// is closed with bytes unread takes the error frame back.
func (ss *session) linger() {
	ss.mu.Lock()
	cut := ss.end != nil
	ss.mu.Unlock()
	if c, ok := ss.conn.(*net.TCPConn); ok && cut {
		_ = c.CloseWrite()
		ss.conn.SetReadDeadline(time.Now().Add(lastWords))
		_, _ = io.Copy(io.Discard, ss.conn)
	}
}

// closePort ends the port as its program ended.
func (ss *session) closePort() {
	ss.mu.Lock()
	bye := ss.bye
	ss.mu.Unlock()
	if a, ok := ss.port.(Aborter); ok && !bye {
		_ = a.Abort()
		return
	}
	_ = ss.port.Close()
}

// lastWord tells the client, the log and the counters why it ended.
func (ss *session) lastWord() {
	ss.mu.Lock()
	end, bye := ss.end, ss.bye
	ss.mu.Unlock()
	log := ss.server.config.Logger.With("client", ss.name)
	switch {
	case bye:
		log.Info("clients: goodbye")
	case end == nil:
		log.Info("clients: gone without a word")
	default:
		log.Info("clients: cut", "code", end.Code.String(), "text", end.Text)
		ss.server.counters.countError(end.Code)
		ss.out.append(func(b []byte) []byte { return clientwire.AppendError(b, end) })
	}
	ss.out.close()
}

// handshake reads the hello, opens the port and writes the welcome.
func (ss *session) handshake(r *reader) bool {
	c := &ss.server.config
	ss.conn.SetReadDeadline(time.Now().Add(c.HelloTimeout))
	t, body, ok := r.frame()
	if !ok {
		return false
	}
	if t != clientwire.TypeHello {
		ss.fail(clientwire.CodeProtocol, fmt.Sprintf("the first frame has type %#x", byte(t)), "say hello first")
		return false
	}
	h, err := clientwire.ParseHello(body)
	if err != nil {
		ss.fail(clientwire.CodeProtocol, "hello: "+err.Error(), "see docs/CLIENT_PROTOCOL.md")
		return false
	}
	if h.Low > clientwire.Version || h.High < clientwire.Version {
		ss.fail(clientwire.CodeVersion, fmt.Sprintf("you speak versions %d to %d, this daemon %d", h.Low, h.High, clientwire.Version),
			"take a client of the daemon's age")
		return false
	}
	ss.name = h.Name
	if ss.port, err = c.Open(h.Name); err != nil {
		ss.failWith(err)
		return false
	}
	ss.submit, _ = ss.port.(Submitter)
	ss.features = h.Features & clientwire.FeaturesKnown
	ss.gifts.known = ss.features&clientwire.FeatureState != 0
	ss.welcome(&h)
	ss.conn.SetReadDeadline(time.Time{})
	return ss.ctx.Err() == nil
}

func (ss *session) welcome(h *clientwire.Hello) {
	c, self := &ss.server.config, ss.port.Self()
	ss.out.lock()
	ss.out.credit = h.Credit
	ss.out.pending = clientwire.AppendWelcome(ss.out.pending, &clientwire.Welcome{
		Version: clientwire.Version, Features: ss.features, Self: self.Process, Port: self.Port, Credit: c.Window,
		Handles: clientwire.HandlesMax, Tokens: uint32(c.Tokens), Payload: views.PayloadMax, Software: c.Software, //nolint:gosec // a small number
	})
	ss.out.frames++
	ss.out.unlock()
	uid, pid := peer(ss.conn)
	c.Logger.Info("clients: connected", "client", h.Name, "port", self.Port, "uid", uid, "pid", pid, "from", ss.conn.RemoteAddr().String())
}

// peer says which user and process is at the other end of a Unix socket; -1 for
// others.
func peer(conn net.Conn) (uid, pid int) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return -1, -1
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, -1
	}
	uid, pid = -1, -1
	if _, unixSocket := conn.(*net.UnixConn); !unixSocket {
		return uid, pid
	}
	_ = raw.Control(func(fd uintptr) {
		if u, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil { //nolint:gosec // a descriptor
			uid, pid = int(u.Uid), int(u.Pid)
		}
	})
	return uid, pid
}

// handles is the table of groups with a number. The submitter binds, the feeder
// looks up; where nothing is in the queue the reader does what the submitter would.
type handles struct {
	mu    sync.Mutex
	group []string
	// uses counts joins without their parting or failure.
	uses []int
	of   map[string]uint32
}

func (h *handles) init() { h.of = make(map[string]uint32) }

// bind gives group the number n. It gives a reason why not, or "".
func (h *handles) bind(n uint32, group string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for uint32(len(h.group)) <= n { //nolint:gosec // below HandlesMax
		h.group, h.uses = append(h.group, ""), append(h.uses, 0)
	}
	if other, ok := h.of[group]; ok && other != n {
		return fmt.Sprintf("group %q has the number %d", group, other)
	}
	if h.uses[n] > 0 && h.group[n] != group {
		return fmt.Sprintf("number %d stands for %q, where you are a member", n, h.group[n])
	}
	delete(h.of, h.group[n])
	h.group[n], h.of[group] = group, n
	return ""
}

// name gives the group of a number; "" where it has none.
func (h *handles) name(n uint32) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if uint64(n) >= uint64(len(h.group)) {
		return ""
	}
	return h.group[n]
}

// number gives the number of a group.
func (h *handles) number(group string) (uint32, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, ok := h.of[group]
	return n, ok
}

// use counts a join, or with -1 its end.
func (h *handles) use(n uint32, by int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.uses[n] = max(0, h.uses[n]+by)
}
