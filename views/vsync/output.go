package vsync

import (
	"net/netip"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// Output is what follows from an input. Its fields stand in the order in which
// they must be acted upon.
type Output struct {
	// Events go into the log first.
	Events []trace.Event
	// Persist, if not 0, must be made durable; then HandlePersisted is called.
	Persist views.Seq
	// Sends are messages to send, in order.
	Sends []Send
	// Deliver is for the application, in order.
	Deliver []Delivery
	// Stop, if set, is the end.
	Stop *Stop
}

// Scope says whom a message is for.
type Scope uint8

// Scopes of a message.
const (
	// Direct: to To[0].
	Direct Scope = iota
	// All: to every address of To, by one multicast where there is one.
	All
	// Seek: to whoever may be out there.
	Seek
)

// Send is a message to send. To belongs to the core and must not be changed.
type Send struct {
	Scope Scope
	To    []netip.AddrPort
	Msg   message.Message
	// Via, if valid, is a third member: the message goes there as a Relay to To[0].
	Via netip.AddrPort
}

// Stop ends a host. How is one of the Stop constants of package trace.
type Stop struct {
	How string
	// Code is set when the group refused this host.
	Code views.RefuseCode
	// Detail is for people: what was found, what to do.
	Detail string
}

// Delivery is something for the application.
type Delivery interface{ delivery() }

// ViewInstalled gives the new view; Trans, sorted, are those who came along
// from Prev, the view before it at this host.
type ViewInstalled struct {
	View  *views.View
	Prev  views.ViewID
	Trans []views.HostID
	// At is how many events of this output stand before it.
	At int
	// Bare tells, by rank, who came from where nobody knew of a light group.
	Bare []bool
	// Removed are members of Prev that are gone and, as far as is known here, did not ask
	// to go.
	Removed []views.HostID
}

// Blocked says that sending has stopped in View.
type Blocked struct{ View views.ViewID }

// Unblocked says that sending goes on, in View.
type Unblocked struct{ View views.ViewID }

// Messages were delivered in View one after the other, with nothing else in
// between. List is the core's own again after [Core.Recycle].
type Messages struct {
	View views.ViewID
	List []Message
}

// Message is a delivered message. Payload may be kept and must not be changed; a
// short one keeps up to 256 KiB around it from being freed.
type Message struct {
	Msg trace.MsgID
	// K is the place in the view's agreed order, 0 for FIFO.
	K views.Position
	// Port is who sent it at its host, 0 for the host itself.
	Port  uint32
	Order views.Order
	// Tag is what the sender's Submission said.
	Tag uint64
	// Transitional: behind a gap in the order, or safe and not known to be held by
	// all; see package trace.
	Transitional bool
	Group        string
	Payload      []byte
}

// Control is a message without a group, as the group's own machines send them in
// agreed order, from the member with rank Origin.
type Control struct {
	Origin int
	// At is how many events of this output stand before it, its own Deliver among them.
	At int
	// Gap: a place before it is empty for good. Else it is Transitional only
	// because of a safe message before it, and others who install the next view
	// together with this host may have had it as not transitional: what it decides
	// must not depend on that.
	Gap bool
	Message
}

// StateChanged gives the view with one member's bits or attributes changed.
type StateChanged struct {
	View *views.View
	K    views.Position
	Who  views.HostID
}

// Submitted tells the fate of a [Submission] with a token: delivered here under its order, or not
// sent at all (Err is one of the errors of sending in package views).
type Submitted struct {
	Token uint64
	Msg   trace.MsgID
	View  views.ViewID
	K     views.Position
	Err   error
}

func (ViewInstalled) delivery() {}
func (Blocked) delivery()       {}
func (Unblocked) delivery()     {}
func (*Messages) delivery()     {}
func (Control) delivery()       {}
func (StateChanged) delivery()  {}
func (Submitted) delivery()     {}
