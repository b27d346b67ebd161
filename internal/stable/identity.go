package stable

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
)

const (
	identityName  = "identity"
	identityBytes = 4 << 10 // a PKCS#8 Ed25519 key in PEM takes 119
	pemType       = "PRIVATE KEY"
)

// newKey draws a key from random. The seed is read here and not left to
// GenerateKey, so that the simulator's source decides every bit of it.
func newKey(random io.Reader) (ed25519.PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func marshalKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

func parseKey(data []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("no PEM block")
	case block.Type != pemType:
		return nil, errors.New("PEM block of type " + block.Type + ", want " + pemType)
	case len(rest) != 0:
		return nil, errors.New("something behind the PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("no PKCS#8 key: " + err.Error())
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("a key of another kind than Ed25519")
	}
	return key, nil
}
