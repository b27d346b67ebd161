package transfer

import (
	"errors"
	"fmt"
	"time"

	"github.com/gmsd/gmsd/views"
)

// Limits. What a peer says is held against them before memory is taken.
const (
	// PacketMin, PacketDefault and PacketMax bound one message, in bytes.
	PacketMin     = 1200
	PacketDefault = 1300
	PacketMax     = 65000
	// WindowMin, WindowDefault and WindowMax bound what one transfer holds at
	// a host, in bytes.
	WindowMin     = 64 << 10
	WindowDefault = 1 << 20
	WindowMax     = 64 << 20
	// TransfersDefault and TransfersMax bound the transfers of a host at a time.
	TransfersDefault = 16
	TransfersMax     = 256
	// StateDefault is the largest state a joiner takes, in bytes.
	StateDefault = 1 << 40
	// PatienceDefault is how long a peer or a disk may do nothing.
	PatienceDefault = 30 * time.Second

	// chunkMin and chunkMax bound a chunk, in bytes.
	chunkMin = 1024
	chunkMax = PacketMax - chunkOverhead
	// chunkOverhead is the most a Chunk takes beside its content.
	chunkOverhead = 36
	// windowParts: a chunk is at most this part of the window.
	windowParts = 8
	// slotsMax bounds the chunks in a window.
	slotsMax = WindowMax / chunkMin
	// indexMax bounds chunk numbers, bytesMax states, echoMax what counts
	// messages and microseconds.
	indexMax = 1 << 40
	bytesMax = indexMax * chunkMin
	echoMax  = 1<<35 - 1
	// rangesMax bounds the ranges in a Want, hashesMax the hashes in a Have or Same.
	rangesMax = 64
	hashesMax = 64
	// settledMax bounds the finished transfers that late messages find an answer to.
	settledMax = 128
)

// Errors of the local calls.
var (
	// ErrConfig: a setting is out of its limits.
	ErrConfig = errors.New("transfer: setting out of its limits")
	// ErrFull: as many transfers are under way, or as much memory is
	// promised, as the settings allow; try later.
	ErrFull = errors.New("transfer: no room for another transfer")
	// ErrUsed: the id is or was in use in this role.
	ErrUsed = errors.New("transfer: id used before")
	// ErrID: the id has no group or one with too long a name, or is not for this host.
	ErrID = errors.New("transfer: not a valid id here")
)

// Config are the settings of a [Machine]; for all but Self, zero means default.
type Config struct {
	// Self is this process.
	Self views.Process
	// PacketBytes is the largest message made here and taken here:
	// [PacketDefault] fits Ethernet; on loopback up to [PacketMax].
	PacketBytes int
	// Window is how many bytes one transfer may hold here: read and not
	// acknowledged, or received and not written.
	Window int
	// Transfers is how many may be under way, Memory how many bytes they may
	// hold together; default Transfers windows.
	Transfers, Memory int
	// StateMax is the largest state that is taken, in bytes.
	StateMax uint64
	// Patience is how long a donor, a joiner or a disk may do nothing.
	Patience time.Duration
}

func orDefault[T int | uint64 | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// completed gives the settings with their defaults, or says what is wrong.
func (c Config) completed() (Config, error) {
	orDefault(&c.PacketBytes, PacketDefault)
	orDefault(&c.Window, WindowDefault)
	orDefault(&c.Transfers, TransfersDefault)
	orDefault(&c.StateMax, StateDefault)
	orDefault(&c.Patience, PatienceDefault)
	orDefault(&c.Memory, c.Transfers*c.Window)
	switch {
	case c.PacketBytes < PacketMin || c.PacketBytes > PacketMax:
		return c, fmt.Errorf("%w: packet of %d bytes, want %d to %d", ErrConfig, c.PacketBytes, PacketMin, PacketMax)
	case c.Window < WindowMin || c.Window > WindowMax:
		return c, fmt.Errorf("%w: window of %d bytes, want %d to %d", ErrConfig, c.Window, WindowMin, WindowMax)
	case c.Transfers < 0 || c.Transfers > TransfersMax:
		return c, fmt.Errorf("%w: %d transfers, want 1 to %d", ErrConfig, c.Transfers, TransfersMax)
	case c.Memory < c.Window:
		return c, fmt.Errorf("%w: memory of %d bytes, less than a window of %d", ErrConfig, c.Memory, c.Window)
	case c.StateMax > bytesMax:
		return c, fmt.Errorf("%w: state of %d bytes, at most %d", ErrConfig, c.StateMax, uint64(bytesMax))
	case c.Patience < time.Second || c.Patience > 24*time.Hour:
		return c, fmt.Errorf("%w: patience of %v, want 1s to 24h", ErrConfig, c.Patience)
	}
	return c, nil
}

// chunkBytes is the largest chunk that fits into a packet and a window.
func (c *Config) chunkBytes() int {
	return min(c.PacketBytes-chunkOverhead, c.Window/windowParts)
}
