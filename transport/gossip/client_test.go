package gossip

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

// quick has short leases and looks at deadlines often.
func quick() timing {
	times := shippedTiming()
	times.lease, times.tend, times.deaf, times.ping = time.Second, 20*time.Millisecond, 500*time.Millisecond, 100*time.Millisecond
	times.stepMost, times.news = 100*time.Millisecond, 5*time.Millisecond
	return times
}

func start(t *testing.T, at netip.AddrPort, times timing, peers ...string) *Server {
	t.Helper()
	s, err := openWith(Config{Bind: at, Peers: peers}, times)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client is a member of the simplest kind, host i of the suite.
type client struct {
	*testing.T
	conn  net.Conn
	hello relay.Hello
	key   ed25519.PrivateKey
}

func helloOf(i int, incarnation views.Incarnation, nonce uint64) relay.Hello {
	h := relay.Hello{Use: relay.UseMember}
	copy(h.Key[:], transporttest.Identity(i).Public().(ed25519.PublicKey))
	h.Member = relay.Member{
		Group: 1, Process: transporttest.Process(i, incarnation), Nonce: nonce,
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 7749),
	}
	return h
}

func newClient(t *testing.T, h relay.Hello, key ed25519.PrivateKey) *client {
	c := &client{T: t, hello: h, key: key}
	t.Cleanup(func() {
		if c.conn != nil {
			_ = c.conn.Close()
		}
	})
	return c
}

func (c *client) dial(s *Server) {
	c.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: s.Local().Addr().AsSlice()}}
	conn, err := d.Dial("tcp4", s.Local().String())
	if err != nil {
		c.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(transporttest.Patience))
	c.conn = conn
}

// enter registers, and gives why not.
func (c *client) enter(s *Server) error {
	c.Helper()
	c.dial(s)
	return c.register()
}

// register is what enter does when it is connected.
func (c *client) register() error {
	first := c.hello.Bytes()
	if _, err := c.conn.Write(first[:]); err != nil {
		return err
	}
	var answer [relay.ChallengeSize]byte
	if _, err := io.ReadFull(c.conn, answer[:]); err != nil {
		return err
	}
	challenge, err := relay.ParseChallenge(answer)
	if err != nil || challenge.Refusal != 0 {
		return errors.Join(err, challenge.Refusal)
	}
	if _, err := c.conn.Write(relay.Sign(c.key, &challenge, &c.hello)); err != nil {
		return err
	}
	switch kind, body := c.piece(); kind {
	case relay.KindWelcome:
		return nil
	case relay.KindRefused:
		return relay.Refusal(body[0])
	default:
		return errors.New("neither welcome nor refused")
	}
}

// enroll registers host i at a router.
func enroll(t *testing.T, s *Server, i int, incarnation views.Incarnation) *client {
	t.Helper()
	c := newClient(t, helloOf(i, incarnation, uint64(incarnation)), transporttest.Identity(i))
	if err := c.enter(s); err != nil {
		t.Fatal(err)
	}
	return c
}

// piece reads one; kind 255 stands for the end of the connection.
func (c *client) piece() (kind byte, body []byte) {
	var head [stream.HeadSize]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return 255, nil
	}
	word := binary.BigEndian.Uint32(head[:])
	body = make([]byte, word&0xffffff)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return 255, nil
	}
	return byte(word >> 24), body
}

// until reads pieces until one fits.
func (c *client) until(what string, fits func(kind byte, body []byte) bool) {
	c.Helper()
	for {
		kind, body := c.piece()
		if fits(kind, body) {
			return
		}
		if kind == 255 {
			c.Fatalf("the connection ended before %s", what)
		}
	}
}

func (c *client) write(kind byte, prefix, body []byte) {
	c.Helper()
	h := stream.Head(kind, len(prefix)+len(body))
	if _, err := c.conn.Write(append(append(h[:], prefix...), body...)); err != nil {
		c.Fatal(err)
	}
}

func (c *client) send(text string, to ...*client) {
	c.Helper()
	var prefix []byte
	for _, o := range to {
		prefix = relay.AppendTarget(prefix, o.hello.Member.Host)
	}
	c.write(stream.KindFrame, prefix, []byte(text))
}

// gets waits for a frame of a text, from somebody.
func (c *client) gets(text string, from *client) {
	c.Helper()
	c.until("the frame "+text, func(kind byte, body []byte) bool {
		if kind != stream.KindFrame {
			return false
		}
		at, frame, err := relay.CutFrom(body)
		if err != nil {
			c.Fatal(err)
		}
		if string(frame) == text && at != from.hello.Member.Addr {
			c.Errorf("%q came from %v, want %v", text, at, from.hello.Member.Addr)
		}
		return string(frame) == text
	})
}

// hears waits until the router tells that a life is registered, or gone.
func (c *client) hears(of relay.Life, registered bool) (via relay.Number) {
	c.Helper()
	c.until("news of a member", func(kind byte, body []byte) (found bool) {
		switch {
		case kind == relay.KindEntries && registered:
			_ = relay.EachEntry(body, func(e *relay.Entry) { // a broken one is not found
				if e.Life() == of {
					found, via = true, e.Via
				}
			})
		case kind == relay.KindGone && !registered:
			relay.EachGone(body, func(_ uint64, l relay.Life) { found = found || l == of })
		}
		return found
	})
	return via
}

func (c *client) ends() {
	c.Helper()
	c.until("the end", func(kind byte, _ []byte) bool { return kind == 255 })
}
