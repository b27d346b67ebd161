package adminca

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

const (
	// fileMax bounds a client's file: a key and two certificates are about 1.5 KiB.
	fileMax = 16 << 10
	// NameMax bounds a client's name, in bytes.
	NameMax = 64
	// DaysMax bounds for how long a certificate is good.
	DaysMax = 3650
	// clockSlack is by how much the clock of a host may be behind that of who issues.
	clockSlack = 10 * time.Minute
)

// Order is what to issue.
type Order struct {
	Role Role
	// Name is who is to have it, for the audit: 1 to NameMax bytes without spaces.
	Name string
	// Days is for how long, 1 to DaysMax.
	Days int
}

// Check says what is wrong with an order, if anything.
func (o *Order) Check() error {
	switch {
	case o.Role != Read && o.Role != Operate:
		return ErrRole
	case len(o.Name) < 1 || len(o.Name) > NameMax || !views.IsWord(o.Name):
		return fmt.Errorf("name %q: want 1 to %d bytes without spaces or control characters", o.Name, NameMax)
	case o.Days < 1 || o.Days > DaysMax:
		return fmt.Errorf("%d days: want 1 to %d", o.Days, DaysMax)
	}
	return nil
}

// Issue makes a client's file under the key in use: its secret, its certificate, and that
// of the authority, in PEM. It is a secret.
func Issue(ring keys.Ring, o Order, now time.Time) ([]byte, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	a, err := newAuthority(ring.Using())
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	raw, err := a.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: o.Name},
		URIs:        []*url.URL{o.Role.uri()},
		NotBefore:   now.Add(-clockSlack),
		NotAfter:    now.AddDate(0, 0, o.Days),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, block := range []pem.Block{{Type: "PRIVATE KEY", Bytes: secret}, {Type: "CERTIFICATE", Bytes: raw}, {Type: "CERTIFICATE", Bytes: a.cert.Raw}} {
		_ = pem.Encode(&out, &block) // a Buffer takes everything
	}
	return out.Bytes(), nil
}

// Identity is who a client is, and which hosts it believes.
type Identity struct {
	Caller
	shown tls.Certificate
	pool  *x509.CertPool
}

// Load reads a client's file. Errors are [*keyfile.Error].
func Load(path string) (*Identity, error) {
	text, err := keyfile.Certificate.Read(path, fileMax)
	if err != nil {
		return nil, err
	}
	i, err := ParseIdentity(text)
	if err != nil {
		return nil, &keyfile.Error{Kind: keyfile.Certificate, Path: path, What: err.Error(), Cure: "make it again: gmsd keys client", Err: err}
	}
	return i, nil
}

// ParseIdentity reads what [Issue] gives. It does not judge whether it has expired.
func ParseIdentity(text []byte) (*Identity, error) {
	if len(text) > fileMax {
		return nil, fmt.Errorf("longer than %d bytes", fileMax)
	}
	shown, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "tls: "))
	}
	if len(shown.Certificate) != 2 {
		return nil, fmt.Errorf("%d certificates: want that of the client and that of its authority", len(shown.Certificate))
	}
	ca, err := x509.ParseCertificate(shown.Certificate[1])
	if err != nil {
		return nil, err
	}
	shown.Certificate = shown.Certificate[:1] // hosts have the other one
	i := &Identity{shown: shown, pool: x509.NewCertPool()}
	i.pool.AddCert(ca)
	if _, err := shown.Leaf.Verify(x509.VerifyOptions{
		Roots: i.pool, CurrentTime: shown.Leaf.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return nil, errors.New("its parts do not belong together: " + strings.TrimPrefix(err.Error(), "x509: "))
	}
	i.Caller, err = callerOf(shown.Leaf, ca)
	return i, err
}

// Config is how the client speaks TLS. Now is the clock by which it judges a host's
// certificate.
func (i *Identity) Config(now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: serverName(i.Key),
		RootCAs:    i.pool,
		NextProtos: []string{"http/1.1"},
		Time:       now,
		// Whichever authorities the host names: else it would hear of no certificate
		// where it should hear of one that is not valid any more.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &i.shown, nil },
	}
}
