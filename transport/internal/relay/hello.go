package relay

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/gmsd/gmsd/views"
)

// Number tells one life of a router from others; it is drawn at its start.
type Number [16]byte

// Member is one life of a member of a group, as it registers.
type Member struct {
	Group uint64
	views.Process
	Nonce uint64
	// Addr is where it says that it takes member traffic; to routers a name.
	Addr netip.AddrPort
}

// Life names a life within a group.
type Life struct {
	views.Process
	Nonce uint64
}

// Life is which one of its group it is.
func (m *Member) Life() Life { return Life{m.Process, m.Nonce} }

// Use is who dials.
type Use byte

// Uses.
const (
	UseMember Use = iota + 1
	UseRouter
)

// Sizes of the greeting's parts, in bytes.
const (
	memberSize    = 8 + 16 + 4 + 8 + 6
	HelloSize     = len(magic) + 1 + memberSize + ed25519.PublicKeySize
	ChallengeSize = len(magic) + 1 + 32 + len(Number{})
)

// magic names the protocol; its last byte is the version.
var magic = [8]byte{'g', 'm', 's', 'r', 'o', 'u', 't', 1}

// Hello is what a dialler says first. Of a router only Router counts.
type Hello struct {
	Use    Use
	Member Member
	Key    [ed25519.PublicKeySize]byte
	Router Number
}

// Errors of greetings.
var (
	ErrGarbage = errors.New("relay: not a greeting of a member or a router")
	// ErrVersion: a greeting of another version of this protocol.
	ErrVersion = errors.New("relay: another version of the protocol")
)

// Bytes writes it.
func (h *Hello) Bytes() [HelloSize]byte {
	b := append(make([]byte, 0, HelloSize), magic[:]...)
	b = append(b, byte(h.Use))
	if h.Use == UseRouter {
		b = append(b, h.Router[:]...)
	} else {
		b = append(appendMember(b, &h.Member), h.Key[:]...)
	}
	return [HelloSize]byte(append(b, make([]byte, HelloSize-len(b))...))
}

// ParseHello reads one. It judges form alone: whether the member may say that, Proves
// tells.
func ParseHello(b [HelloSize]byte) (h Hello, err error) {
	if err := checkMagic(b[:]); err != nil {
		return h, err
	}
	h.Use = Use(b[len(magic)])
	rest := b[len(magic)+1:]
	switch h.Use {
	case UseRouter:
		h.Router = Number(rest[:len(h.Router)])
		if h.Router == (Number{}) {
			return h, ErrGarbage
		}
		return h, nil
	case UseMember:
		h.Member, h.Key = readMember(rest), [ed25519.PublicKeySize]byte(rest[memberSize:])
		if m := &h.Member; m.Host.IsZero() || m.Incarnation == 0 || !m.Addr.IsValid() {
			return h, ErrGarbage
		}
		return h, nil
	}
	return h, ErrGarbage
}

func checkMagic(b []byte) error {
	switch n := len(magic) - 1; {
	case !bytes.Equal(b[:n], magic[:n]):
		return ErrGarbage
	case b[n] != magic[n]:
		return ErrVersion
	}
	return nil
}

func appendMember(b []byte, m *Member) []byte {
	b = binary.BigEndian.AppendUint64(b, m.Group)
	b = append(b, m.Host[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(m.Incarnation))
	b = binary.BigEndian.AppendUint64(b, m.Nonce)
	return AppendAddr(b, m.Addr)
}

func readMember(b []byte) Member {
	m := Member{Group: binary.BigEndian.Uint64(b), Nonce: binary.BigEndian.Uint64(b[28:]), Addr: readAddr(b[36:])}
	copy(m.Host[:], b[8:])
	m.Incarnation = views.Incarnation(binary.BigEndian.Uint32(b[24:]))
	return m
}

const addrSize = 6

// AppendAddr writes an IPv4 address with its port; all else as zeros.
func AppendAddr(b []byte, a netip.AddrPort) []byte {
	var at [4]byte
	if a.Addr().Is4() {
		at = a.Addr().As4()
	}
	return binary.BigEndian.AppendUint16(append(b, at[:]...), a.Port())
}

// readAddr gives the zero AddrPort for what is no address of one host.
func readAddr(b []byte) netip.AddrPort {
	at, port := netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[4:])
	if at.IsUnspecified() || at.IsMulticast() || port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(at, port)
}

// Challenge is a router's answer: Refusal says why not, zero for a challenge.
type Challenge struct {
	Refusal Refusal
	Random  [32]byte
	Router  Number
}

// Bytes writes it.
func (c *Challenge) Bytes() [ChallengeSize]byte {
	b := append(make([]byte, 0, ChallengeSize), magic[:]...)
	b = append(append(b, byte(c.Refusal)), c.Random[:]...)
	return [ChallengeSize]byte(append(b, c.Router[:]...))
}

// ParseChallenge reads one.
func ParseChallenge(b [ChallengeSize]byte) (c Challenge, err error) {
	if err := checkMagic(b[:]); err != nil {
		return c, err
	}
	n := len(magic)
	c.Refusal = Refusal(b[n])
	copy(c.Random[:], b[n+1:])
	copy(c.Router[:], b[n+1+len(c.Random):])
	return c, nil
}

// purpose keeps the signature from meaning anything elsewhere.
const purpose = "gmsd: registration at a gossip router, version 1\x00"

func signedText(c *Challenge, h *Hello) []byte {
	challenge, hello := c.Bytes(), h.Bytes()
	return append(append([]byte(purpose), challenge[:]...), hello[:]...)
}

// Sign answers a challenge with the key of the member's host.
func Sign(key ed25519.PrivateKey, c *Challenge, h *Hello) []byte {
	return ed25519.Sign(key, signedText(c, h))
}

// Proves reports whether a signature shows that the dialler has the key of the host
// that it says it is.
func Proves(c *Challenge, h *Hello, signature []byte) bool {
	return views.HostIDOf(h.Key[:]) == h.Member.Host && ed25519.Verify(h.Key[:], signedText(c, h), signature)
}
