package clientwire

import (
	"errors"
	"io"
)

// What breaks the rules of a stream.
var (
	// ErrOver: more of a stream whose end was said, or a second last word.
	ErrOver = errors.New("the stream is over")
	// ErrCredit: bytes beyond what was granted.
	ErrCredit = errors.New("more bytes of the state than you had credit for")
	// ErrStopped: a read of a stream that was closed.
	ErrStopped = errors.New("read of a state that was closed")
)

// Incoming is the reader's end of a stream. The zero value is a new one. It grants
// nothing before the first Read, so that a state nobody reads takes no memory.
type Incoming struct {
	// waiting[at:] came and was not read.
	waiting []byte
	at      int
	// balance is what the writer may send; owed what was read and not granted anew.
	balance, owed  int
	begun          bool
	ended, stopped bool
	why            error // io.EOF, or why there is no state
}

// Take keeps a piece that came. Errors: [ErrOver], [ErrCredit].
func (s *Incoming) Take(piece []byte) error {
	switch {
	case s.ended:
		return ErrOver
	case s.balance <= 0:
		return ErrCredit
	}
	s.balance -= len(piece)
	if s.stopped {
		return nil
	}
	if s.at > len(s.waiting)/2 {
		s.waiting = s.waiting[:copy(s.waiting, s.waiting[s.at:])]
		s.at = 0
	}
	s.waiting = append(s.waiting, piece...)
	return nil
}

// Read gives what came, and how much to grant to the writer, if not 0. Nothing and
// no error means: wait.
func (s *Incoming) Read(p []byte) (n, grant int, err error) {
	switch {
	case s.stopped:
		return 0, 0, ErrStopped
	case s.at == len(s.waiting) && s.ended:
		return 0, 0, s.why
	case !s.begun:
		s.begun, s.owed = true, StreamWindow
	}
	n = copy(p, s.waiting[s.at:])
	s.at += n
	s.owed += n
	if s.owed >= StreamWindow/4 && !s.ended {
		grant, s.owed = s.owed, 0
		s.balance += grant
	}
	return n, grant, nil
}

// End is the writer's last word; nil: the state is whole. Error: [ErrOver].
func (s *Incoming) End(why error) error {
	if s.ended {
		return ErrOver
	}
	if why == nil {
		why = io.EOF
	}
	s.ended, s.why = true, why
	return nil
}

// Stop is the reader's last word. It reports whether that is still to be said.
func (s *Incoming) Stop() bool {
	first := !s.stopped
	s.stopped, s.waiting, s.at = true, nil, 0
	return first
}

// Over reports whether both have said their last word.
func (s *Incoming) Over() bool { return s.ended && s.stopped }

// ReadPiece reads what goes in one piece: as much as fits, unless the state ends, with
// io.EOF, or fails.
func ReadPiece(r io.Reader, piece []byte) (int, error) {
	n, err := io.ReadFull(r, piece)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// EndOf is the last word of a stream's writer; io.EOF: the state is whole.
func EndOf(number uint64, why error) *End {
	if errors.Is(why, io.EOF) {
		return &End{Number: number}
	}
	return &End{Number: number, Code: CodeState, Text: why.Error()}
}

// Outgoing is the writer's end of a stream. The zero value is a new one.
type Outgoing struct {
	balance        int
	ended, stopped bool
}

// More takes what the reader grants. Errors: [ErrOver], [ErrLimit].
func (s *Outgoing) More(n uint64) error {
	switch {
	case s.stopped:
		return ErrOver
	case n > CreditMax || s.balance+int(n) > CreditMax: //nolint:gosec // the first says that it fits
		return ErrLimit
	}
	s.balance += int(n) //nolint:gosec // bounded
	return nil
}

// May reports whether a piece may go out now.
func (s *Outgoing) May() bool { return s.balance > 0 && !s.ended && !s.stopped }

// Sent takes a piece of n bytes from the credit.
func (s *Outgoing) Sent(n int) { s.balance -= n }

// End is the writer's last word. It reports whether that is still to be said.
func (s *Outgoing) End() bool {
	first := !s.ended
	s.ended = true
	return first
}

// Stop is the reader's last word. Error: [ErrOver].
func (s *Outgoing) Stop() error {
	if s.stopped {
		return ErrOver
	}
	s.stopped = true
	return nil
}

// Stopped reports whether the reader wants no more.
func (s *Outgoing) Stopped() bool { return s.stopped }

// Over reports whether both have said their last word.
func (s *Outgoing) Over() bool { return s.ended && s.stopped }
