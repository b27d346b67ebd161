package discovery_test

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gmsd/gmsd/discovery"
)

// server answers questions on the loopback as a name server would.
type server struct {
	conn    net.PacketConn
	answers map[string][]dnsmessage.ResourceBody
}

func newServer(t *testing.T) *server {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{conn: conn, answers: map[string][]dnsmessage.ResourceBody{
		"SRV _gmsd._udp.example.org.": {
			&dnsmessage.SRVResource{Priority: 10, Weight: 1, Port: 7749, Target: dnsmessage.MustNewName("h1.example.org.")},
			&dnsmessage.SRVResource{Priority: 20, Weight: 1, Port: 8000, Target: dnsmessage.MustNewName("h2.example.org.")},
		},
		"A h1.example.org.":  {&dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}}},
		"A h2.example.org.":  {&dnsmessage.AResource{A: [4]byte{10, 0, 0, 2}}},
		"A all.example.org.": {&dnsmessage.AResource{A: [4]byte{10, 0, 0, 3}}, &dnsmessage.AResource{A: [4]byte{10, 0, 0, 4}}},
	}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return s
}

func (s *server) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		what := q.Type.String()[len("Type"):] + " " + q.Name.String()
		m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}
		m.Answers, m.Additionals, m.Authorities = nil, nil, nil
		bodies, known := s.answers[what]
		if !known {
			m.RCode = dnsmessage.RCodeNameError
		}
		for _, b := range bodies {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: b})
		}
		if out, err := m.Pack(); err == nil {
			_, _ = s.conn.WriteTo(out, from)
		}
	}
}

// The resolver of Go's library, a server on the wire, A and SRV.
func TestNamesOnTheWire(t *testing.T) {
	s := newServer(t)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", s.conn.LocalAddr().String())
	}}
	d, err := discovery.NewDNS([]string{"_gmsd._udp.example.org", "all.example.org.:9", "gone.example.org."}, discovery.Options{Resolver: resolver})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want := map[string]string{
		"10.0.0.1:7749": "_gmsd._udp.example.org", "10.0.0.2:8000": "_gmsd._udp.example.org",
		"10.0.0.3:9": "all.example.org.:9", "10.0.0.4:9": "all.example.org.:9",
	}
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(d.Addresses()) < len(want) || d.Trouble() == "" {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%v; in trouble: %s", d.Addresses(), d.Trouble())
		}
	}
	for _, f := range d.Addresses() {
		if want[f.Addr.String()] != f.Why {
			t.Errorf("%v by %q, want %q", f.Addr, f.Why, want[f.Addr.String()])
		}
	}
}
