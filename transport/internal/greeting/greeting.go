package greeting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/views"
)

// Timeout bounds an exchange of greetings.
const Timeout = 2 * time.Second

// Peer is who holds one end of a connection.
type Peer struct {
	views.Process
	// Nonce tells apart two lives with the same incarnation: a clone, a
	// rolled-back directory.
	Nonce uint64
	// Addr is where it says that it takes member traffic; the zero AddrPort where
	// it does not say.
	Addr netip.AddrPort
	// Use is what it wants of a connection.
	Use Use
}

// Examines reports whether it dialled to see what the way carries, and for nothing else.
func (p Peer) Examines() bool { return p.Use == Examination }

// Same reports whether two are one life of one process, wherever it is.
func (p Peer) Same(o Peer) bool { return p.Process == o.Process && p.Nonce == o.Nonce }

// Greeter exchanges greetings. The caller sets the connection's deadline before
// and closes it after an error. Safe for concurrent use.
type Greeter interface {
	// Greet is the dialler's side. It gives who answered, and so keeps the connection.
	Greet(c net.Conn) (Peer, error)
	// Answer is the acceptor's side. keep is asked once it is known who dialled;
	// its error ends the exchange, and the dialler is told nothing. io.EOF is the end
	// of one that has said nothing at all, and of no other.
	Answer(c net.Conn, keep func(Peer) error) (Peer, error)
}

// Errors of greetings that came and are refused; others are the connection's.
var (
	ErrGarbage    = errors.New("greeting: not a greeting")
	ErrOtherGroup = errors.New("greeting: from another group")
	ErrOtherUse   = errors.New("greeting: from a host with another transport")
)

// RefusedError says that a peer and we do not understand each other, for a reason
// that an operator can mend.
type RefusedError struct {
	Code views.RefuseCode
	// Ours: the peer said so of us.
	Ours bool
}

// Error names the reason.
func (e *RefusedError) Error() string {
	if e.Ours {
		return fmt.Sprintf("greeting: refused by the peer: %s", e.Code)
	}
	return fmt.Sprintf("greeting: refused: %s", e.Code)
}

// codeOf is what is told a dialler of another kind.
func codeOf(err error) views.RefuseCode {
	switch {
	case errors.Is(err, ErrOtherGroup):
		return views.RefuseGroup
	case errors.Is(err, ErrOtherUse):
		return views.RefuseTransport
	}
	return views.RefuseNone
}

// Is makes a refusal for another group an [ErrOtherGroup].
func (e *RefusedError) Is(err error) bool { return err == ErrOtherGroup && e.Code == views.RefuseGroup }

// Refused reports whether err is about what a peer said, not about the connection.
func Refused(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused) || errors.Is(err, ErrGarbage) || errors.Is(err, ErrOtherGroup) || errors.Is(err, ErrOtherUse)
}

// Use is what a connection is for.
type Use byte

// Uses.
const (
	Tether Use = iota + 1
	Frames
	// Examination is understood whatever the other side's use is.
	Examination
)

// Size is the length of a plain greeting in bytes: magic 8, use 1, group hash 8,
// host 16, incarnation 4, nonce 8, address 4, port 2, all numbers big-endian.
const Size = 8 + 1 + 8 + 16 + 4 + 8 + 4 + 2

// magic names the protocol; its last byte is the version.
var magic = [8]byte{'g', 'm', 's', 'g', 'r', 'e', 't', 1}

// Plain greets without keys: anybody can say what it says.
type Plain struct {
	Use   Use
	Group uint64
	Self  Peer
	// Told, if set, is told who refuses whom; as transport.Credentials.Refused.
	Told func(ours bool, code views.RefuseCode, addr string)
}

var _ Greeter = Plain{}

// Greet is described at [Greeter].
func (g Plain) Greet(c net.Conn) (Peer, error) {
	if err := g.write(c); err != nil {
		return Peer{}, err
	}
	return g.read(c)
}

// Answer is described at [Greeter].
func (g Plain) Answer(c net.Conn, keep func(Peer) error) (Peer, error) {
	head := make([]byte, Size)
	if _, err := io.ReadFull(c, head); err != nil {
		return Peer{}, err
	}
	if [8]byte(head) == magicSealed {
		return Peer{}, g.refuse(c, views.RefuseSealed, openingSize-Size)
	}
	p, err := g.parse([Size]byte(head))
	if code := codeOf(err); code != views.RefuseNone {
		return Peer{}, g.refuse(c, code, 0)
	}
	if err == nil {
		err = keep(p)
	}
	if err != nil {
		return Peer{}, err
	}
	return p, g.write(c)
}

// read reads an answer, or why there is none.
func (g Plain) read(c net.Conn) (Peer, error) {
	first, err := g.firstByte(c)
	if err != nil {
		return Peer{}, err
	}
	b := [Size]byte{first}
	if _, err := io.ReadFull(c, b[1:]); err != nil {
		return Peer{}, err
	}
	return g.parse(b)
}

// firstByte is what an answer begins with, unless that says why there is none.
func (g Plain) firstByte(c net.Conn) (byte, error) {
	var b [1]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return 0, err
	}
	if code := views.RefuseCode(b[0]); code.Valid() && code.Unproven() {
		g.tell(true, code, c)
		return 0, &RefusedError{Code: code, Ours: true}
	}
	return b[0], nil
}

// refuse says why in one byte. So many more bytes of the opening are under way: with
// them unread the connection would be reset, and the byte lost.
func (g Plain) refuse(c net.Conn, code views.RefuseCode, behind int64) error {
	_, _ = io.CopyN(io.Discard, c, behind)
	_, _ = c.Write([]byte{byte(code)}) // it is told as far as it listens
	g.tell(false, code, c)
	return &RefusedError{Code: code}
}

func (g Plain) tell(ours bool, code views.RefuseCode, c net.Conn) {
	if g.Told != nil {
		g.Told(ours, code, c.RemoteAddr().String())
	}
}

func (g Plain) write(c net.Conn) error {
	_, err := c.Write(g.Append(make([]byte, 0, Size)))
	return err
}

// Append writes the greeting of g.Self.
func (g Plain) Append(b []byte) []byte {
	b = append(b, magic[:]...)
	b = append(b, byte(g.Use))
	b = binary.BigEndian.AppendUint64(b, g.Group)
	b = append(b, g.Self.Host[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(g.Self.Incarnation))
	b = binary.BigEndian.AppendUint64(b, g.Self.Nonce)
	var at [4]byte
	if a := g.Self.Addr.Addr(); a.Is4() {
		at = a.As4()
	}
	b = append(b, at[:]...)
	return binary.BigEndian.AppendUint16(b, g.Self.Addr.Port())
}

func (g Plain) parse(b [Size]byte) (Peer, error) {
	switch {
	case [8]byte(b[:8]) != magic:
		return Peer{}, ErrGarbage
	case binary.BigEndian.Uint64(b[9:]) != g.Group:
		return Peer{}, ErrOtherGroup
	case Use(b[8]) != g.Use && Use(b[8]) != Examination && g.Use != Examination:
		return Peer{}, ErrOtherUse
	}
	p := Peer{Nonce: binary.BigEndian.Uint64(b[37:]), Use: Use(b[8])}
	copy(p.Host[:], b[17:33])
	p.Incarnation = views.Incarnation(binary.BigEndian.Uint32(b[33:]))
	if at := netip.AddrFrom4([4]byte(b[45:49])); at != netip.IPv4Unspecified() {
		p.Addr = netip.AddrPortFrom(at, binary.BigEndian.Uint16(b[49:]))
	}
	if p.Host.IsZero() || p.Incarnation == 0 {
		return Peer{}, ErrGarbage
	}
	return p, nil
}
