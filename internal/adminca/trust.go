package adminca

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/keys"
)

// ServerName is what a host is called in its certificate, whichever host it is. A client
// asks for it with the name of its key in front ("3f9a12cd.gmsd-admin").
const ServerName = "gmsd-admin"

func serverName(id keys.ID) string { return id.String() + "." + ServerName }

// Host is who a server's certificate names, for people.
type Host struct{ Name, ID, Group string }

// Trust is what a host shows to clients of its admin interface and which of theirs it
// believes, as of one state of the ring. It is immutable and safe for concurrent use.
type Trust struct {
	pool   *x509.CertPool
	leaves map[keys.ID]*tls.Certificate
	using  keys.ID
	stale  <-chan struct{}
}

// NewTrust makes the certificates of a host under each live key of the ring, which must
// hold one. Stale is closed when the ring is no longer what it was.
func NewTrust(ring keys.Ring, host Host, stale <-chan struct{}) (*Trust, error) {
	if ring.IsZero() {
		return nil, errors.New("adminca: no key, no certificates")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &Trust{pool: x509.NewCertPool(), leaves: map[keys.ID]*tls.Certificate{}, using: ring.Using().ID(), stale: stale}
	for _, e := range ring.Keys() {
		a, err := newAuthority(e.Key)
		if err != nil {
			return nil, err
		}
		raw, err := a.issue(hostTemplate(host, e.Key.ID()), public)
		if err != nil {
			return nil, err
		}
		t.pool.AddCert(a.cert)
		t.leaves[e.Key.ID()] = &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: private}
	}
	return t, nil
}

func hostTemplate(h Host, id keys.ID) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{CommonName: h.Name, SerialNumber: h.ID, Organization: []string{h.Group}},
		DNSNames:    []string{ServerName, serverName(id)},
		NotBefore:   firstDay,
		NotAfter:    lastDay,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// Stale is closed when there is a newer Trust.
func (t *Trust) Stale() <-chan struct{} { return t.stale }

// Lives reports whether what was issued under that key is still believed.
func (t *Trust) Lives(id keys.ID) bool { return t.leaves[id] != nil }

// ServerConfig is how a host speaks TLS. Now is the clock by which clients' certificates
// expire.
func (t *Trust) ServerConfig(now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              t.pool,
		GetCertificate:         t.leafFor,
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true, // each connection is judged by the ring as it is then
		Time:                   now,
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := CallerOf(&state)
			return err
		},
	}
}

// leafFor gives the certificate under the key that the client names, else under the
// one in use.
func (t *Trust) leafFor(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if word, ok := strings.CutSuffix(hello.ServerName, "."+ServerName); ok {
		if id, err := keys.ParseID(word); err == nil && t.Lives(id) {
			return t.leaves[id], nil
		}
	}
	return t.leaves[t.using], nil
}

// Caller is a client as its certificate names it.
type Caller struct {
	Name string
	Role Role
	// Serial is the certificate's, in hexadecimal digits, Key the one of the ring under
	// which it was issued, Until its end.
	Serial string
	Key    keys.ID
	Until  time.Time
}

// CallerOf reads the client's certificate of a connection that was verified under a
// ServerConfig.
func CallerOf(state *tls.ConnectionState) (Caller, error) {
	if len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) != 2 {
		return Caller{}, errors.New("no certificate that was issued under a key of the ring")
	}
	return callerOf(state.VerifiedChains[0][0], state.VerifiedChains[0][1])
}

func callerOf(cert, ca *x509.Certificate) (Caller, error) {
	role, err := roleOf(cert)
	if err != nil {
		return Caller{}, err
	}
	return Caller{
		Name: cert.Subject.CommonName, Role: role, Serial: cert.SerialNumber.Text(16), Key: keyOf(ca), Until: cert.NotAfter,
	}, nil
}
