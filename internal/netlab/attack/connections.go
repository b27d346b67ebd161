package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// callers are how many connections at a time are broken, besides the idle ones.
	callers = 256
	// dialFor bounds a dial, hearFor what we wait for an answer.
	dialFor = 5 * time.Second
	hearFor = 4 * time.Second
	// slowEvery is between two bytes of one who is slow.
	slowEvery = 100 * time.Millisecond
	// openingBytes is about what a sealed greeting opens with.
	openingBytes = 120
	// adminOf: one connection in so many goes to admin-tls.
	adminOf = 20
	// slowOf: one in so many is slow, waitOf: says what it has and then waits.
	slowOf, waitOf = 200, 50
)

// breach says what one broken connection says.
type breach struct {
	name string
	make func(random *rand.Rand, said []byte, n int) []byte
}

// breaches are taken in turn; n counts the turns.
var breaches = []breach{
	{"cut", func(_ *rand.Rand, said []byte, n int) []byte { return said[:n%min(len(said), openingBytes)] }},
	{"magic", func(random *rand.Rand, said []byte, _ int) []byte { return flip(random, said, 1, 8) }},
	{"flip-bits", func(random *rand.Rand, said []byte, _ int) []byte {
		return flip(random, said, 1+random.IntN(4), openingBytes)
	}},
	{"plain", func(_ *rand.Rand, said []byte, _ int) []byte {
		b := slices.Clone(said)
		b[7] = 1
		return b
	}},
	{"other-key", func(random *rand.Rand, said []byte, _ int) []byte {
		b := slices.Clone(said)
		if len(b) > openingBytes/2 {
			binary.BigEndian.PutUint32(b[51:], random.Uint32())
		}
		return b
	}},
	{"noise", func(random *rand.Rand, _ []byte, _ int) []byte { return noise(random, 1+random.IntN(4096)) }},
	{"long", func(random *rand.Rand, said []byte, _ int) []byte {
		return append(slices.Clone(said), noise(random, 64<<10)...)
	}},
	{"lengths", func(random *rand.Rand, _ []byte, n int) []byte {
		size := [...]uint32{0, 1, 0xffff, 0xffffff, random.Uint32() & 0xffffff}[n%5]
		b := binary.BigEndian.AppendUint32(nil, uint32(n%4)<<24|size) //nolint:gosec // below 4
		return append(b, noise(random, random.IntN(2048))...)
	}},
	{"behind-greeting", func(_ *rand.Rand, said []byte, _ int) []byte { return said[min(len(said)-1, openingBytes):] }},
	{"replay", func(_ *rand.Rand, said []byte, _ int) []byte { return said }},
}

// breakIn makes broken connections.
func (a *attacker) breakIn(ctx context.Context) error {
	work := make(chan int)
	var all sync.WaitGroup
	hello := clientHello()
	for w := range callers {
		all.Go(func() {
			random := a.random(100 + uint64(w)) //nolint:gosec // small
			for n := range work {
				if a.Admin != 0 && n%adminOf == 0 {
					a.breakAdmin(ctx, random, n, hello)
				} else {
					a.breakOne(ctx, random, n)
				}
			}
		})
	}
	n := 0
	err := paced(ctx, a.Broken, a.Over, func() error {
		work <- n
		n++
		return nil
	})
	close(work)
	all.Wait()
	return err
}

// breakOne is one broken connection to a member port.
func (a *attacker) breakOne(ctx context.Context, random *rand.Rand, n int) {
	kind := n % len(breaches)
	to := random.IntN(len(a.Targets))
	said := a.material.streams[random.IntN(len(a.material.streams))]
	text := breaches[kind].make(random, said, n/len(breaches))
	conn := a.dial(ctx, to, a.Port)
	if conn == nil {
		return
	}
	defer conn.Close()
	a.note(func(r *Report) {
		r.Broken[breaches[kind].name]++
		r.Targets[to].Connections++
	})
	_ = conn.SetDeadline(time.Now().Add(hearFor))
	if !say(conn, text, n%slowOf == 0) && len(text) == 0 {
		return
	}
	switch {
	case n%waitOf == 0: // it ends it
	case len(text) == 0:
		a.note(func(r *Report) { r.Targets[to].Silent++ })
		return
	case n%3 == 0:
		_ = conn.SetLinger(0)
		return // a reset
	default:
		_ = conn.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, conn)
}

// say writes what it will; false where the other end has had enough.
func say(conn net.Conn, text []byte, slow bool) bool {
	if !slow {
		_, err := conn.Write(text)
		return err == nil
	}
	for i := range text {
		if _, err := conn.Write(text[i : i+1]); err != nil {
			return false
		}
		time.Sleep(slowEvery) // as said
	}
	return true
}

// dial connects to a target; nil where it did not get through.
func (a *attacker) dial(ctx context.Context, to int, port uint16) *net.TCPConn {
	d := net.Dialer{Timeout: dialFor, KeepAlive: -1}
	conn, err := d.DialContext(ctx, "tcp4", netip.AddrPortFrom(a.Targets[to].Addr, port).String())
	if err != nil {
		if ctx.Err() == nil {
			a.note(func(r *Report) { r.Targets[to].Failed++ })
		}
		return nil
	}
	return conn.(*net.TCPConn)
}

// breakAdmin is one broken connection to admin-tls.
func (a *attacker) breakAdmin(ctx context.Context, random *rand.Rand, n int, hello []byte) {
	to := random.IntN(len(a.Targets))
	conn := a.dial(ctx, to, a.Admin)
	if conn == nil {
		return
	}
	defer conn.Close()
	a.note(func(r *Report) {
		r.Broken["admin"]++
		r.Targets[to].Admin++
	})
	_ = conn.SetDeadline(time.Now().Add(hearFor))
	var text []byte
	switch n / adminOf % 5 {
	case 0:
		text = hello[:1+n%(len(hello)-1)]
	case 1:
		text = flip(random, hello, 3, len(hello))
	case 2:
		text = []byte("GET /v1/status HTTP/1.1\r\nHost: gmsd\r\n\r\n")
	case 3:
		text = noise(random, 1+random.IntN(2048))
	case 4: // all of a handshake, without a certificate
		c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // an attacker
		_, _ = c.Write([]byte("GET /v1/status HTTP/1.1\r\nHost: gmsd\r\n\r\n"))
		_, _ = io.Copy(io.Discard, c)
		return
	}
	_, _ = conn.Write(text)
	_ = conn.CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

// clientHello is what a client of TLS says first.
func clientHello() []byte {
	var said onlySaid
	_ = tls.Client(&said, &tls.Config{InsecureSkipVerify: true}).Handshake() //nolint:gosec // nobody answers
	return said.Bytes()
}

// onlySaid is a connection of which nothing is heard.
type onlySaid struct {
	net.Conn
	bytes.Buffer
}

func (o *onlySaid) Write(b []byte) (int, error) { return o.Buffer.Write(b) }
func (o *onlySaid) Read([]byte) (int, error)    { return 0, io.EOF }
