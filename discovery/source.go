package discovery

import (
	"net/netip"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

// AddressesMax bounds the addresses of one source.
const AddressesMax = views.MembersMax

// Found is where another host may be.
type Found struct {
	Addr netip.AddrPort
	// Why says for people from where the source has it: a name, a line, a host.
	Why string
	// At is when the source learned it last; zero: it was written there.
	At time.Time
}

// Source names addresses. Any goroutine may call its methods; the contract
// stands at the top of the package.
type Source interface {
	// Name says which source this is, as people know it: peers, peers-file.
	Name() string
	// Addresses gives what is known now, the likeliest first; the caller owns it.
	Addresses() []Found
	// Trouble says on one line what keeps the source from knowing more; empty: nothing.
	Trouble() string
	// Close ends what goes on in the background and waits for it; it is idempotent.
	Close() error
}

// usable reports whether a host could be sought there.
func usable(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsMulticast()
}

// tidy leaves one of each address, the first, and not too many.
func tidy(found []Found) []Found {
	seen := make(map[netip.AddrPort]struct{}, len(found))
	found = slices.DeleteFunc(found, func(f Found) bool {
		_, twice := seen[f.Addr]
		seen[f.Addr] = struct{}{}
		return twice
	})
	return found[:min(len(found), AddressesMax)]
}
