package greeting

import (
	"bytes"
	"net"
	"time"
)

// attendMost is how long an examination may be silent, saidMost bounds what it may say.
const (
	attendMost = 6 * time.Minute
	saidMost   = 64 << 10
)

// LongMost bounds a word that [SayLong] says, in bytes.
const LongMost = 9000

// Words of an examination. What else it says is there to be long.
const (
	wordEnd byte = iota
	wordAnswer
	wordPad
)

// Attend keeps the connection of one who examines the way, and answers its long words,
// until it says that it is done or its time is over, so that it learns what a connection
// carries, and whether a silent one does. The caller closes it.
func Attend(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(attendMost))
	var b [1024]byte
	for said := 0; said < saidMost; {
		n, err := c.Read(b[:])
		if err != nil || bytes.IndexByte(b[:n], wordEnd) >= 0 {
			return
		}
		said += n
		if bytes.IndexByte(b[:n], wordAnswer) >= 0 {
			if _, err := c.Write(b[:1]); err != nil {
				return
			}
		}
	}
}

// SayLong has who attends answer a word of so many bytes. The caller sets the deadline.
func SayLong(c net.Conn, size int) error {
	word := bytes.Repeat([]byte{wordPad}, size)
	word[size-1] = wordAnswer
	if _, err := c.Write(word); err != nil {
		return err
	}
	_, err := c.Read(word[:1])
	return err
}

// SayEnd has who attends end the connection.
func SayEnd(c net.Conn) error {
	_, err := c.Write([]byte{wordEnd})
	return err
}
