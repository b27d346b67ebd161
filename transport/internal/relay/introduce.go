package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
)

// Introduce says to the router at the other end of a new connection who dials, and
// gives what it answers. The error is a [Refusal] where it answers no.
func Introduce(conn net.Conn, hello *Hello) (Challenge, error) {
	first := hello.Bytes()
	if _, err := conn.Write(first[:]); err != nil {
		return Challenge{}, err
	}
	var answer [ChallengeSize]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return Challenge{}, fmt.Errorf("it does not answer as a router does: %w", err)
	}
	c, err := ParseChallenge(answer)
	if err == nil && c.Refusal != 0 {
		err = c.Refusal
	}
	return c, err
}

// AsksRouter reports whether a gossip router is at the other end of a new connection. It
// greets in version 0, which never was: a router says so before it judges who asks, so
// nobody is registered and nothing is met.
func AsksRouter(conn net.Conn) bool {
	var hello [HelloSize]byte
	copy(hello[:], magic[:len(magic)-1])
	if _, err := conn.Write(hello[:]); err != nil {
		return false
	}
	var answer [ChallengeSize]byte
	_, err := io.ReadFull(conn, answer[:])
	return err == nil && !errors.Is(checkMagic(answer[:]), ErrGarbage)
}
