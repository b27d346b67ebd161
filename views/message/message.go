package message

import (
	"net/netip"

	"github.com/gmsd/gmsd/views"
)

// Type numbers the messages on the wire. The list is append-only.
type Type uint8

// Types of message.
const (
	TypeNone Type = iota
	TypeHeartbeat
	TypePing
	TypePong
	TypeAccuse
	TypeHello
	TypeIntroduce
	TypeAsk
	TypeRoster
	TypeRefuse
	TypePropose
	TypeAnswer
	TypeNack
	TypeHold
	TypeRecover
	TypeCatchup
	TypeFetch
	TypeInstall
	TypeRelay
	TypeAbdicate
	TypeLeave
	TypeData
	TypeResend
	TypeAck
	TypeStable
	TypeRequest
	TypeGrant
	TypeProbe
	TypeReached
	TypeTransfer
	TypePiece
	TypeSigned
	TypeKeys
	TypeKeyAsk
	TypeKeyGrant
	TypeUnheard
	TypeSpoken
	TypeEcho
	TypeEchoReply
	TypeReport
	TypeMissing
	TypeEnd
)

var typeNames = [...]string{
	"None", "Heartbeat", "Ping", "Pong", "Accuse", "Hello", "Introduce", "Ask", "Roster", "Refuse",
	"Propose", "Answer", "Nack", "Hold", "Recover", "Catchup", "Fetch", "Install", "Relay", "Abdicate",
	"Leave", "Data", "Resend", "Ack", "Stable", "Request", "Grant", "Probe", "Reached", "Transfer",
	"Piece", "Signed", "Keys", "KeyAsk", "KeyGrant",
	"Unheard", "Spoken", "Echo", "EchoReply", "Report", "Missing",
}

// String gives the name in the message table.
func (k Type) String() string {
	if int(k) < len(typeNames) {
		return typeNames[k]
	}
	return "Unknown"
}

// Message is one of the structs of this package, by pointer.
type Message interface{ Type() Type }

// Header is what every frame says of its sender.
type Header struct {
	// Group is the hash of the group's name: two groups never mix.
	Group uint64
	From  views.Process
	// Nonce is drawn at each start of a daemon. Two living processes with one
	// host id and one incarnation (a clone) differ in it.
	Nonce uint64
}

// Class divides what a member sends: each class is a stream of its own, so that
// one never waits for what the other has lost.
type Class uint8

// Classes of stream.
const (
	// ClassFIFO holds messages in their sender's order only.
	ClassFIFO Class = iota
	// ClassPlaced holds messages with a place in the view's agreed order.
	ClassPlaced
	// Classes is how many there are.
	Classes
)

// StreamID names a stream of a view: the sender's rank and the class.
type StreamID uint16

// StreamsMax bounds the streams of a view.
const StreamsMax = views.MembersMax * int(Classes)

// StreamOf is the stream of that class of the member with that rank.
func StreamOf(rank int, c Class) StreamID { return StreamID(rank*int(Classes) + int(c)) }

// Rank is the sender's.
func (s StreamID) Rank() int { return int(s) / int(Classes) }

// Class is what the stream holds.
func (s StreamID) Class() Class { return Class(s) % Classes }

// StreamPos is a place in a stream.
type StreamPos struct {
	Stream StreamID
	Seq    views.StreamSeq
}

// SeqRange is First..Last, both included.
type SeqRange struct{ First, Last views.StreamSeq }

// Heartbeat says that its sender lives.
type Heartbeat struct {
	View views.ViewID
	// Size is the number of members of View.
	Size uint16
	// Sent is, by class, the last packet of the sender's own streams in View, 0
	// for none: who holds less has missed one.
	Sent [Classes]views.StreamSeq
}

// Ping asks one process for a Pong.
type Ping struct {
	Token uint64
	// To is the process meant; any other one at that address stays silent.
	To views.Process
}

// Pong answers a Ping with its token.
type Pong struct{ Token uint64 }

// Evidence says on what an accusation rests. The list is append-only.
type Evidence uint8

// Kinds of evidence.
const (
	EvidenceNone Evidence = iota
	// EvidenceSilent: nothing heard past the deadline, probes included. Of a transport: what
	// carries frames there has lost it.
	EvidenceSilent
	// EvidenceClosed: the process closed its socket.
	EvidenceClosed
	// EvidenceRefused: its port refuses a connection or is unreachable.
	EvidenceRefused
	// EvidenceReplaced: another incarnation of the host answers in its place.
	EvidenceReplaced
	// EvidenceDeparted: it was seen in a later view without us.
	EvidenceDeparted
	evidenceEnd
)

var evidenceNames = [...]string{"none", "silent", "closed", "refused", "replaced", "departed"}

// String gives the name used in the event log.
func (e Evidence) String() string {
	if int(e) < len(evidenceNames) {
		return evidenceNames[e]
	}
	return "unknown"
}

// Valid reports whether e is one of the list.
func (e Evidence) Valid() bool { return e < evidenceEnd }

// Strong reports whether the evidence comes from the host's kernel or a
// successor rather than from silence.
func (e Evidence) Strong() bool { return e >= EvidenceClosed && e < evidenceEnd }

// Confirmed reports whether one observer's word is enough.
func (e Evidence) Confirmed() bool { return e >= EvidenceRefused && e < evidenceEnd }

// Accusation is one observer's doubt about one member.
type Accusation struct {
	Rank     uint16
	Evidence Evidence
}

// Accuse replaces all its sender's accusations in View.
type Accuse struct {
	View views.ViewID
	// Version rises with every change, so that an older one arriving late is ignored.
	Version uint64
	// Subjects are sorted by rank without duplicates; empty takes all back.
	Subjects []Accusation
}

// Hello says that a host exists.
type Hello struct {
	Self views.Member
	View views.ViewID
	// Size is the number of members of View.
	Size uint16
	// Joiner: this incarnation was never in a view of two.
	Joiner bool
	// New: the process started less than a second ago.
	New bool
}

// Introduce passes a stranger's Hello on to the coordinator.
type Introduce struct{ Hello Hello }

// Ask asks a stranger for its Roster.
type Ask struct {
	Token uint64
	// Addr is where the asker says it is, and is to be answered.
	Addr netip.AddrPort
	// View, Size and Joiner are the asker's: the stranger weighs who should lead.
	View   views.ViewID
	Size   uint16
	Joiner bool
}

// Roster lists the members of the sender's view.
type Roster struct {
	Token uint64
	View  views.ViewID
	// Promised is the highest seq the sender has promised: a ballot must be above it.
	Promised views.Seq
	// Members of View that the sender counts on, by rank, 1..[views.MembersMax].
	Members []views.Member
	// Joiner: the sender was never in a view of two.
	Joiner bool
}

// Contact is a process and where it is reached.
type Contact struct {
	views.Process
	Addr netip.AddrPort
}

// ProbeMax bounds the strangers of one Probe.
const ProbeMax = 64

// Probe asks a member to ping strangers and to tell whom it reached.
type Probe struct {
	Token uint64
	Whom  []Contact
}

// Reached answers a Probe: these have answered its sender, so both directions work.
type Reached struct {
	Token uint64
	Who   []views.Process
}

// Refuse tells a stranger that it may not come in.
type Refuse struct {
	To    views.Process
	Nonce uint64
	Code  views.RefuseCode
	// Hint is for people: what was found and what to do. Up to 200 bytes.
	Hint string
}

// Propose asks for a promise of Ballot and for an Answer.
type Propose struct {
	Ballot views.ViewID
	// Base is the view whose members are invited, but for Without.
	Base    views.ViewID
	Without []uint16
	// Leaving are ranks of Base that flush with the others and then go.
	Leaving []uint16
	// Plus are the invited of other views, sorted; PlusMark has for each of them
	// the [Mark] of the view it is expected to come from and of its nonce. One
	// that is elsewhere by now refuses, so that nobody is torn out of a view of
	// its own; and a member that knows another process by that name says so.
	Plus     []views.Process
	PlusMark []uint64
	// Ours are the invited of Base, sorted, where more than one member of another
	// view is invited: one who knows a later life of one of them says so, while there
	// is time. Empty otherwise.
	Ours []views.Process
	// Via, if valid, is a third member through which this came: answer there, too.
	Via netip.AddrPort
}

// Mark joins the check of a view id (high half) with the low half of a nonce.
func Mark(from views.ViewID, nonce uint64) uint64 {
	return uint64(from.Check())<<32 | nonce&(1<<32-1)
}

// SameView reports whether two marks may be of the same view.
func SameView(a, b uint64) bool { return a>>32 == b>>32 }

// SameNonce reports whether two marks may be of the same nonce.
func SameNonce(a, b uint64) bool { return uint32(a) == uint32(b) }

// Answer promises Ballot.
type Answer struct {
	Ballot views.ViewID
	// From is the view the sender is in, Prev the one before it.
	From, Prev views.ViewID
	// Highest is the highest ballot it had promised before, so that the
	// coordinator sees whether it may have missed an install.
	Highest views.ViewID
	// Digest sums what it holds of every stream of From.
	Digest uint64
	// Have lists the streams of which it holds more than is known to be stable.
	Have []StreamPos
	// Self is set where the sender's record differs from that in From, or Base is not From.
	Self *views.Member
	// Joiner: never in a view of two.
	Joiner bool
	// Leaving: it will go after the flush.
	Leaving bool
	// Bare: its sender knows of no light group, and holds nothing of From that
	// could tell it of one.
	Bare bool
	// Relayed: it came through a third member because the direct way failed.
	Relayed bool
	// Stale are invited processes of which the sender has installed a later incarnation.
	Stale []views.Process
	// Missed, if set, is a ballot it had answered before and has met as a view since:
	// it may be in that. Holder, a host in it, has the install.
	Missed views.ViewID
	Holder netip.AddrPort
}

// HasMissed reports whether the sender may be in a view that it has not installed.
func (m *Answer) HasMissed() bool { return m.Holder.IsValid() }

// Nack refuses Ballot because a higher one was promised.
type Nack struct {
	Ballot   views.ViewID
	Promised views.ViewID
}

// Hold tells one who has answered that the coordinator is still at work.
type Hold struct{ Ballot views.ViewID }

// CutEntry says how far a stream must be completed and who holds that much.
type CutEntry struct {
	StreamPos
	// Holder is a rank in the subgroup's view.
	Holder uint16
}

// Recover gives the common cut of the subgroup that comes from From.
type Recover struct {
	Ballot views.ViewID
	From   views.ViewID
	Cut    []CutEntry
}

// Catchup tells a member that others have installed View from the view it is in.
type Catchup struct {
	Ballot views.ViewID
	View   views.ViewID
	// Holder has installed View.
	Holder netip.AddrPort
}

// Fetch asks for the Install of View, whole.
type Fetch struct{ View views.ViewID }

// MemberSpan places a run of members in a new view: Count ranks of the parent
// view from First, or, where Explicit, the next Count of Install.Members.
type MemberSpan struct {
	Explicit bool
	First    uint16
	Count    uint16
}

// InstallGroup is a subgroup: Count members in rank order, coming from From,
// all holding what Digest sums. Bare: none of them knows of a light group.
type InstallGroup struct {
	From   views.ViewID
	Count  uint16
	Digest uint64
	Bare   bool
}

// Install decides View.
type Install struct {
	View   views.ViewID
	Kind   views.Kind
	Reason views.Reason
	// Parent is the view that Layout refers to; zero where all members are explicit.
	Parent  views.ViewID
	Layout  []MemberSpan
	Members []views.Member
	// Groups stand in rank order and cover the members. A group of Count 0
	// holds only leavers.
	Groups []InstallGroup
	// Signature is the coordinator's, over what wire.AppendView makes of the whole
	// view; zero where nothing is signed.
	Signature Signature
}

// Relay asks a member to pass a whole frame on, unread.
type Relay struct {
	To    netip.AddrPort
	Frame []byte
}

// Transfer carries one message of the transfer of an application's state, as
// views/transfer wrote it. One that was decoded holds, like a Data, until the next
// frame is.
type Transfer struct{ Body []byte }

// Abdicate asks its receiver to lead the change that Ballot was to make.
type Abdicate struct{ Ballot views.ViewID }

// Leave asks to be taken out of View.
type Leave struct{ View views.ViewID }

// Data carries one packet of a stream of View.
type Data struct {
	View   views.ViewID
	Stream StreamID
	// Seq is the packet's place in the stream, from 1.
	Seq   views.StreamSeq
	Flags DataFlags
	// Body is for views/vsync to read, see there; not empty. Decoded, it is
	// part of the frame: who keeps it copies it.
	Body []byte
	// Whole, if set, ends with Body; what stands before it is free for the head of
	// a frame, so that a long packet need not be copied.
	Whole []byte
}

// DataFlags say what a packet asks of who takes it.
type DataFlags uint8

// Flags of a packet.
const (
	// AckNow asks for an Ack at once: the sender's window is filling up.
	AckNow DataFlags = 1 << iota
	// AckAll asks for an Ack at once and to everybody: a safe message is in it.
	AckAll
	dataFlagsEnd
)

// Valid reports whether only known flags are set.
func (f DataFlags) Valid() bool { return f < dataFlagsEnd }

// Resend asks for packets of a stream.
type Resend struct {
	View   views.ViewID
	Stream StreamID
	Ranges []SeqRange
}

// Ack says how much of each stream its sender holds without a gap.
type Ack struct {
	View views.ViewID
	Have []StreamPos
	// Room is how many bytes its sender lets be under way in View altogether;
	// 0 stops everybody until it says more.
	Room uint64
	// Turn counts how often its sender has changed Room in View: of two words the
	// one of the higher turn holds, whichever comes last.
	Turn uint64
}

// Stable says how much of each stream every member holds.
type Stable struct {
	View views.ViewID
	Have []StreamPos
	// Room is the least that any member allows, Slowest that one's rank.
	Room    uint64
	Slowest uint16
	// Turn counts how often these two have changed in View, as that of an Ack.
	Turn uint64
}

// Request asks for places in the agreed order. Both counts are from the
// beginning of View, so a repeated or late request does no harm.
type Request struct {
	View views.ViewID
	// Have places were received without a gap, Want are wanted in all.
	Have, Want uint64
}

// PlaceRange is Count consecutive places from K.
type PlaceRange struct {
	K     views.Position
	Count uint32
}

// Grant gives places in the agreed order.
type Grant struct {
	View views.ViewID
	// First is the receiver's count before these: Ranges hold places First+1, ...
	First  uint64
	Ranges []PlaceRange
}

func (*Heartbeat) Type() Type { return TypeHeartbeat } //nolint:revive // the table in doc.go describes all of these
func (*Ping) Type() Type      { return TypePing }      //nolint:revive // as above
func (*Pong) Type() Type      { return TypePong }      //nolint:revive // as above
func (*Accuse) Type() Type    { return TypeAccuse }    //nolint:revive // as above
func (*Hello) Type() Type     { return TypeHello }     //nolint:revive // as above
func (*Introduce) Type() Type { return TypeIntroduce } //nolint:revive // as above
func (*Ask) Type() Type       { return TypeAsk }       //nolint:revive // as above
func (*Roster) Type() Type    { return TypeRoster }    //nolint:revive // as above
func (*Refuse) Type() Type    { return TypeRefuse }    //nolint:revive // as above
func (*Propose) Type() Type   { return TypePropose }   //nolint:revive // as above
func (*Answer) Type() Type    { return TypeAnswer }    //nolint:revive // as above
func (*Nack) Type() Type      { return TypeNack }      //nolint:revive // as above
func (*Hold) Type() Type      { return TypeHold }      //nolint:revive // as above
func (*Recover) Type() Type   { return TypeRecover }   //nolint:revive // as above
func (*Catchup) Type() Type   { return TypeCatchup }   //nolint:revive // as above
func (*Fetch) Type() Type     { return TypeFetch }     //nolint:revive // as above
func (*Install) Type() Type   { return TypeInstall }   //nolint:revive // as above
func (*Relay) Type() Type     { return TypeRelay }     //nolint:revive // as above
func (*Abdicate) Type() Type  { return TypeAbdicate }  //nolint:revive // as above
func (*Leave) Type() Type     { return TypeLeave }     //nolint:revive // as above
func (*Data) Type() Type      { return TypeData }      //nolint:revive // as above
func (*Resend) Type() Type    { return TypeResend }    //nolint:revive // as above
func (*Ack) Type() Type       { return TypeAck }       //nolint:revive // as above
func (*Stable) Type() Type    { return TypeStable }    //nolint:revive // as above
func (*Request) Type() Type   { return TypeRequest }   //nolint:revive // as above
func (*Grant) Type() Type     { return TypeGrant }     //nolint:revive // as above
func (*Probe) Type() Type     { return TypeProbe }     //nolint:revive // as above
func (*Reached) Type() Type   { return TypeReached }   //nolint:revive // as above
func (*Transfer) Type() Type  { return TypeTransfer }  //nolint:revive // as above
func (*Piece) Type() Type     { return TypePiece }     //nolint:revive // as above
