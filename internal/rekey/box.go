package rekey

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

var errBox = errors.New("rekey: the box does not open")

// newSecret draws an X25519 key. Its bytes are read here and not left to
// GenerateKey, which has a source of its own.
func newSecret(random io.Reader) (*ecdh.PrivateKey, error) {
	var b [32]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("rekey: draw a key: %w", err)
	}
	return ecdh.X25519().NewPrivateKey(b[:])
}

func publicOf(secret *ecdh.PrivateKey) (public [32]byte) {
	copy(public[:], secret.PublicKey().Bytes())
	return public
}

// box gives what seals the one box between two keys: asked is the asker's.
func boxOf(mine *ecdh.PrivateKey, theirs, asked, granted [32]byte, asker, granter views.HostID) (cipher.AEAD, error) {
	public, err := ecdh.X25519().NewPublicKey(theirs[:])
	if err != nil {
		return nil, err
	}
	shared, err := mine.ECDH(public)
	if err != nil {
		return nil, err // a point of low order
	}
	info := string(asked[:]) + string(granted[:]) + string(asker[:]) + string(granter[:])
	key, err := hkdf.Key(sha256.New, shared, []byte("gmsd ring box 1\x00"), info, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// onlyNonce is fit because a key of a box seals once.
func onlyNonce(a cipher.AEAD) []byte { return make([]byte, a.NonceSize()) }

func putRing(a cipher.AEAD, r keys.Ring) []byte {
	return a.Seal(nil, onlyNonce(a), r.AppendTo(nil), nil)
}

func takeRing(a cipher.AEAD, box []byte) (keys.Ring, error) {
	text, err := a.Open(nil, onlyNonce(a), box, nil)
	if err != nil {
		return keys.Ring{}, errBox
	}
	return keys.ParseRing(text)
}
