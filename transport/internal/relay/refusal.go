package relay

import "fmt"

// Refusal is why a router does not let somebody in.
type Refusal byte

// Refusals.
const (
	// RefusedVersion: the two speak other versions.
	RefusedVersion Refusal = iota + 1
	// RefusedProof: the signature is not that of the host's key.
	RefusedProof
	// RefusedRate: too many register just now.
	RefusedRate
	// RefusedFull: the router has as many members, or groups, as it takes.
	RefusedFull
	// RefusedGroupFull: the group has as many members as it may have.
	RefusedGroupFull
	// RefusedSource: as many come from the same address as are allowed.
	RefusedSource
	// RefusedStranger: it says that it is a router, and does not come from the
	// address of one.
	RefusedStranger
	// RefusedTie: the two routers have a connection.
	RefusedTie
	// RefusedSelf: it is the router itself.
	RefusedSelf
	refusedEnd
)

var refusals = [...]struct{ name, text string }{
	{"none", "no refusal"},
	{"version", "it speaks another version of the protocol"},
	{"proof", "the signature is not that of the host's key"},
	{"rate", "too many register just now"},
	{"full", "it has as many members or groups as it takes"},
	{"group-full", "the group has as many members as it may have"},
	{"source", "as many come from this address as are allowed"},
	{"stranger", "this address is not in the router's --peers"},
	{"tie", "the two routers have a connection"},
	{"self", "it is this router itself"},
}

// String is its name in metrics.
func (r Refusal) String() string {
	if int(r) < len(refusals) {
		return refusals[r].name
	}
	return "unknown"
}

// Refusals gives all of them.
func Refusals() []Refusal {
	var out []Refusal
	for r := RefusedVersion; r < refusedEnd; r++ {
		out = append(out, r)
	}
	return out
}

// Error says it in words.
func (r Refusal) Error() string {
	if int(r) < len(refusals) {
		return "the router refuses: " + refusals[r].text
	}
	return fmt.Sprintf("the router refuses for a reason (%d) that this version does not know", byte(r))
}
