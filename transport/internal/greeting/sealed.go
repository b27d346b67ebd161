package greeting

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// A sealed greeting is four pieces of fixed length:
//
//	dialler   opening    plain greeting with the magic of version 3, key id 4, token 16, zeros 96, MAC 32
//	acceptor  challenge  the same of its own, but public key 32 and signature 64 for the zeros
//	dialler   proof      public key 32, signature 64, MAC 32
//	acceptor  kept       MAC 32
//
// A MAC is HMAC-SHA-256 under HKDF(ring key, "gmsd greeting 1") over all that came
// before, so each piece belongs to this exchange; a signature is the host's, over the
// same. Tokens are drawn, so nothing of another exchange fits. Where the acceptor
// cannot go on for a reason that an operator can mend it answers with that one byte.
//
// An opening that somebody recorded and repeats is answered by a challenge, which costs
// a signature, and by nothing more. The zeros make the opening as long: no answer is
// longer than what it answers.
const (
	tokenSize     = 16
	macSize       = sha256.Size
	signedSize    = ed25519.PublicKeySize + ed25519.SignatureSize
	proofSize     = signedSize + macSize
	challengeSize = Size + 4 + tokenSize + signedSize + macSize
	openingSize   = challengeSize
)

// magicSealed begins a sealed greeting.
var magicSealed = [8]byte{'g', 'm', 's', 'g', 'r', 'e', 't', 3}

// Sealed greets with the keys of the group and the identity of the host: what it says
// of a peer is proven.
type Sealed struct {
	Plain
	With *transport.Credentials
}

var _ Greeter = Sealed{}

// For gives the greeter that the credentials allow.
func For(p Plain, with *transport.Credentials) Greeter {
	if with == nil {
		return p
	}
	p.Told = with.Refused
	if with.Identity == nil {
		return p
	}
	return Sealed{p, with}
}

// exchange is one greeting under way.
type exchange struct {
	Sealed
	conn net.Conn
	key  []byte
	// said is all that both have said.
	said []byte
	// begun: something has come, so that an end is none in order any more.
	begun bool
}

func (x *exchange) setKey(k keys.Key) error {
	key, err := hkdf.Key(sha256.New, k.Secret(), nil, "gmsd greeting 1", macSize)
	x.key = key
	return err
}

func (x *exchange) mac() []byte {
	h := hmac.New(sha256.New, x.key)
	h.Write(x.said)
	return h.Sum(nil)
}

// say sends a piece, closed with its MAC.
func (x *exchange) say(piece []byte) error {
	before := len(x.said)
	x.said = append(x.said, piece...)
	x.said = append(x.said, x.mac()...)
	_, err := x.conn.Write(x.said[before:])
	return err
}

// hear takes a piece of which a part is known already, and holds its MAC.
func (x *exchange) hear(known []byte, size int) ([]byte, error) {
	piece := append(make([]byte, 0, size), known...)[:size]
	if _, err := io.ReadFull(x.conn, piece[len(known):]); err != nil {
		return nil, err
	}
	x.said = append(x.said, piece[:size-macSize]...)
	if !hmac.Equal(x.mac(), piece[size-macSize:]) {
		return nil, ErrGarbage
	}
	x.said = append(x.said, piece[size-macSize:]...)
	return piece[:size-macSize], nil
}

// introduction is what a side says of itself: who it is, by which key, a fresh token.
func (x *exchange) introduction(id keys.ID) []byte {
	b := x.Append(make([]byte, 0, challengeSize))
	copy(b, magicSealed[:])
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	var token [tokenSize]byte
	_, _ = rand.Read(token[:]) // never fails
	return append(b, token[:]...)
}

// signed appends a public key and its signature over all that was said, and piece.
func (x *exchange) signed(piece []byte) []byte {
	public := x.With.Identity.Public().(ed25519.PublicKey)
	piece = append(piece, public...)
	return append(piece, ed25519.Sign(x.With.Identity, append(append([]byte("gmsd greeting 1\x00"), x.said...), piece...))...)
}

// verify holds the signature at the end of a piece, which was said last, to a host.
func (x *exchange) verify(host views.HostID) error {
	text := x.said[:len(x.said)-macSize]
	sig := text[len(text)-ed25519.SignatureSize:]
	text = text[:len(text)-ed25519.SignatureSize]
	public := text[len(text)-ed25519.PublicKeySize:]
	if views.HostIDOf(public) != host || !ed25519.Verify(public, append([]byte("gmsd greeting 1\x00"), text...), sig) {
		return ErrGarbage
	}
	return nil
}

// peerOf reads who a side says it is.
func (x *exchange) peerOf(b []byte) (Peer, error) {
	plain := [Size]byte(b[:Size])
	copy(plain[:], magic[:])
	return x.parse(plain)
}

// Greet is described at [Greeter].
func (g Sealed) Greet(c net.Conn) (Peer, error) {
	x := exchange{Sealed: g, conn: c}
	now := g.With.Keys()
	if err := x.setKey(now.Sending); err != nil {
		return Peer{}, err
	}
	if err := x.say(append(x.introduction(now.Sending.ID()), make([]byte, signedSize)...)); err != nil {
		return Peer{}, err
	}
	first, err := x.firstByte(c)
	if err != nil {
		return Peer{}, err
	}
	challenge, err := x.hear([]byte{first}, challengeSize)
	if err != nil {
		return Peer{}, err
	}
	p, err := x.peerOf(challenge)
	if err == nil {
		err = x.verify(p.Host)
	}
	if err != nil {
		return Peer{}, err
	}
	if err := x.say(x.signed(nil)); err != nil {
		return Peer{}, err
	}
	if _, err := x.hear(nil, macSize); err != nil {
		return Peer{}, err
	}
	return p, nil
}

// Answer is described at [Greeter].
func (g Sealed) Answer(c net.Conn, keep func(Peer) error) (Peer, error) {
	x := exchange{Sealed: g, conn: c}
	p, err := x.answer(keep)
	if err == io.EOF && x.begun { //nolint:errorlint // as io.ReadFull gives it
		err = io.ErrUnexpectedEOF
	}
	return p, err
}

func (x *exchange) answer(keep func(Peer) error) (Peer, error) {
	p, err := x.opening()
	if err != nil {
		return Peer{}, err
	}
	now := x.With.Keys()
	if err := x.say(x.signed(x.introduction(now.Sending.ID()))); err != nil {
		return Peer{}, err
	}
	if _, err := x.hear(nil, proofSize); err != nil {
		return Peer{}, err
	}
	if err := x.verify(p.Host); err != nil {
		return Peer{}, err
	}
	if err := keep(p); err != nil {
		return Peer{}, err
	}
	return p, x.say(nil)
}

// opening reads who dials, by a key of the group.
func (x *exchange) opening() (Peer, error) {
	head := make([]byte, Size, openingSize)
	if _, err := io.ReadFull(x.conn, head); err != nil {
		return Peer{}, err
	}
	x.begun = true
	switch version := [8]byte(head); {
	case version == magic:
		return Peer{}, x.refuse(x.conn, views.RefusePlain, 0)
	case version != magicSealed:
		return Peer{}, ErrGarbage
	}
	_, err := x.peerOf(head)
	if code := codeOf(err); code != views.RefuseNone {
		return Peer{}, x.refuse(x.conn, code, openingSize-Size)
	}
	if err != nil {
		return Peer{}, err
	}
	head = head[:Size+4]
	if _, err := io.ReadFull(x.conn, head[Size:]); err != nil {
		return Peer{}, err
	}
	now := x.With.Keys()
	key, why := now.Find(keys.ID(binary.BigEndian.Uint32(head[Size:])))
	if why != views.RefuseNone {
		return Peer{}, x.refuse(x.conn, why, openingSize-Size-4)
	}
	if err := x.setKey(key); err != nil {
		return Peer{}, err
	}
	if _, err := x.hear(head, openingSize); err != nil {
		return Peer{}, err
	}
	return x.peerOf(head)
}
