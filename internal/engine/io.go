package engine

import (
	"net/netip"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
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

// Persist is the durable state of a host: the highest view seq it has promised.
type Persist struct {
	Token uint64
	Seq   views.Seq
}

// Scope says whom a packet is for.
type Scope = vsync.Scope

// Scopes of a packet.
const (
	// Direct: to To[0].
	Direct = vsync.Direct
	// All: to every address of To, by one multicast where there is one.
	All = vsync.All
	// Seek: to whoever may be out there.
	Seek = vsync.Seek
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

// What the core gives to the application passes through as it is.
type (
	// Stop ends a host.
	Stop = vsync.Stop
	// Delivery is something for the application: one of the types below.
	Delivery = vsync.Delivery
	// ViewInstalled gives a new view.
	ViewInstalled = vsync.ViewInstalled
	// Blocked says that sending has stopped.
	Blocked = vsync.Blocked
	// Unblocked says that sending goes on.
	Unblocked = vsync.Unblocked
	// Message is a delivered message.
	Message = vsync.Message
	// StateChanged gives the view with one member's record changed.
	StateChanged = vsync.StateChanged
	// Submitted tells the fate of a Submit.
	Submitted = vsync.Submitted
)
