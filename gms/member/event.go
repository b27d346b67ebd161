package member

import (
	"io"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
)

// Kind says what an [Event] is. The list is closed and append-only.
type Kind uint8

// Kinds of event.
const (
	KindNone Kind = iota
	// KindView: View is the group's new view.
	KindView
	// KindMessage: Msg was delivered to Group.
	KindMessage
	// KindBlock: the group's view is about to change; stop sending to it, then
	// call Ready.
	KindBlock
	// KindUnblock: nothing came of the change, or it left this group as it was.
	KindUnblock
	// KindParted: the port is out of Group: Why. Err says more where it did not ask
	// for it.
	KindParted
	// KindGap: the connection to the daemon was lost and is there again. Messages
	// may be missing; the groups in which the port was are joined anew, and the
	// next event of each is a view in which it is a new member.
	KindGap
	// KindState: the state of Group as of here, for a member that joined with
	// Options.State. It comes before the first message. State is nil for the first
	// member that has it: it makes its own.
	KindState
	// KindDonate: another member wants the state of Group as of here: call Donate
	// before the next call of Next.
	KindDonate
	// KindProgress: so much of the state that comes is here, as Progress says; some
	// times a second at the most.
	KindProgress
	kindEnd
)

var kindNames = [kindEnd]string{"none", "view", "message", "block", "unblock", "parted", "gap", "state", "donate", "progress"}

// String gives the name used in the outside faces.
func (k Kind) String() string {
	if k < kindEnd {
		return kindNames[k]
	}
	return "unknown"
}

// Event is one thing that happened, in the order in which it happened.
type Event struct {
	Kind  Kind
	Group string
	// View is set for KindView. Its slices are shared: read only.
	View *groups.GroupView
	// Msg is set for KindMessage.
	Msg Message
	// Why and Err are set for KindParted.
	Why groups.Why
	Err error
	// State is set for KindState, unless there is none; Progress for KindProgress.
	State    *State
	Progress Progress
	// Donation is set for KindDonate: see [Event.Donate].
	Donation Donation
}

// Donation is where a state goes that another member wants.
type Donation interface {
	// Donate is [Event.Donate].
	Donate(r io.Reader, size int64)
}

// Donate answers a KindDonate with a reader of the application's state, with all
// that came before this event and nothing that came behind, and what its size will
// be in bytes, or 0. It returns at once; the reader is read by another goroutine
// while the application goes on, so it must not see what that changes: a snapshot,
// a copy. It is closed at the end where it is an io.Closer. Where Donate is not
// called before the next call of Next, another member is asked.
func (e *Event) Donate(r io.Reader, size int64) {
	if e.Donation != nil {
		e.Donation.Donate(r, size)
	}
}

// State is an application's state, whole and verified, in a file that Close
// removes. Read it before the events behind it are applied. Close also says that
// this member has the state now, and may be asked for it.
type State struct {
	io.ReadCloser
	Size int64
}

// Progress says how far a state has come. Total is 0 while it is not known.
type Progress struct{ Bytes, Total int64 }

// Message is a message as it was delivered. Payload is shared by all ports of the
// host: read it, do not change it. A short one that is kept keeps up to 256 KiB
// around it from being freed: copy what you keep for long.
type Message struct {
	// ID names it in the event log; ID.From is the sender's host.
	ID trace.MsgID
	// Port is the sender's; 0 for a host that sent without one.
	Port  uint32
	Order views.Order
	// K is its place in the agreed order of the host view, 0 for FIFO.
	K views.Position
	// Transitional: the promise of its order holds only among those who go on
	// together to the next view.
	Transitional bool
	// Request, if not 0, asks for an answer by Port.Reply.
	Request uint64
	Payload []byte
}

// Options say how a port joins a group.
type Options struct {
	// Block: ask this port before the group's view changes.
	Block bool
	// BlockFor is how long it may take to answer; 0: one second. A change of hosts
	// waits for 1.4 s at most, and then goes on without the answer.
	BlockFor time.Duration
	// State: this port wants the application's state from a member that has it
	// (KindState). One that joins without has it by definition.
	State bool
}

// Receipt says where a message was delivered.
type Receipt struct {
	ID   trace.MsgID
	View views.ViewID
	// K is its place in the view's agreed order; 0 for FIFO.
	K views.Position
}

// Need says how many answers a request waits for.
type Need uint8

// Needs of a request.
const (
	// All members of the view in which the request was delivered, but for those
	// that are gone meanwhile.
	All Need = iota
	// Majority of them.
	Majority
	// First: one.
	First
	needEnd
)

// Valid reports whether n is one of the list.
func (n Need) Valid() bool { return n < needEnd }

// Reply is one member's answer to a request.
type Reply struct {
	From groups.Member
	// Gone: it left the group, or its host the view, before it answered.
	Gone    bool
	Payload []byte
}
