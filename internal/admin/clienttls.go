package admin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/adminca"
)

// SchemeTLS begins the address of a listener that wants a certificate (admin-tls).
const SchemeTLS = "https://"

// ErrCertificate: host and client do not believe each other's certificates, or there is
// none. The error says which, and what to do.
var ErrCertificate = errors.New("certificate")

// credentials are what a client shows, and whom it believes.
type credentials struct {
	*adminca.Identity
	file string
}

// loadCredentials reads the file and judges what needs no connection.
func loadCredentials(target, file string, now time.Time) (*credentials, error) {
	if file == "" {
		return nil, fmt.Errorf("%w: %s wants one: name its file with --admin-cert or GMSD_ADMIN_CERT; gmsd keys client makes it", ErrCertificate, target)
	}
	if _, _, err := net.SplitHostPort(strings.TrimPrefix(target, SchemeTLS)); err != nil {
		return nil, fmt.Errorf("%w at %q: want https://host:port", ErrUnreachable, target)
	}
	id, err := adminca.Load(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	if now.After(id.Until) {
		return nil, fmt.Errorf("%w: %s has expired on %s: make a new one with gmsd keys client", ErrCertificate, file, id.Until.Format(time.DateOnly))
	}
	return &credentials{id, file}, nil
}

// explain turns what TLS says into what it means here, or gives nil where it is not
// about certificates.
func (c *credentials) explain(target string, err error) error {
	var unverified *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	text := err.Error()
	switch {
	case errors.As(err, &unverified):
		return fmt.Errorf("%w: %s does not show one that %s can check%s: the key %s was removed there, or it is another group's; make a new one with gmsd keys client",
			ErrCertificate, target, c.file, claims(unverified), c.Key)
	case errors.As(err, &header), strings.Contains(text, "server gave HTTP response"):
		return fmt.Errorf("%w: %s does not speak TLS: https:// is for the port of admin-tls", ErrCertificate, target)
	case strings.Contains(text, "tls: unknown certificate authority"):
		return fmt.Errorf("%w: %s does not take %s: the key %s was removed there, or it is another group's; make a new one with gmsd keys client",
			ErrCertificate, target, c.file, c.Key)
	case strings.Contains(text, "tls: expired certificate"):
		return fmt.Errorf("%w: by the clock of %s, %s is not valid now, and by ours until %s: set the clocks right, or make a new one with gmsd keys client",
			ErrCertificate, target, c.file, c.Until.Format(time.DateOnly))
	case strings.Contains(text, "tls: bad certificate"):
		return fmt.Errorf("%w: %s does not take %s: make a new one with gmsd keys client", ErrCertificate, target, c.file)
	}
	return nil
}

// claims is what an unknown host calls itself.
func claims(e *tls.CertificateVerificationError) string {
	if len(e.UnverifiedCertificates) == 0 {
		return ""
	}
	cert := e.UnverifiedCertificates[0]
	return fmt.Sprintf(" (it calls itself %q of group %q, under %q)", cert.Subject.CommonName, strings.Join(cert.Subject.Organization, ","), cert.Issuer.CommonName)
}
