package clients

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// raw speaks the protocol frame by frame.
type raw struct {
	tb   testing.TB
	conn net.Conn
	in   []byte
}

func connect(tb testing.TB, s *Server) *raw {
	tb.Helper()
	a := s.Addrs()[0]
	conn, err := net.Dial(a.Network(), a.String())
	if err != nil {
		tb.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(membertest.Patience))
	tb.Cleanup(func() { _ = conn.Close() })
	return &raw{tb: tb, conn: conn}
}

// greet connects and says hello with so much credit.
func greet(tb testing.TB, s *Server, credit int) *raw {
	tb.Helper()
	r := connect(tb, s)
	r.write(clientwire.AppendHello(nil, &clientwire.Hello{Low: 1, High: 9, Credit: credit, Name: "raw"}))
	w, err := clientwire.ParseWelcome(r.await(clientwire.TypeWelcome))
	if err != nil || w.Version != 1 || w.Software != "test" {
		tb.Fatalf("welcome %+v, %v", w, err)
	}
	return r
}

func (r *raw) write(frames ...[]byte) {
	r.tb.Helper()
	var all []byte
	for _, f := range frames {
		all = append(all, f...)
	}
	if _, err := r.conn.Write(all); err != nil {
		r.tb.Fatal(err)
	}
}

// frame reads the next one.
func (r *raw) frame() (clientwire.Type, []byte, error) {
	for {
		t, body, size, err := clientwire.Cut(r.in)
		if err != nil {
			return 0, nil, err
		}
		if size > 0 {
			r.in = r.in[size:]
			return t, body, nil
		}
		buf := make([]byte, 1<<16)
		n, err := r.conn.Read(buf)
		if n == 0 && err != nil {
			return 0, nil, err
		}
		r.in = append(r.in, buf[:n]...)
	}
}

// await reads until a frame of type t, and gives its body.
func (r *raw) await(want clientwire.Type) []byte {
	r.tb.Helper()
	for {
		t, body, err := r.frame()
		if err != nil {
			r.tb.Fatalf("waiting for type %#x: %v", byte(want), err)
		}
		if t == want {
			return body
		}
		if t == clientwire.TypeError {
			e, _ := clientwire.ParseError(body)
			r.tb.Fatalf("waiting for type %#x: error %v: %s", byte(want), e.Code, e.Text)
		}
	}
}

// cut reads until the daemon ends the connection with a code.
func (r *raw) cut(want clientwire.Code, text string) {
	r.tb.Helper()
	r.told(want, text)
	if _, _, err := r.frame(); !errors.Is(err, io.EOF) {
		r.tb.Errorf("behind the error: %v", err)
	}
}

// told awaits an error.
func (r *raw) told(want clientwire.Code, text string) {
	r.tb.Helper()
	for {
		t, body, err := r.frame()
		if err != nil {
			r.tb.Fatalf("want an error frame, got %v", err)
		}
		if t != clientwire.TypeError {
			continue
		}
		e, err := clientwire.ParseError(body)
		if err != nil || e.Code != want || !strings.Contains(e.Text, text) {
			r.tb.Errorf("error %v: %q, %q (%v); want %v: %q", e.Code, e.Text, e.Hint, err, want, text)
		}
		return
	}
}

func bind(n uint32, group string) []byte {
	return clientwire.AppendBind(nil, &clientwire.Bind{Handle: n, Group: group})
}

func join(n uint32, token uint64) []byte {
	return clientwire.AppendJoin(nil, &clientwire.Join{Handle: n, Token: token})
}

func post(n uint32, size int) []byte {
	return clientwire.AppendSend(nil, &clientwire.Send{Order: 1, Handle: n, Tail: make([]byte, size)})
}

func part(left uint32, size int) []byte {
	return clientwire.AppendPart(nil, clientwire.TypePart, &clientwire.Part{Left: left, Bytes: make([]byte, size)})
}
