package views

// Reason says why a view was made. The list is closed and append-only.
type Reason uint8

// Reasons, strongest last: when several things happen in one change the
// strongest names it.
const (
	ReasonNone    Reason = iota
	ReasonStart          // a host's first view, of itself alone
	ReasonRestate        // the same members again: a change was begun and came to nothing
	ReasonJoin           // a host came that was never in a view of two
	ReasonLeave          // a member asked to go
	ReasonEvict          // the operator removed a member
	ReasonCrash          // a member was given up
	ReasonReplace        // a member restarted before it was given up
	ReasonMerge          // two regimes came together
	reasonEnd
)

var reasonNames = [...]string{"none", "start", "restate", "join", "leave", "evict", "crash", "replace", "merge"}

// String gives the name used in the outside faces.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// Valid reports whether r is one of the list.
func (r Reason) Valid() bool { return r < reasonEnd }

// ParseReason reads what String wrote.
func ParseReason(s string) (Reason, bool) {
	for i, n := range reasonNames {
		if n == s {
			return Reason(i), true
		}
	}
	return ReasonNone, false
}

// Order is the promise a message is delivered under.
type Order uint8

// Orders.
const (
	// FIFO keeps each sender's order.
	FIFO Order = iota
	// Agreed is one total order for the view.
	Agreed
	// Safe is Agreed, and nobody delivers before every host that has a member of
	// the group holds the message.
	Safe
	// OrderEnd is past the last.
	OrderEnd
)

var orderNames = [OrderEnd]string{"fifo", "agreed", "safe"}

// String gives the name used in the outside faces.
func (o Order) String() string {
	if o < OrderEnd {
		return orderNames[o]
	}
	return "unknown"
}

// Placed reports whether messages of this order have a place in the view's
// agreed order.
func (o Order) Placed() bool { return o != FIFO }

// ParseOrder reads what String wrote.
func ParseOrder(s string) (Order, bool) {
	for o, name := range orderNames {
		if name == s {
			return Order(o), true
		}
	}
	return FIFO, false
}

// RefuseCode says why a host may not come in. The list is closed and append-only.
type RefuseCode uint8

// Refusals.
const (
	RefuseNone RefuseCode = iota
	// RefuseDuplicate: another living process has this host id.
	RefuseDuplicate
	// RefuseRolledBack: the group has seen a later incarnation of this host.
	RefuseRolledBack
	// RefuseFull: the view holds MembersMax members.
	RefuseFull
	// RefuseName: another member has this name.
	RefuseName
	// RefuseVersion: the wire versions do not overlap.
	RefuseVersion
	// RefuseEvicted: the operator removed the host.
	RefuseEvicted
	// RefuseKey: its frames are sealed under a key that is not the group's.
	RefuseKey
	// RefuseOldKey: they are sealed under a key that was removed.
	RefuseOldKey
	// RefusePlain: its frames are not sealed, and the group's are.
	RefusePlain
	// RefuseSealed: its frames are sealed, and the group has no key.
	RefuseSealed
	// RefuseGroup: it belongs to another group.
	RefuseGroup
	// RefuseTransport: it speaks another transport.
	RefuseTransport
	refuseEnd
)

var refuseNames = [...]string{
	"none", "duplicate-id", "rolled-back", "group-full", "duplicate-name", "version", "evicted",
	"wrong-key", "old-key", "not-sealed", "sealed", "other-group", "other-transport",
}

// String gives the code used in the outside faces.
func (c RefuseCode) String() string {
	if int(c) < len(refuseNames) {
		return refuseNames[c]
	}
	return "unknown"
}

// Valid reports whether c is one of the list.
func (c RefuseCode) Valid() bool { return c < refuseEnd }

// Unproven reports whether a refusal comes from one who could not read who was
// refused. Anybody can send it, so it is said and nothing follows from it.
func (c RefuseCode) Unproven() bool { return c == RefuseVersion || c >= RefuseKey && c < refuseEnd }
