package transport

import (
	"crypto/ed25519"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
)

// Credentials are what a transport proves itself with where it greets others, and
// holds them to.
type Credentials struct {
	// Identity is this host's key, whose hash is its host id. Nil: the group has no
	// keys, and nothing is proven.
	Identity ed25519.PrivateKey
	// Keys gives those of the group as they are now; needed with an Identity. Any
	// goroutine may call it.
	Keys func() Keys
	// Refused, if set, is told whom we could not read, or who could not read us
	// (ours), and why. It must not block. Any goroutine may call it.
	Refused func(ours bool, code views.RefuseCode, addr string)
}

// Keys are those of a group at one moment.
type Keys struct {
	Sending  keys.Key
	Accepted []keys.Key
	Ring     keys.Ring
}

// Find gives the accepted key of a name, or why there is none.
func (k *Keys) Find(id keys.ID) (keys.Key, views.RefuseCode) {
	for _, a := range k.Accepted {
		if a.ID() == id {
			return a, views.RefuseNone
		}
	}
	if k.Ring.Removed(id) {
		return keys.Key{}, views.RefuseOldKey
	}
	return keys.Key{}, views.RefuseKey
}
