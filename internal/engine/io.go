package engine

import (
	"net/netip"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
)

// Input is something that happened outside. Nil means "only time has passed".
type Input interface{ input() }

// Received is a frame that arrived. The engine copies what it keeps.
type Received struct {
	From  netip.AddrPort
	Frame []byte
}

// Persisted says that the disk write with that token has ended. An error is
// fatal: the host stops, since it could break a promise after a restart.
type Persisted struct {
	Token uint64
	Err   error
}

// Submit asks to multicast a message. Its fate comes back as [Submitted].
type Submit struct {
	// Token is the caller's.
	Token   uint64
	Group   string
	Order   views.Order
	Payload []byte
}

// SetState asks to change this host's bits (those in Mask) and, where
// SetAttrs, its attributes, in view order.
type SetState struct {
	Mask, Bits views.Bits
	SetAttrs   bool
	// Attrs are sorted by key without duplicates.
	Attrs []views.Attr
}

// Leave asks to go gracefully. It ends in Output.Stop.
type Leave struct{}

// Evict asks to remove a member by the operator's word.
type Evict struct{ Host views.HostID }

// Evidence is what the operating system says of a watched process.
type Evidence struct {
	views.Process
	Found message.Evidence
}

func (Received) input()  {}
func (Persisted) input() {}
func (Submit) input()    {}
func (SetState) input()  {}
func (Leave) input()     {}
func (Evict) input()     {}
func (Evidence) input()  {}

// Output is all that follows from a Step. Its fields stand in the order in
// which the driver must act. Slices are the driver's until the next Step.
type Output struct {
	// Events must be in the event log before anything below is done.
	Events []trace.Event
	// Persist, if set, must be written and synced; then comes Persisted. It
	// need not be waited for: what depends on it is held back by the engine.
	Persist *Persist
	// Send are frames to send, in order.
	Send []Packet
	// Deliver is for the application, in order.
	Deliver []Delivery
	// Watch, if set, replaces the processes to watch.
	Watch *Watch
	// Stop, if set, is the end: the engine takes no further input.
	Stop *Stop
}

// Persist is the durable state of a host: its highest promised or installed
// view seq, and, for the next start, whom it was with.
type Persist struct {
	Token uint64
	Seq   views.Seq
}

// Scope says whom a packet is for.
type Scope uint8

// Scopes of a packet.
const (
	// Direct: to To[0].
	Direct Scope = iota
	// All: to every address of To, by one multicast where there is one.
	All
	// Seek: to whoever may be out there.
	Seek
)

// Packet is a frame to send.
type Packet struct {
	Scope Scope
	To    []netip.AddrPort
	Frame []byte
}

// Watch lists the processes whose sockets should be watched.
type Watch struct{ Targets []WatchTarget }

// WatchTarget is one of them.
type WatchTarget struct {
	views.Process
	Addr netip.AddrPort
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

// ViewInstalled gives the new view; Trans are those who came along.
type ViewInstalled struct {
	View  *views.View
	Trans []views.HostID
}

// Blocked says that sending has stopped; Unblocked that it goes on.
type (
	Blocked   struct{ View views.ViewID }
	Unblocked struct{ View views.ViewID }
)

// Message is a delivered message. Payload is the receiver's to keep.
type Message struct {
	Msg          trace.MsgID
	View         views.ViewID
	K            views.Position
	Order        views.Order
	Group        string
	Payload      []byte
	Transitional bool
}

// StateChanged gives the view with one member's bits or attributes changed.
type StateChanged struct {
	View *views.View
	K    views.Position
	Who  views.HostID
}

// Submitted tells the fate of a Submit: delivered here under its order, or not
// sent at all (Err: [ErrFull], [ErrLeaving], [ErrTooLong]).
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
