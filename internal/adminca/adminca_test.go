package adminca

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
)

func keyN(n byte) keys.Key { return keys.KeyOf([keys.Size]byte{n}) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	old   = keys.NewRing(keyN(1), 0)
	both  = must(old.Install(keyN(2), 0))
	using = must(both.Use(keyN(2).ID()))
	gone  = must(using.Remove(keyN(1).ID()))
	other = keys.NewRing(keyN(9), 0)
)

func identity(t *testing.T, ring keys.Ring, role Role) *Identity {
	t.Helper()
	text, err := Issue(ring, Order{Role: role, Name: "ann", Days: 90}, today)
	if err != nil {
		t.Fatal(err)
	}
	i, err := ParseIdentity(text)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func trustOf(t *testing.T, ring keys.Ring) *Trust {
	t.Helper()
	trust, err := NewTrust(ring, Host{Name: "h1", ID: "00112233", Group: "g"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// meet leads a client and a server through a handshake and gives what each came to;
// the client's is known once it has read the server's first byte.
func meet(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, here, there error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error)
	go func() {
		raw, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			done <- err
			return
		}
		conn := tls.Client(raw, client)
		defer conn.Close()
		if err = conn.Handshake(); err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		done <- err
	}()
	raw, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn := tls.Server(raw, server)
	if here = conn.Handshake(); here == nil {
		_, here = conn.Write([]byte{1})
	}
	return conn.ConnectionState(), here, <-done
}

// An authority is made of its key alone, wherever and whenever: a client of an old
// version believes a host of a new one.
func TestTheAuthorityOfAKeyIsAlwaysTheSame(t *testing.T) {
	a, b := must(newAuthority(keyN(1))), must(newAuthority(keyN(1)))
	if !bytes.Equal(a.cert.Raw, b.cert.Raw) {
		t.Error("made twice, it differs")
	}
	if bytes.Equal(a.key, must(newAuthority(keyN(2))).key) {
		t.Error("two keys have one authority")
	}
	const want = "06ace37361aff05f"
	if got := hex.EncodeToString(a.key.Public().(ed25519.PublicKey)); !strings.HasPrefix(got, want) {
		t.Errorf("the authority of the first key has changed: %s", got)
	}
	if keyOf(a.cert) != keyN(1).ID() {
		t.Errorf("it names the key %v", keyOf(a.cert))
	}
}

func TestWhoMeetsWhom(t *testing.T) {
	for _, c := range []struct {
		name           string
		issued, served keys.Ring
		now            time.Time
		here, there    string // empty: it is content
	}{
		{"one key", old, old, today, "", ""},
		{"a key was installed", old, both, today, "", ""},
		{"another key is in use", old, using, today, "", ""},
		{"the host does not know yet that it is", using, both, today, "", ""},
		{"the key was removed", old, gone, today, "bad certificate", "is valid for"},
		{"another group", other, old, today, "bad certificate", "is valid for"},
		{"the last day", old, old, today.AddDate(0, 0, 90), "", ""},
		{"expired", old, old, today.AddDate(0, 0, 90).Add(time.Second), "expired", "expired certificate"},
		{"not yet valid", old, old, today.Add(-clockSlack - time.Second), "not yet valid", "expired certificate"},
	} {
		state, here, there := meet(t, trustOf(t, c.served).ServerConfig(at(c.now)), identity(t, c.issued, Operate).Config(at(today)))
		for side, was := range map[string]struct {
			err  error
			want string
		}{"host": {here, c.here}, "client": {there, c.there}} {
			if (was.err == nil) != (was.want == "") || was.err != nil && !strings.Contains(was.err.Error(), was.want) {
				t.Errorf("%s: the %s says %v, want %q", c.name, side, was.err, was.want)
			}
		}
		if c.here != "" {
			continue
		}
		who, err := CallerOf(&state)
		if err != nil || who.Name != "ann" || who.Role != Operate || who.Key != c.issued.Using().ID() || !who.Until.Equal(today.AddDate(0, 0, 90)) {
			t.Errorf("%s: it is %+v, %v", c.name, who, err)
		}
		if state.Version != tls.VersionTLS13 || state.DidResume {
			t.Errorf("%s: version %x, resumed %v", c.name, state.Version, state.DidResume)
		}
	}
}

// A client that does not look at what the host shows gets no further.
func TestTheHostJudgesForItself(t *testing.T) {
	blind := func(c *tls.Config) *tls.Config { c.InsecureSkipVerify = true; return c }
	config := func(ring keys.Ring) *tls.Config { return trustOf(t, ring).ServerConfig(at(today)) }
	ask := func(name string, server, client *tls.Config, want string) {
		t.Helper()
		if _, here, _ := meet(t, server, blind(client)); here == nil || !strings.Contains(here.Error(), want) {
			t.Errorf("%s: %v, want %q", name, here, want)
		}
	}
	ask("removed", config(gone), identity(t, old, Operate).Config(at(today)), "unknown authority")
	ask("another group", config(old), identity(t, other, Operate).Config(at(today)), "unknown authority")
	ask("no certificate", config(old), &tls.Config{ServerName: ServerName}, "didn't provide a certificate")
	older := identity(t, old, Operate).Config(at(today))
	older.MinVersion, older.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	ask("TLS 1.2", config(old), older, "unsupported versions")
	ask("a host's certificate", config(old), &tls.Config{Certificates: []tls.Certificate{*trustOf(t, old).leaves[keyN(1).ID()]}}, "incompatible key usage")
	for name, uris := range map[string][]*url.URL{
		"no role":       nil,
		"two roles":     {Read.uri(), Operate.uri()},
		"a made-up one": {{Scheme: "gmsd", Opaque: "role:god"}},
		"the role none": {None.uri()},
		"another name":  {{Scheme: "https", Host: "operate"}},
	} {
		ask(name, config(old), &tls.Config{Certificates: []tls.Certificate{signed(t, uris)}}, "role")
	}
}

// signed is a client's certificate with those names.
func signed(t *testing.T, uris []*url.URL) tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := must(newAuthority(keyN(1))).issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "x"}, URIs: uris, NotBefore: today, NotAfter: today.AddDate(1, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: private}
}

// A client with a certificate is no host: it cannot pass for one to other clients.
func TestAClientIsNoHost(t *testing.T) {
	thief := identity(t, old, Operate)
	_, _, there := meet(t, &tls.Config{Certificates: []tls.Certificate{thief.shown}}, identity(t, old, Read).Config(at(today)))
	var bad *tls.CertificateVerificationError
	if !errors.As(there, &bad) {
		t.Errorf("the client takes it: %v", there)
	}
}

func TestAHostNamesItself(t *testing.T) {
	trust := trustOf(t, both)
	for _, name := range []string{"", ServerName, "ffffffff." + ServerName, "x." + ServerName, serverName(keyN(1).ID())} {
		leaf, err := trust.leafFor(&tls.ClientHelloInfo{ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(leaf.Certificate[0])
		if err != nil || cert.Subject.CommonName != "h1" || cert.Subject.SerialNumber != "00112233" || cert.Subject.Organization[0] != "g" || cert.VerifyHostname(ServerName) != nil {
			t.Errorf("%q: %v, %v", name, cert.Subject, err)
		}
	}
	if _, err := NewTrust(keys.Ring{}, Host{}, nil); err == nil {
		t.Error("without a key there is trust")
	}
}

func TestBadOrders(t *testing.T) {
	good := Order{Role: Read, Name: "ann@h1", Days: 1}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, o := range map[string]Order{
		"no role":               {Name: "ann", Days: 1},
		`name ""`:               {Role: Read, Days: 1},
		`name "a b"`:            {Role: Read, Name: "a b", Days: 1},
		`name "a\nb"`:           {Role: Read, Name: "a\nb", Days: 1},
		"0 days":                {Role: Read, Name: "ann"},
		"4000 days":             {Role: Read, Name: "ann", Days: 4000},
		"without spaces":        {Role: Read, Name: strings.Repeat("x", NameMax+1), Days: 1},
		"or control characters": {Role: Read, Name: "\xff", Days: 1},
	} {
		if _, err := Issue(old, o, today); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestTheFileOfAClient(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ann.pem")
	text := must(Issue(old, Order{Role: Read, Name: "ann", Days: 1}, today))
	if err := keyfile.Certificate.Create(path, text); err != nil {
		t.Fatal(err)
	}
	i, err := Load(path)
	if err != nil || i.Name != "ann" || i.Role != Read || i.Key != keyN(1).ID() {
		t.Fatalf("%+v, %v", i, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	var bad *keyfile.Error
	if _, err := Load(path); !errors.As(err, &bad) || !strings.Contains(err.Error(), "certificate file "+path+": mode 0644") {
		t.Errorf("one that others can read: %v", err)
	}
	if _, err := Load(path + "x"); !errors.As(err, &bad) || !strings.Contains(err.Error(), "gmsd keys client") {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	text := string(must(Issue(old, Order{Role: Read, Name: "ann", Days: 1}, today)))
	foreign := string(must(Issue(other, Order{Role: Read, Name: "ann", Days: 1}, today)))
	parts := strings.SplitAfter(text, "-----\n") // begin, end, begin, end, ...
	block := func(of string, n int) string { return strings.Join(strings.SplitAfter(of, "-----\n")[2*n:2*n+2], "") }
	if len(parts) != 7 {
		t.Fatalf("%d parts", len(parts))
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "find any"},
		"no authority":      {block(text, 0) + block(text, 1), "1 certificates"},
		"one too many":      {text + block(text, 2), "3 certificates"},
		"another authority": {block(text, 0) + block(text, 1) + block(foreign, 2), "do not belong together"},
		"another secret":    {block(foreign, 0) + block(text, 1) + block(text, 2), "does not match"},
		"the other way":     {block(text, 0) + block(text, 2) + block(text, 1), "does not match"},
		"too long":          {text + strings.Repeat("#", fileMax), "longer than"},
		"a key ring":        {string(old.Text()), "find any"},
	} {
		if _, err := ParseIdentity([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
