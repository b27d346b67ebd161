package engine

import (
	"errors"
	"net/netip"

	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/vsync"
)

// Input is something that happened outside. Nil means "only time has passed".
type Input interface{ input() }

// Received is a frame that arrived. The engine copies what it keeps.
//
// More: further frames arrived with it and follow at once. They are acknowledged
// together, with the last.
//
// Multicast: it came to many, so that others than we may be meant.
type Received struct {
	From      netip.AddrPort
	Frame     []byte
	More      bool
	Multicast bool
}

// Persisted says that the disk write with that token has ended. An error is
// fatal: the host stops, since it could break a promise after a restart.
type Persisted struct {
	Token uint64
	Err   error
}

// Submit asks to multicast messages, in order. The fate of those with a token
// comes back as [Submitted]. A payload is the engine's until it was sent.
type Submit []Submission

// Join asks for the membership of a port in a light group. What follows is a
// groups.GroupView with the port in it, or a groups.JoinFailed.
type Join struct {
	// Port is a client of this host, not 0, never used again in its life.
	Port        uint32
	Group, Name string
	// Block: the port wants to be asked before the group's view changes.
	Block bool
	// State: it wants the application's state. A groups.Handover says from whom.
	State bool
}

// Part takes a port out of a group.
type Part struct {
	Port  uint32
	Group string
	Why   groups.Why
}

// PortGone takes a port out of all its groups: its client went without a word.
type PortGone struct{ Port uint32 }

// Ready says that a port has stopped sending to a group, as a groups.Block asked.
type Ready struct {
	Port  uint32
	Group string
}

// Backlog says how many bytes of what was delivered the application has not
// taken yet: who is far behind lets less be sent, in the end nothing.
type Backlog struct{ Bytes int }

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

// Evict asks to remove a member by the operator's word. Where frames are sealed the
// group has a fresh key thereafter, unless KeepKeys, and that host none of them.
type Evict struct {
	Host     views.HostID
	KeepKeys bool
	// At is now, in seconds of Unix time, for people.
	At int64
}

// ExamineLink asks for a row of short Echos to a host at an address, a member or not;
// [Status] has what comes of it. Thorough: enough of them for the share that is lost.
type ExamineLink struct {
	Host     views.HostID
	Addr     netip.AddrPort
	Thorough bool
}

// SendBurst sends a row of multicasts, to see at the others whether all of them come.
type SendBurst struct{}

// SendReport sends a report: to Addr, or to all members where that is not valid.
type SendReport struct {
	Addr   netip.AddrPort
	Report *message.Report
}

// KeyOp is what is to be done to the ring.
type KeyOp uint8

// Operations on the ring.
const (
	// InstallKey draws a fresh key and adds it.
	InstallKey KeyOp = iota
	// UseKey names the key that seals.
	UseKey
	// RemoveKey takes a key out for good.
	RemoveKey
	// MergeRing adds what another ring holds.
	MergeRing
)

// ChangeKeys asks for a change of the ring. A [KeysChanged] with the token follows.
type ChangeKeys struct {
	Token uint64
	Op    KeyOp
	// ID is for UseKey and RemoveKey, Ring for MergeRing, At, as that of an Evict, for InstallKey.
	ID   keys.ID
	Ring keys.Ring
	At   int64
}

// RingSaved says that the ring of that token was written, or why not.
type RingSaved struct {
	Token uint64
	Err   error
}

// PollKeys asks all members how far they are with the keys, for [Status]. Again:
// only those that have not answered.
type PollKeys struct{ Again bool }

// Evidence is what the operating system says of a watched process.
type Evidence struct {
	views.Process
	Found message.Evidence
}

// Absent says whether addresses are known at which hosts may be that are not in
// the view: then this host, where it leads, goes on making itself known to them.
type Absent struct{ Some bool }

func (Absent) input()      {}
func (Received) input()    {}
func (Persisted) input()   {}
func (Submit) input()      {}
func (Join) input()        {}
func (Part) input()        {}
func (PortGone) input()    {}
func (Ready) input()       {}
func (Backlog) input()     {}
func (SetState) input()    {}
func (Leave) input()       {}
func (Evict) input()       {}
func (Evidence) input()    {}
func (ChangeKeys) input()  {}
func (RingSaved) input()   {}
func (PollKeys) input()    {}
func (ExamineLink) input() {}
func (SendBurst) input()   {}
func (SendReport) input()  {}

// Output is all that follows from a Step. Its fields stand in the order in
// which the driver must act. Slices are the driver's until the next Step.
type Output struct {
	// Events must be in the event log before anything below is done.
	Events []trace.Event
	// Persist, if set, must be written and synced; then comes Persisted. It
	// need not be waited for: what depends on it is held back by the engine.
	Persist *Persist
	// Keys, if set, are those of the group from now on, for what greets over streams.
	Keys *Keys
	// SaveRing, if set, must be written and synced; then comes RingSaved. Only the
	// last counts.
	SaveRing *SaveRing
	// Send are frames to send, in order.
	Send []Packet
	// State is to be done to the states under way, each list in its order.
	State StateWork
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

// Keys are those that are used: one seals, all of the accepted open.
type Keys struct {
	Sending  keys.Key
	Accepted []keys.Key
	Ring     keys.Ring
}

// SaveRing is the ring to write.
type SaveRing struct {
	Token uint64
	Ring  keys.Ring
}

// KeysChanged answers a ChangeKeys: the key it was about, or why nothing was changed.
type KeysChanged struct {
	Token uint64
	ID    keys.ID
	Err   error
}

// KeysFault says that the ring could not be changed after an expulsion.
type KeysFault struct{ Err error }

// ReportCame gives what another host reports of its links.
type ReportCame struct {
	From   views.Process
	Addr   netip.AddrPort
	Report *message.Report
}

// Refused says that frames could not be read, for a reason that an operator can mend:
// Ours, those of this host by the one at From; else those of that one here. Again: it was
// told of that address, and the same has come again a moment later. Who it is, and that it
// is there, nobody has proved, unless the code says that its host id is taken.
type Refused struct {
	Ours  bool
	Again bool
	Who   views.HostID
	From  netip.AddrPort
	Code  views.RefuseCode
}

// Met says that a host outside the view says where it is, and that its frames come
// from somewhere else, or from where a member is or another one outside. Name is what it
// calls itself.
type Met struct {
	Host         views.HostID
	Name         string
	Says, Source netip.AddrPort
}

// ErrPlain: this group has no keys.
var ErrPlain = errors.New("this group has no keys: its frames are not sealed")

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

// Packet is a frame to send. Alone: it finds how long a path is, and no other frame shares
// its way.
type Packet struct {
	Scope Scope
	Alone bool
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

// GroupUnblocked says that ports may send again: the change of the host view for
// which they were asked has come, or came to nothing.
type GroupUnblocked struct {
	Group string
	Ports []uint32
}

// Delivery is something for the application: one of the types below, a
// [GroupUnblocked], a [KeysChanged], a [KeysFault], a [Refused], an [Earshot], a [ReportCame],
// a [Met], or an event of package groups or transfer.
type Delivery any

// What the core gives to the application passes through as it is.
type (
	// Stop ends a host.
	Stop = vsync.Stop
	// ViewInstalled gives a new view.
	ViewInstalled = vsync.ViewInstalled
	// Blocked says that sending has stopped.
	Blocked = vsync.Blocked
	// Unblocked says that sending goes on.
	Unblocked = vsync.Unblocked
	// Submission is a message to send.
	Submission = vsync.Submission
	// Messages were delivered one after the other. Their list is the driver's
	// until the next Step.
	Messages = vsync.Messages
	// Control is a word of the light groups; the driver need not act on it.
	Control = vsync.Control
	// Message is one of them.
	Message = vsync.Message
	// StateChanged gives the view with one member's record changed.
	StateChanged = vsync.StateChanged
	// Submitted tells the fate of a Submit.
	Submitted = vsync.Submitted
)
