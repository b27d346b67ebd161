package adminca

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/gmsd/gmsd/internal/keys"
)

// derivation keeps an authority apart from whatever else is made of a key.
const derivation = "gmsd admin ca 1"

// serialBase keeps the serial of an authority above zero; below it stands the key's name.
const serialBase = 1 << 32

// An authority, and what a host shows, is valid for as long as its key is in the ring,
// whatever clocks say: these are the ends of what a certificate can say.
var (
	firstDay = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	lastDay  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// authority signs certificates in the name of a key.
type authority struct {
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

// newAuthority derives the authority of a key; of one key it is always the same.
func newAuthority(k keys.Key) (*authority, error) {
	seed, err := hkdf.Key(sha256.New, k.Secret(), nil, derivation, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive the authority of %v: %w", k, err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	public := key.Public().(ed25519.PublicKey)
	name := sha256.Sum256(public)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serialBase | int64(k.ID())),
		Subject:               pkix.Name{CommonName: "gmsd admin " + k.ID().String()},
		NotBefore:             firstDay,
		NotAfter:              lastDay,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		SubjectKeyId:          name[:20],
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, public, key) // Ed25519 needs no randomness
	if err != nil {
		return nil, fmt.Errorf("certificate of %v: %w", k, err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("certificate of %v: %w", k, err)
	}
	return &authority{cert, key}, nil
}

// keyOf names the key of an authority's certificate.
func keyOf(ca *x509.Certificate) keys.ID { return keys.ID(ca.SerialNumber.Uint64()) }

// issue signs a certificate for public, with a serial of its own.
func (a *authority) issue(template *x509.Certificate, public ed25519.PublicKey) ([]byte, error) {
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	return x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
}
