package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"

	"github.com/gmsd/gmsd/internal/keys"
)

// keyBytes selects AES-128.
const keyBytes = 16

// root is a key of the ring, made ready to derive sessions of one group.
type root struct {
	id  keys.ID
	prk []byte
}

const rootContext = "gmsd frame 1\x00"

func newRoot(k keys.Key, group uint64) root {
	salt := binary.BigEndian.AppendUint64([]byte(rootContext), group)
	prk, err := hkdf.Extract(sha256.New, k.Secret(), salt)
	if err != nil {
		panic("seal: " + err.Error()) // never: SHA-256 is always allowed, and the key is long enough
	}
	return root{k.ID(), prk}
}

// session derives what seals the frames of a speaker.
func (r *root) session(s Speaker) cipher.AEAD {
	info := append(make([]byte, 0, 28), s.Host[:]...)
	info = binary.BigEndian.AppendUint32(info, uint32(s.Incarnation))
	info = binary.BigEndian.AppendUint64(info, s.Nonce)
	key, err := hkdf.Expand(sha256.New, r.prk, string(info), keyBytes)
	if err == nil {
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			var aead cipher.AEAD
			if aead, err = cipher.NewGCM(block); err == nil {
				return aead
			}
		}
	}
	panic("seal: " + err.Error()) // never: the lengths are constant
}

// session is one speaker's frames as they come here.
type session struct {
	who     Speaker
	opened  []opener
	windows [rows]window
	// used is when a frame of it has opened last, in the count of all that opened.
	used uint64
}

// opener opens what a speaker sealed under one key of the ring.
type opener struct {
	id   keys.ID
	aead cipher.AEAD
}

func (s *session) opener(id keys.ID) cipher.AEAD {
	for i := range s.opened {
		if s.opened[i].id == id {
			return s.opened[i].aead
		}
	}
	return nil
}
