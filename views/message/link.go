package message

import "github.com/gmsd/gmsd/views"

// Echo asks for an [EchoReply], to see what the way there carries.
type Echo struct {
	Token uint64
	// Seq counts the ones for one receiver, or the ones for all, from 1.
	Seq uint32
	// To is who is to answer; the zero HostID: the members of View with the ranks
	// from First on, Count of them, going round. Count 0: nobody is to answer, it is one
	// of First that are sent in a row.
	To           views.HostID
	View         views.ViewID
	First, Count uint16
	// Pad makes it as long as what is tested.
	Pad []byte
}

// EchoReply answers an Echo.
type EchoReply struct {
	Token uint64
	Seq   uint32
	// Size is how many bytes the frame had that brought the Echo.
	Size uint32
	// Got is how many Echos for it alone its sender has got of the receiver since it
	// first heard of it.
	Got uint32
}

// ReportKind says what a Report is.
type ReportKind uint8

// Kinds of Report.
const (
	// ReportWanted asks for one, and its Body is that of who asks.
	ReportWanted ReportKind = iota
	// ReportGiven answers.
	ReportGiven
	// ReportWantedFull asks for one after tests of all links.
	ReportWantedFull
	reportEnd
)

// Valid reports whether k is one of the list.
func (k ReportKind) Valid() bool { return k < reportEnd }

// Report carries what a host has found of its links, as internal/doctor writes it.
type Report struct {
	Kind  ReportKind
	Token uint64
	// Wall is the sender's clock, in milliseconds of Unix time.
	Wall int64
	Body []byte
}

// Type is TypeEcho.
func (*Echo) Type() Type { return TypeEcho }

// Type is TypeEchoReply.
func (*EchoReply) Type() Type { return TypeEchoReply }

// Type is TypeReport.
func (*Report) Type() Type { return TypeReport }
