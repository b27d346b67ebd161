package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/adminca"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views/trace"
)

func keyN(n byte) keys.Key { return keys.KeyOf([keys.Size]byte{n}) }

// patience is for what has to come; nothing here waits for it to end.
const patience = 20 * time.Second

// sealed is a served one with keys and a listener for certificates.
type sealed struct {
	*served
	dir  string
	ring keys.Ring
	log  *logged
}

func serveSealed(t *testing.T, change func(*Server)) *sealed {
	t.Helper()
	s := &sealed{dir: t.TempDir(), ring: keys.NewRing(keyN(1), 0), log: &logged{}}
	cfg := Config{
		TCP: "127.0.0.1:0", TLS: "127.0.0.1:0", Socket: filepath.Join(s.dir, "admin.sock"), Group: "g", Version: "0.1.0", LabFaults: true,
		Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	server, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(server)
	}
	s.served = &served{T: t, group: newFake(), server: server, socket: NewClient(cfg.Socket), tcp: NewClient(server.TCPAddr().String())}
	s.group.rotate(s.ring, nil)
	server.Serve(s.group, NewMetrics("0.1.0"))
	t.Cleanup(func() {
		s.socket.Close()
		s.tcp.Close()
		server.Close(context.Background())
	})
	return s
}

func (s *sealed) url() string { return SchemeTLS + s.server.TLSAddr().String() }

// file makes a client's file under a ring.
func (s *sealed) file(ring keys.Ring, role adminca.Role, name string, now time.Time) string {
	s.Helper()
	text, err := adminca.Issue(ring, adminca.Order{Role: role, Name: name, Days: 90}, now)
	if err != nil {
		s.Fatal(err)
	}
	path := filepath.Join(s.dir, name+".pem")
	if err := keyfile.Certificate.Create(path, text); err != nil {
		s.Fatal(err)
	}
	return path
}

func (s *sealed) client(role adminca.Role, name string) *Client {
	s.Helper()
	c := NewClientWith(s.url(), s.file(s.ring, role, name, time.Now()))
	s.Cleanup(c.Close)
	return c
}

// is checks the code of an answer; empty: none, it is content.
func (s *sealed) is(err error, code Code, says string) {
	s.Helper()
	var e *Error
	switch {
	case code == "" && err == nil:
	case !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Error(), says):
		s.Errorf("got %v, want %s with %q", err, code, says)
	}
}

func TestWhatARoleMayDo(t *testing.T) {
	s := serveSealed(t, nil)
	reader, operator := s.client(adminca.Read, "rita"), s.client(adminca.Operate, "otto")
	for _, r := range routes() {
		path := strings.NewReplacer("{name}", "g", "{host}", "h2", "{$}", "").Replace(r.path)
		if r.writes() {
			_, err := reader.Do(t.Context(), r.method, path, []byte("{}"))
			s.is(err, CodeForbidden, r.method+" changes something, which needs the role operate; the certificate has read")
			continue
		}
		if strings.HasSuffix(path, "/events") {
			continue // it has no end
		}
		for _, c := range []*Client{reader, operator} {
			_, err := c.Do(t.Context(), r.method, path, nil)
			s.is(err, "", "")
		}
	}
	for _, method := range []string{"DELETE", "PATCH", "OPTIONS"} {
		_, err := reader.Do(t.Context(), method, "/v1/view", nil)
		s.is(err, CodeForbidden, "operate")
	}
	for _, err := range reader.Lines(t.Context(), "/v1/groups/news/events?join=me") {
		s.is(err, CodeForbidden, "join=")
	}
	if did := strings.Join(s.group.calls, " "); did != "groups groups" {
		t.Fatalf("the group was asked to %s", did)
	}
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/v1/evict/h2?keep-keys=1", ""},
		{"POST", "/v1/keys", `{"op":"use","id":"1a1b1c1d"}`},
		{"PUT", "/v1/bits", `{"started":true}`},
	} {
		_, err := operator.Do(t.Context(), c.method, c.path, []byte(c.body))
		s.is(err, "", "")
	}
	if len(s.group.calls) != 2+3 {
		t.Errorf("the group was asked to %v", s.group.calls)
	}
}

// Removing a key takes back what was issued under it: at once, for those who are
// connected, too. One that is only not in use any more stays good.
func TestARemovedKeyTakesItsCertificatesBack(t *testing.T) {
	s := serveSealed(t, nil)
	ann := s.client(adminca.Operate, "ann")
	s.group.happen(trace.Start{HostName: "h1"})
	both, err := s.ring.Install(keyN(2), 0)
	s.group.rotate(both, err)
	using, err := both.Use(keyN(2).ID())
	s.group.rotate(using, err)
	ann.Close() // not on the connection of before
	if _, err := ann.Do(t.Context(), "PUT", "/v1/attrs", []byte("{}")); err != nil {
		t.Fatalf("after another key is in use: %v", err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lines := 0
	var ended error
	for _, err := range ann.Lines(ctx, "/v1/events?follow=1") {
		if ended = err; err == nil {
			lines++
			s.group.rotate(using.Remove(keyN(1).ID()))
		}
	}
	if lines != 1 || ctx.Err() != nil || ended == nil {
		t.Errorf("%d lines, then %v", lines, ended)
	}
	_, err = ann.Do(t.Context(), "GET", "/v1/view", nil)
	if !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), "the key "+keyN(1).ID().String()+" was removed there, or it is another group's") ||
		!strings.Contains(err.Error(), `it calls itself "h1" of group "g"`) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	s.ring = using
	_, err = s.client(adminca.Read, "ann2").Do(t.Context(), "GET", "/v1/view", nil)
	s.is(err, "", "")
}

// The end of a certificate ends what is under way, and lets nobody in again.
func TestACertificateExpires(t *testing.T) {
	var mu sync.Mutex
	ahead := time.Duration(0)
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(ahead) }
	s := serveSealed(t, func(server *Server) { server.now = now })
	ann := s.client(adminca.Read, "ann")
	_, err := ann.Do(t.Context(), "GET", "/v1/view", nil)
	s.is(err, "", "")
	mu.Lock()
	ahead = 91 * 24 * time.Hour
	mu.Unlock()
	_, err = ann.Do(t.Context(), "GET", "/v1/view", nil)
	s.is(err, CodeForbidden, "the certificate has expired")
	ann.Close()
	_, err = ann.Do(t.Context(), "GET", "/v1/view", nil)
	if !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), "by the clock of") {
		t.Errorf("got %v", err)
	}
	old := NewClientWith(s.url(), s.file(s.ring, adminca.Read, "old", time.Now().AddDate(0, 0, -91)))
	if _, err := old.Do(t.Context(), "GET", "/v1/view", nil); !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), "has expired on") {
		t.Errorf("got %v", err)
	}
}

func TestAStreamEndsWithItsCertificate(t *testing.T) {
	s := serveSealed(t, func(server *Server) {
		server.now = func() time.Time { return time.Now().AddDate(0, 0, 90).Add(-time.Second) }
	})
	s.group.happen(trace.Start{HostName: "h1"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range s.client(adminca.Read, "ann").Lines(ctx, "/v1/events?follow=1") {
	}
	if ctx.Err() != nil {
		t.Error("it goes on")
	}
}

func TestWhoGetsNoAnswer(t *testing.T) {
	s := serveSealed(t, nil)
	addr := s.server.TLSAddr().String()
	for _, c := range []struct {
		name   string
		client *Client
		is     error
		says   string
	}{
		{"no file", NewClientWith(s.url(), ""), ErrCertificate, "--admin-cert"},
		{"no such file", NewClientWith(s.url(), filepath.Join(s.dir, "none")), ErrCertificate, "gmsd keys client"},
		{"no port", NewClientWith("https://h1", filepath.Join(s.dir, "none")), ErrUnreachable, "want https://host:port"},
		{"another group", NewClientWith(s.url(), s.file(keys.NewRing(keyN(9), 0), adminca.Read, "eve", time.Now())), ErrCertificate, "it is another group's"},
		{"the plain port", NewClientWith(SchemeTLS+s.server.TCPAddr().String(), s.file(s.ring, adminca.Read, "ann", time.Now())), ErrCertificate, "https:// is for the port of admin-tls"},
		{"nobody there", NewClientWith("https://127.0.0.1:1", s.file(s.ring, adminca.Read, "bob", time.Now())), ErrUnreachable, "is gmsd running?"},
	} {
		_, err := c.client.Do(t.Context(), "GET", "/v1/view", nil)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
		c.client.Close()
	}
	_, err := NewClient(addr).Do(t.Context(), "GET", "/v1/view", nil)
	s.is(err, CodeBadRequest, "https://")
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %v", err)
	}
	s.server.Close(t.Context()) // it ends when all handshakes have
	refused := strings.Join(s.log.audit(), "\n")
	if !strings.Contains(refused, "refused=certificate") || !strings.Contains(refused, `didn't provide a certificate`) {
		t.Errorf("the audit says\n%s", refused)
	}
}

// Whoever connects and says nothing holds nobody else up, though there is no patience
// with which they could be waited for.
func TestIdleHandshakesHoldNobodyUp(t *testing.T) {
	s := serveSealed(t, nil)
	l := s.server.tls.(*tlsListener)
	l.mu.Lock()
	l.patience = time.Hour
	l.mu.Unlock()
	for i := range 500 {
		conn, err := net.Dial("tcp", s.server.TLSAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			_, _ = conn.Write([]byte{22, 3, 1, 2, 0, 1}) // a ClientHello that never goes on
		}
	}
	for name, c := range map[string]*Client{"socket": s.socket, "tcp": s.tcp, "tls": s.client(adminca.Read, "ann")} {
		if _, err := c.Do(t.Context(), "GET", "/healthz", nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.shaking) > handshakesMax {
		t.Errorf("%d handshakes are under way", len(l.shaking))
	}
}

func TestAnAddressLosesItsOwnPlaces(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for _, c := range []struct {
		from []netip.Addr
		want int
	}{{nil, -1}, {[]netip.Addr{a}, 0}, {[]netip.Addr{a, b, b}, 1}, {[]netip.Addr{a, b, a}, 0}, {[]netip.Addr{b, a, a, b}, 0}} {
		if got := crowded(c.from); got != c.want {
			t.Errorf("%v: %d, want %d", c.from, got, c.want)
		}
	}
}

// Clients beyond the bound are told so, and a place that becomes free is given away.
func TestClientsAreCapped(t *testing.T) {
	s := serveSealed(t, nil)
	s.group.happen(trace.Start{HostName: "h1"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var streams sync.WaitGroup
	defer streams.Wait()
	defer cancel()
	ann := s.client(adminca.Read, "ann")
	begun := make(chan struct{})
	for range tlsConnsMax {
		streams.Go(func() {
			for _, err := range ann.Lines(ctx, "/v1/events?follow=1") {
				if err == nil {
					begun <- struct{}{}
				}
			}
		})
		<-begun
	}
	_, err := ann.Do(t.Context(), "GET", "/v1/view", nil)
	s.is(err, CodeFull, "too many clients")
	l := s.server.tls.(*tlsListener)
	var one *openConn
	l.mu.Lock()
	for one = range l.open {
		break
	}
	l.mu.Unlock()
	_ = one.Close()
	_, err = ann.Do(t.Context(), "GET", "/v1/view", nil)
	s.is(err, "", "")
}

// Close ends handshakes that are under way, and is not held up by them.
func TestCloseEndsHandshakes(t *testing.T) {
	s := serveSealed(t, nil)
	conn, err := net.Dial("tcp", s.server.TLSAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.server.Close(t.Context())
	if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %v", err)
	}
}

func TestTLSPortInUse(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	bindError(t, Config{TLS: other.Addr().String()}, "admin-tls", "choose another with --admin-tls")
	first, err := Listen(Config{TLS: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	addr := first.TLSAddr().String()
	first.Close(t.Context())
	bindError(t, Config{TLS: addr, Socket: "/nowhere/a.sock"}, "admin-socket", "directory")
	bindError(t, Config{TLS: addr, TCP: addr}, "admin-tls", "another process has this port")
}

// A request that comes between the removal of a key and the end of its connection is
// refused by itself.
func TestEachRequestIsJudgedByTheRing(t *testing.T) {
	s := serveSealed(t, nil)
	shown, err := tls.LoadX509KeyPair(s.file(s.ring, adminca.Operate, "ann", time.Now()), filepath.Join(s.dir, "ann.pem"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(shown.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/v1/leave", nil)
	r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{shown.Leaf, ca}}}
	if c, refusal := s.server.enterTLS(r); refusal != nil || c.role != adminca.Operate {
		t.Errorf("%+v, %v", c, refusal)
	}
	s.group.rotate(keys.NewRing(keyN(2), 0), nil)
	if _, refusal := s.server.enterTLS(r); refusal == nil || !strings.Contains(refusal.Message, "was removed") {
		t.Errorf("after the removal: %v", refusal)
	}
	r.TLS = &tls.ConnectionState{PeerCertificates: r.TLS.VerifiedChains[0]}
	if _, refusal := s.server.enterTLS(r); refusal == nil || refusal.Code != CodeForbidden {
		t.Errorf("one that was not verified: %v", refusal)
	}
}
