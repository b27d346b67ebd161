package groups

import (
	"errors"
	"fmt"

	"github.com/gmsd/gmsd/views"
)

// Limits. What a peer announces is held against them before memory is taken.
const (
	// NameMax bounds a member's name, in bytes.
	NameMax = 32
	// ControlMax bounds one control, in bytes.
	ControlMax = 16 << 10
	// GroupsMax bounds the light groups of a host view.
	GroupsMax = 16384
	// GroupMembersMax bounds the members of one group.
	GroupMembersMax = 4096
	// HostEntriesMax bounds the memberships of one host's ports.
	HostEntriesMax = 16384
	// EntriesMax bounds the memberships of a host view.
	EntriesMax = 1 << 17
	// WaitingMax bounds the joins of one host that are not agreed yet.
	WaitingMax = 16384

	// FailedMax is how many donors a joiner tries beside the last.
	FailedMax = 32

	// heldMax and heldHostMax bound the operations that wait for the end of an
	// exchange, in all and from one host.
	heldMax     = 1 << 17
	heldHostMax = 1 << 15
	// numberMax bounds what a peer may say of join numbers and positions, so
	// that nothing of ours overflows.
	numberMax = 1 << 62
)

// Errors of the local calls and of [JoinFailed].
var (
	// ErrFull: one of the limits of this package is reached.
	ErrFull = errors.New("no room for another membership")
	// ErrBusy: WaitingMax joins of this host are not agreed yet; try later.
	ErrBusy = errors.New("too many joins under way")
	// ErrMember: the port is in the group already, or on its way.
	ErrMember = errors.New("port is a member already")
	// ErrNotMember: the port is not in the group and not on its way.
	ErrNotMember = errors.New("port is not a member")
	// ErrName: the member's name is longer than NameMax.
	ErrName = errors.New("member name too long")
)

// Errors of [Machine.HandleControl]: why a control was dropped.
var (
	// ErrMalformed: the bytes are no control.
	ErrMalformed = errors.New("malformed control")
	// ErrStale: it speaks of an earlier view, or came behind a gap; expected
	// around every view change.
	ErrStale = errors.New("control of an earlier view")
	// ErrUnexpected: nobody waits for it.
	ErrUnexpected = errors.New("control not expected")
	// ErrOverrun: its host asked for too much during an exchange; it says it
	// again by itself.
	ErrOverrun = errors.New("too many operations during an exchange")
)

func checkNames(group, name string) error {
	if group == "" || len(group) > views.GroupNameMax {
		return fmt.Errorf("%w: %d bytes, want 1 to %d", views.ErrGroupName, len(group), views.GroupNameMax)
	}
	if len(name) > NameMax {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrName, len(name), NameMax)
	}
	return nil
}
