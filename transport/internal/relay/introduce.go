package relay

import (
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
