package transfer

import (
	"errors"

	"github.com/gmsd/gmsd/views"
)

// Role is the side of a transfer a host is on.
type Role uint8

// Roles. A host can be both in one transfer, between two of its ports.
const (
	Donor Role = iota + 1
	Joiner
)

// String gives "donor" or "joiner".
func (r Role) String() string {
	if r == Donor {
		return "donor"
	}
	return "joiner"
}

// Output is what follows from the inputs since the last Drain.
type Output struct {
	Events []Event
	Sends  []Send
	// Reads go to the donor's application, KeptReads to the joiner's file. Of
	// one transfer they stand, and are answered, in rising order, each once.
	Reads, KeptReads []Read
	// Writes go to the joiner's file.
	Writes []Write
	Seals  []Seal
}

func (o *Output) reset() {
	clear(o.Events)
	clear(o.Sends)
	clear(o.Reads)
	clear(o.KeptReads)
	clear(o.Writes)
	clear(o.Seals)
	o.Events, o.Sends, o.Reads = o.Events[:0], o.Sends[:0], o.Reads[:0]
	o.KeptReads, o.Writes, o.Seals = o.KeptReads[:0], o.Writes[:0], o.Seals[:0]
}

// Send is a message for a process. What is in it may be read until the next input.
type Send struct {
	To      views.Process
	Message Message
}

// Read asks for Size bytes at Offset: [Machine.ChunkRead] answers a donor's,
// [Machine.KeptRead] a joiner's.
type Read struct {
	ID            TransferID
	Index, Offset uint64
	Size          int
}

// Write asks to write Data at Offset of the joiner's file. Data may be read
// until [Machine.ChunkWritten] answers or the transfer is over.
type Write struct {
	ID            TransferID
	Index, Offset uint64
	Data          []byte
}

// Seal asks to cut the file to Bytes and to bring it to stable storage;
// [Machine.Sealed] answers. All writes are finished.
type Seal struct {
	ID    TransferID
	Bytes uint64
}

// Event is what the caller is told: Progress, Complete or Failed. Each Donate
// and each Receive ends in exactly one Complete or Failed.
type Event interface{ event() }

// Progress tells how far a transfer is, about once a window.
type Progress struct {
	ID   TransferID
	Role Role
	// Bytes are written (joiner) or acknowledged (donor). Total is the whole,
	// as the donor expects it until its end is known; zero means unknown.
	Bytes, Total uint64
}

// Complete ends a transfer. At the joiner the file is whole, verified and
// sealed; at the donor the joiner has said that it has and has verified it all.
type Complete struct {
	ID            TransferID
	Role          Role
	Chunks, Bytes uint64
	Sum           Sum
}

// Failed ends a transfer without a state.
type Failed struct {
	ID     TransferID
	Role   Role
	Reason Reason
	// Retryable: another donor can help. The file is worth keeping: how much
	// of it is of use is found out by hashes.
	Retryable bool
	// Err says more where it comes from the driver; may be nil.
	Err error
}

func (Progress) event() {}
func (Complete) event() {}
func (Failed) event()   {}

// Reason is why a transfer failed.
type Reason uint8

// Reasons. Those from DonorGone to DonorStopped stand at a joiner, and are retryable.
const (
	// Cancelled: by [Machine.Cancel].
	Cancelled Reason = iota + 1
	// DonorGone: by [Machine.PeerGone].
	DonorGone
	// DonorSilent: nothing new came for the patience.
	DonorSilent
	// DonorLied: what the donor said contradicts itself: a checksum, a hash,
	// the sum, the length, the end.
	DonorLied
	// DonorFailed: the donor's application or disk failed.
	DonorFailed
	// DonorStopped: the donor was told to stop, or gave this host up.
	DonorStopped
	// TooLarge: the state is larger than Config.StateMax.
	TooLarge
	// DiskFailed: the own disk, or at the donor the application's reader,
	// failed or did not answer for the patience.
	DiskFailed
	// JoinerGone: by [Machine.PeerGone].
	JoinerGone
	// JoinerSilent: the joiner did not get on for twice the patience.
	JoinerSilent
	// JoinerFailed: the joiner's disk failed, or has no room.
	JoinerFailed
	// JoinerStopped: the joiner was told to stop, or gave this donor up.
	JoinerStopped
	reasonEnd
)

var reasonNames = [reasonEnd]string{
	"", "cancelled", "donor-gone", "donor-silent", "donor-lied", "donor-failed", "donor-stopped", "too-large",
	"disk-failed", "joiner-gone", "joiner-silent", "joiner-failed", "joiner-stopped",
}

// String gives "donor-lied".
func (r Reason) String() string {
	if r < reasonEnd {
		return reasonNames[r]
	}
	return "unknown"
}

func (r Reason) retryable() bool { return r >= DonorGone && r <= DonorStopped }

// tells gives what to say to the other side.
func (r Reason) tells() StopReason {
	switch r {
	case DonorLied:
		return StopLied
	case DonorSilent, JoinerSilent:
		return StopSilent
	case DiskFailed:
		return StopDisk
	case TooLarge:
		return StopTooLarge
	default:
		return StopCancelled
	}
}

// Errors in [Failed].
var (
	// ErrHung: the driver did not answer a read, a write or a seal in time.
	ErrHung = errors.New("transfer: disk did not answer")
	// ErrShortRead: a read gave too few bytes though it was not the end, or too many.
	ErrShortRead = errors.New("transfer: read of a wrong length")
	// ErrChunkDamaged: one chunk came with a wrong CRC again and again.
	ErrChunkDamaged = errors.New("transfer: chunk never matches its checksum")
	// ErrChunkLength: a chunk is too long, or short and not the last.
	ErrChunkLength = errors.New("transfer: chunk of a wrong length")
	// ErrHashWrong: the donor calls a chunk the same that is not.
	ErrHashWrong = errors.New("transfer: chunk called the same that is not")
	// ErrEndWrong: chunks, bytes and end do not go together.
	ErrEndWrong = errors.New("transfer: end does not fit the chunks")
	// ErrSumWrong: the whole does not have the sum that the donor said.
	ErrSumWrong = errors.New("transfer: whole does not have its sum")
)

// Drop is why an input was ignored.
type Drop uint8

// Reasons of a drop.
const (
	// DropMalformed: a field out of its limits, or no message at all.
	DropMalformed Drop = iota
	// DropUnknown: no transfer of that name; expected before it begins here
	// and after it was forgotten.
	DropUnknown
	// DropStranger: the transfer is there, but between other processes.
	DropStranger
	// DropSettled: the transfer is over; expected for what was under way.
	DropSettled
	// DropDuplicate: it was here before; expected after a repair.
	DropDuplicate
	// DropStale: a later word of the same sender came first.
	DropStale
	// DropDamaged: the CRC of a chunk is wrong.
	DropDamaged
	// DropUnasked: a chunk that was not let come, or before its turn.
	DropUnasked
	// DropNonsense: a joiner that has what was never sent, or a second offer.
	DropNonsense
	// DropDriver: an answer of the driver nobody waits for; expected after a
	// transfer is over.
	DropDriver
	dropEnd
)

var dropNames = [dropEnd]string{
	"malformed", "unknown", "stranger", "settled", "duplicate", "stale", "damaged", "unasked", "nonsense", "driver",
}

// String gives "stranger".
func (d Drop) String() string {
	if d < dropEnd {
		return dropNames[d]
	}
	return "unknown-drop"
}

// Drops counts by reason; index it by a [Drop].
type Drops [dropEnd]uint64
