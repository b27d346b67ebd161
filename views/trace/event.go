package trace

import (
	"time"

	"github.com/gmsd/gmsd/views"
)

// Event is one of the structs of this package, by value.
type Event interface {
	// Name is the "ev" of the line.
	Name() string
}

// Record is an event with where and when it happened.
type Record struct {
	// N counts the records of one incarnation from 1.
	N uint64
	// T is the host's own monotonic time; never compared between hosts.
	T views.Instant
	views.Process
	Event Event
}

// MsgID names a message: the process that sent it and its count there.
type MsgID struct {
	From views.Process
	N    uint64
}

// HostBits is a member as an install lists it.
type HostBits struct {
	views.Process
	Bits views.Bits
}

// Start opens an incarnation.
type Start struct {
	HostName string
	Version  string
	PID      int
}

// Stop closes an incarnation. How is one of the Stop constants.
type Stop struct{ How string }

// Ways to stop.
const (
	StopGraceful = "graceful"
	StopFatal    = "fatal"
	StopFenced   = "fenced"
)

// Install says that View was installed after Prev (zero at start) and that
// Trans, sorted by host id, came along from there.
type Install struct {
	View      views.ViewID
	Prev      views.ViewID
	Trans     []views.HostID
	Members   []HostBits
	Kind      views.Kind
	Subgroups []views.Subgroup
	Reason    views.Reason
}

// Primary says that an installed view became, or ceased to be, primary.
type Primary struct {
	View      views.ViewID
	K         views.Position
	Primary   bool
	Epoch     views.Epoch
	MetaIndex uint64
	Synced    []views.HostID
}

// BitsChanged is an ordered change of a host's bits.
type BitsChanged struct {
	View views.ViewID
	K    views.Position
	Who  views.HostID
	Bits views.Bits
}

// Block says that sending has stopped in View until its successor is installed.
type Block struct{ View views.ViewID }

// Unblock says that sending goes on, in View.
type Unblock struct{ View views.ViewID }

// Send says that a message left the sender's hands.
type Send struct {
	Msg MsgID
	// Port is the member of a light group that sends it, 0 for the host itself.
	Port  uint32
	Group string
	View  views.ViewID
	Order views.Order
	Len   int
	// Sum is the CRC-32C of the payload.
	Sum uint32
}

// Deliver says that a message was delivered.
type Deliver struct {
	Msg MsgID
	// Port is who sent it at its host, as in Send.
	Port  uint32
	Group string
	View  views.ViewID
	// K is the place in the view's agreed order; 0 for FIFO.
	K     views.Position
	Order views.Order
	Len   int
	Sum   uint32
	// Transitional: behind a gap in the agreed order, so the promise holds
	// only among those who install the next view together.
	Transitional bool
}

// GroupID names a view of a light group: made in View at place K, 0 for one that
// came with its install; Side tells the parts of a view apart that still have
// tables of their own.
type GroupID struct {
	View views.ViewID
	K    views.Position
	Side uint16
}

// Port is a member of a light group; Join tells its memberships apart.
type Port struct {
	views.Process
	Port uint32
	Join uint64
}

// GroupView says that ports of this host installed a view of a light group.
type GroupView struct {
	Group string
	ID    GroupID
	// Prev is the view before it at these ports; zero for one that joins.
	Prev  GroupID
	Ports []uint32
	// Members in join order; Trans are those that came along from Prev.
	Members, Trans []Port
}

// GroupLeft says that a port is out of a light group; nothing more of it is for it.
type GroupLeft struct {
	Group string
	Port  uint32
	// Why is for people.
	Why string
}

// Suspect says that a detector doubts Who.
type Suspect struct {
	Who      views.HostID
	Detector string
	Evidence string
}

// Trust takes a doubt back.
type Trust struct {
	Who      views.HostID
	Detector string
	Evidence string
}

// Join is the verdict on one who wants to come in: accept, retry or reject.
type Join struct {
	Who     views.HostID
	Verdict string
	// Code is set for reject and retry.
	Code string
}

// Verdicts of Join.
const (
	JoinAccept = "accept"
	JoinRetry  = "retry"
	JoinReject = "reject"
)

// Drop counts input that was thrown away. From is the zero id where unknown.
type Drop struct {
	From   views.HostID
	Reason string
	Count  uint64
}

// Phase says that a view change reached a phase; it feeds the metrics and the
// operator's "why". It stands in the log beside the fixed events.
type Phase struct {
	Ballot views.ViewID
	// Phase is one of "gather", "propose", "flush", "recover", "install", "yield", "abandon", "nack".
	Phase string
	// Cause is for people.
	Cause string
}

// Laggard says that a coordinator waits for a host, and how it tries to reach it.
type Laggard struct {
	Ballot views.ViewID
	Who    views.HostID
	// Step is "retry", "relay", "left-out".
	Step string
}

// Pause says that this host noticed that it had been stopped (SIGSTOP, a
// starved machine, a suspended laptop) for about For, so that its silence and
// its doubts of that time mean nothing.
type Pause struct{ For time.Duration }

func (Start) Name() string       { return "start" }   //nolint:revive // each names its "ev"
func (Stop) Name() string        { return "stop" }    //nolint:revive // as above
func (Install) Name() string     { return "install" } //nolint:revive // as above
func (Primary) Name() string     { return "primary" } //nolint:revive // as above
func (BitsChanged) Name() string { return "bits" }    //nolint:revive // as above
func (Block) Name() string       { return "block" }   //nolint:revive // as above
func (Unblock) Name() string     { return "unblock" } //nolint:revive // as above
func (Send) Name() string        { return "send" }    //nolint:revive // as above
func (Deliver) Name() string     { return "deliver" } //nolint:revive // as above
func (GroupView) Name() string   { return "group" }   //nolint:revive // as above
func (GroupLeft) Name() string   { return "parted" }  //nolint:revive // as above
func (Suspect) Name() string     { return "suspect" } //nolint:revive // as above
func (Trust) Name() string       { return "trust" }   //nolint:revive // as above
func (Join) Name() string        { return "join" }    //nolint:revive // as above
func (Drop) Name() string        { return "drop" }    //nolint:revive // as above
func (Phase) Name() string       { return "phase" }   //nolint:revive // as above
func (Laggard) Name() string     { return "laggard" } //nolint:revive // as above
func (Pause) Name() string       { return "pause" }   //nolint:revive // as above
