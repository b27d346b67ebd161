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
	// Removed are members that a view just installed has dropped as crashed.
	Removed []views.HostID
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
}

// Blocked says that sending has stopped in View.
type Blocked struct{ View views.ViewID }

// Unblocked says that sending goes on, in View.
type Unblocked struct{ View views.ViewID }

// Message is a delivered message. Payload may be kept and must not be changed.
type Message struct {
	Msg  trace.MsgID
	View views.ViewID
	// K is the place in the view's agreed order, 0 for FIFO.
	K     views.Position
	Order views.Order
	Group string
	// Transitional: behind a gap in the order; see package trace.
	Transitional bool
	Payload      []byte
}

// StateChanged gives the view with one member's bits or attributes changed.
// K is 0 where the change came with an install. With views.ErrViewFull the
// attributes stayed as they were.
type StateChanged struct {
	View *views.View
	K    views.Position
	Who  views.HostID
	Err  error
}

// Submitted tells the fate of a Submit: delivered here under its order, or not
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
func (Message) delivery()       {}
func (StateChanged) delivery()  {}
func (Submitted) delivery()     {}
