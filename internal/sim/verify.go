package sim

import (
	"crypto/ed25519"
	"crypto/sha256"
)

// verifier remembers what checking a signature gave: all hosts of a world check the same
// ones, and that is most of what a sealed world costs.
type verifier struct {
	known map[[sha256.Size]byte]bool
	text  []byte
}

// rememberedMax bounds what is remembered: a signature is checked within moments by all.
const rememberedMax = 4096

// verify is [ed25519.Verify].
func (v *verifier) verify(public ed25519.PublicKey, text, signature []byte) bool {
	if len(public) != ed25519.PublicKeySize || len(signature) != ed25519.SignatureSize {
		return false // so that no two cases are the same text
	}
	v.text = append(append(append(v.text[:0], public...), signature...), text...)
	what := sha256.Sum256(v.text)
	holds, known := v.known[what]
	if !known {
		if len(v.known) >= rememberedMax {
			clear(v.known)
		}
		holds = ed25519.Verify(public, text, signature)
		v.known[what] = holds
	}
	return holds
}
