package views

// Limits. Everything that comes from a peer is held against these before
// memory is taken for it; everything local is refused beyond them with an
// error that names the limit.
const (
	// MembersMax bounds a view: the product's promise is 1,000 hosts.
	MembersMax = 1024
	// NameMax bounds a host's name: the longest DNS label is 63.
	NameMax = 64
	// VersionMax bounds a version string.
	VersionMax = 32
	// AttrsMax, AttrKeyMax, AttrValueMax and AttrBytesMax bound a host's
	// attributes; they ride in every view, so they are for facts, not data.
	AttrsMax     = 16
	AttrKeyMax   = 32
	AttrValueMax = 128
	AttrBytesMax = 512
	// GroupNameMax bounds the name of a process group.
	GroupNameMax = 64
	// PayloadMax bounds one message; a long one travels in parts.
	PayloadMax = 16 << 20
	// DatagramMax is the largest datagram we send or take: what UDP over IPv4 carries.
	DatagramMax = 65507
	// MessageMax bounds a control message as it is cut into pieces: the largest
	// view, whose members say all they may of themselves, takes three quarters of it.
	MessageMax = 1 << 20
	// SubgroupsMax bounds the regimes that merge in one view.
	SubgroupsMax = MembersMax
)
