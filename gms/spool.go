package gms

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
)

// Names of the temporary files in the data directory. What is left of them is
// removed at the next start.
const (
	statePattern = "state-*.tmp"
	spoolPattern = "spool-*.tmp"
)

// sweep removes what an earlier life has left.
func sweep(dir string) (faults error) {
	for _, pattern := range []string{statePattern, spoolPattern} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		faults = errors.Join(faults, err)
		for _, name := range names {
			faults = errors.Join(faults, os.Remove(name))
		}
	}
	return faults
}

// spool keeps messages in a file, first in, first out. It has one user.
type spool struct {
	file          *os.File
	read, written int64
	buf           []byte
}

// recordHead is what stands before a payload: its length, then sender, number,
// port, order, transitional, place, request.
const recordHead = 4 + 16 + 4 + 8 + 4 + 1 + 1 + 8 + 8

// spoolPage is how much is read back at a time, unless one message is longer.
const spoolPage = 64 << 10

// write appends messages.
func (s *spool) write(dir string, list []member.Event) error {
	if s.file == nil {
		f, err := os.CreateTemp(dir, spoolPattern)
		if err != nil {
			return err
		}
		s.file = f
	}
	s.buf = s.buf[:0]
	for i := range list {
		s.buf = appendRecord(s.buf, &list[i].Msg)
	}
	n, err := s.file.WriteAt(s.buf, s.written)
	if err != nil {
		return err
	}
	s.written += int64(n)
	return nil
}

func appendRecord(b []byte, m *member.Message) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(m.Payload))) //nolint:gosec // at most views.PayloadMax
	b = append(b, m.ID.From.Host[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(m.ID.From.Incarnation))
	b = binary.BigEndian.AppendUint64(b, m.ID.N)
	b = binary.BigEndian.AppendUint32(b, m.Port)
	transitional := byte(0)
	if m.Transitional {
		transitional = 1
	}
	b = append(b, byte(m.Order), transitional)
	b = binary.BigEndian.AppendUint64(b, uint64(m.K))
	b = binary.BigEndian.AppendUint64(b, m.Request)
	return append(b, m.Payload...)
}

// next reads some messages from the front, at least one; none where all was read.
func (s *spool) next(group string) ([]member.Event, error) {
	if s.read == s.written {
		return nil, nil
	}
	page := make([]byte, min(spoolPage, s.written-s.read))
	if _, err := s.file.ReadAt(page, s.read); err != nil {
		return nil, err
	}
	if need := recordHead + int(binary.BigEndian.Uint32(page)); need > len(page) {
		if int64(need) > s.written-s.read {
			return nil, fmt.Errorf("spool: %w", io.ErrUnexpectedEOF)
		}
		page = make([]byte, need)
		if _, err := s.file.ReadAt(page, s.read); err != nil {
			return nil, err
		}
	}
	var list []member.Event
	for len(page) >= recordHead {
		end := recordHead + int(binary.BigEndian.Uint32(page))
		if end > len(page) {
			break
		}
		list = append(list, member.Event{Kind: member.KindMessage, Group: group, Msg: recordOf(page[4:end:end])})
		page = page[end:]
		s.read += int64(end)
	}
	return list, nil
}

// recordOf takes a message apart; b is its own from now on.
func recordOf(b []byte) (m member.Message) {
	b = b[copy(m.ID.From.Host[:], b):]
	m.ID.From.Incarnation = views.Incarnation(binary.BigEndian.Uint32(b))
	m.ID.N = binary.BigEndian.Uint64(b[4:])
	m.Port = binary.BigEndian.Uint32(b[12:])
	m.Order, m.Transitional = views.Order(b[16]), b[17] == 1
	m.K = views.Position(binary.BigEndian.Uint64(b[18:]))
	m.Request = binary.BigEndian.Uint64(b[26:])
	m.Payload = b[34:]
	return m
}

// empty forgets all that is in it.
func (s *spool) empty() error {
	s.read, s.written = 0, 0
	if s.file == nil {
		return nil
	}
	return s.file.Truncate(0)
}

// remove ends it.
func (s *spool) remove() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
