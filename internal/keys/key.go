package keys

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Size is the number of secret bytes of a key.
const Size = 32

// ID names a key: the first four bytes of a hash of it. It is no secret.
type ID uint32

// String gives eight hexadecimal digits.
func (id ID) String() string {
	return hex.EncodeToString(binary.BigEndian.AppendUint32(nil, uint32(id)))
}

// ParseID reads what String gives.
func ParseID(s string) (ID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 4 {
		return 0, fmt.Errorf("key id %q: want eight hexadecimal digits", s)
	}
	return ID(binary.BigEndian.Uint32(b)), nil
}

// Key is a secret that a group shares. The zero Key is none. Printed in whatever
// way, it shows its name.
type Key struct {
	secret [Size]byte
	id     ID
}

// idContext keeps the name of a key apart from whatever else is made of it.
const idContext = "gmsd key id 1\x00"

// NewKey draws a key from random, which must be a source fit for secrets.
func NewKey(random io.Reader) (Key, error) {
	var secret [Size]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return Key{}, fmt.Errorf("draw a key: %w", err)
	}
	return KeyOf(secret), nil
}

// KeyOf is the key with that secret.
func KeyOf(secret [Size]byte) Key {
	sum := sha256.Sum256(append([]byte(idContext), secret[:]...))
	return Key{secret: secret, id: ID(binary.BigEndian.Uint32(sum[:]))}
}

// ID is the key's name; 0 of the zero Key.
func (k Key) ID() ID { return k.id }

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k == Key{} }

// Secret gives the bytes from which sessions are derived. They go nowhere else.
func (k Key) Secret() []byte { return append([]byte(nil), k.secret[:]...) }

// Format prints the name, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "key "+k.id.String()) }

// MarshalJSON refuses: a key has no place in what is printed.
func (Key) MarshalJSON() ([]byte, error) {
	return nil, errors.New("keys: a key is not written as JSON")
}
