package adminca

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Role is what a client may do. The zero Role may nothing.
type Role uint8

// The roles; each may what those before it may.
const (
	None    Role = iota
	Read         // look
	Operate      // look and change
)

var roleNames = [...]string{None: "none", Read: "read", Operate: "operate"}

// String gives the word for it.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// ErrRole: a word or a certificate names none of the roles.
var ErrRole = errors.New("no role: read or operate")

// ParseRole reads what String gives, but for none.
func ParseRole(word string) (Role, error) {
	for r := Read; int(r) < len(roleNames); r++ {
		if roleNames[r] == word {
			return r, nil
		}
	}
	return None, fmt.Errorf("%q is %w", word, ErrRole)
}

// rolePrefix begins the name under which a role stands in a certificate: a URI beside
// the subject's other names, which nothing but us understands.
const rolePrefix = "gmsd:role:"

func (r Role) uri() *url.URL {
	return &url.URL{Scheme: "gmsd", Opaque: "role:" + r.String()}
}

// roleOf reads the role of a certificate, which must name one.
func roleOf(cert *x509.Certificate) (Role, error) {
	if len(cert.URIs) != 1 {
		return None, fmt.Errorf("certificate with %d names: %w", len(cert.URIs), ErrRole)
	}
	word, ok := strings.CutPrefix(cert.URIs[0].String(), rolePrefix)
	if !ok {
		return None, fmt.Errorf("certificate: %w", ErrRole)
	}
	return ParseRole(word)
}
