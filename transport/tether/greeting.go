package tether

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/gmsd/gmsd/views"
)

// greetingSize is the length of a greeting in bytes: magic 8, group hash 8,
// host 16, incarnation 4, nonce 8, all numbers big-endian.
const greetingSize = 8 + 8 + 16 + 4 + 8

// magic names the protocol; its last byte is the version.
var magic = [8]byte{'g', 'm', 's', 't', 'e', 't', 'h', 1}

// greetingTimeout bounds the exchange of greetings.
const greetingTimeout = 2 * time.Second

var (
	errGarbage    = errors.New("tether: not a greeting")
	errOtherGroup = errors.New("tether: greeting from another group")
)

// greeting says who holds this end of a tether. The nonce tells apart two
// lives with the same incarnation: a clone, a rolled-back directory.
type greeting struct {
	group uint64
	views.Process
	nonce uint64
}

func (g greeting) append(b []byte) []byte {
	b = append(b, magic[:]...)
	b = binary.BigEndian.AppendUint64(b, g.group)
	b = append(b, g.Host[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(g.Incarnation))
	return binary.BigEndian.AppendUint64(b, g.nonce)
}

func parseGreeting(b [greetingSize]byte, group uint64) (greeting, error) {
	if [8]byte(b[:8]) != magic {
		return greeting{}, errGarbage
	}
	g := greeting{group: binary.BigEndian.Uint64(b[8:])}
	if g.group != group {
		return greeting{}, errOtherGroup
	}
	copy(g.Host[:], b[16:32])
	g.Incarnation = views.Incarnation(binary.BigEndian.Uint32(b[32:]))
	g.nonce = binary.BigEndian.Uint64(b[36:])
	if g.Host.IsZero() || g.Incarnation == 0 {
		return greeting{}, errGarbage
	}
	return g, nil
}

func readGreeting(c net.Conn, group uint64) (greeting, error) {
	var b [greetingSize]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return greeting{}, err
	}
	return parseGreeting(b, group)
}

func writeGreeting(c net.Conn, g greeting) error {
	_, err := c.Write(g.append(make([]byte, 0, greetingSize)))
	return err
}
