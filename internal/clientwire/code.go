package clientwire

// Code says in an error, a failed or a parted what was wrong, for programs. The
// list is append-only; one who does not know a code takes it for CodeInternal.
type Code uint16

// Codes. The second half is about a call alone; the first ends the connection.
const (
	CodeNone Code = iota
	// CodeProtocol: bytes that are no frame, or a frame out of place.
	CodeProtocol
	// CodeVersion: no version in common.
	CodeVersion
	// CodeLimit: more of something than the welcome allows.
	CodeLimit
	// CodeCredit: more bytes than were granted.
	CodeCredit
	// CodeTimeout: no hello, or the rest of a long message did not come in time.
	CodeTimeout
	// CodeBusy: too many connections, or joins under way; later.
	CodeBusy
	// CodeClosed: the daemon stops, or has closed the port.
	CodeClosed
	// CodeSlow: the program did not read and was cut.
	CodeSlow
	// CodeInternal: a fault of the daemon.
	CodeInternal
)

// Codes of calls.
const (
	// CodeGroupName: a group's name is empty, too long, or no text.
	CodeGroupName Code = iota + 32
	// CodeName: the program's name is too long.
	CodeName
	// CodeMember: the port is in the group already.
	CodeMember
	// CodeNotMember: it is not.
	CodeNotMember
	// CodeFull: no room for another membership.
	CodeFull
	// CodeTooLong: the payload is too long.
	CodeTooLong
	// CodeBlocked: the port did not answer a block in time.
	CodeBlocked
	// CodeLeaving: the host is leaving.
	CodeLeaving
	// CodeQueueFull: too much waits to be sent.
	CodeQueueFull
	// CodeCanceled: the program took it back.
	CodeCanceled
	// CodeLost: what became of it is not known.
	CodeLost
	// CodeNoDonor: nobody is left that can give the state.
	CodeNoDonor
	// CodeState: a state could not be read, or taken.
	CodeState
)

var codeNames = map[Code]string{
	CodeNone: "none", CodeProtocol: "protocol", CodeVersion: "version", CodeLimit: "limit", CodeCredit: "credit",
	CodeTimeout: "timeout", CodeBusy: "busy", CodeClosed: "closed", CodeSlow: "slow", CodeInternal: "internal",
	CodeGroupName: "group-name", CodeName: "name", CodeMember: "member", CodeNotMember: "not-member", CodeFull: "full",
	CodeTooLong: "too-long", CodeBlocked: "blocked", CodeLeaving: "leaving", CodeQueueFull: "queue-full",
	CodeCanceled: "canceled", CodeLost: "lost", CodeNoDonor: "no-donor", CodeState: "state",
}

// String gives the name used in logs and metrics.
func (c Code) String() string {
	if s, ok := codeNames[c]; ok {
		return s
	}
	return "unknown"
}
