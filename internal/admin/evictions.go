package admin

import (
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// evictionsMax bounds how many evictions are remembered.
const evictionsMax = 64

// eviction is an operator's word against a host, given here.
type eviction struct {
	host views.HostID
	who  string
	at   time.Time
}

// evictions are the last ones that were asked for at this host, oldest first. The
// group does not tell who asked; this is for who asks the same host.
type evictions struct {
	mu   sync.Mutex
	list []eviction
}

func (e *evictions) ask(one eviction) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.list) == evictionsMax {
		e.list = slices.Delete(e.list, 0, 1)
	}
	e.list = append(e.list, one)
}

// whoAsked gives who asked here for the eviction that a view shows, "" for nobody.
func (e *evictions) whoAsked(snap *gms.Snapshot, history []*gms.Snapshot) string {
	before := slices.IndexFunc(history, func(h *gms.Snapshot) bool { return h.View != nil && h.View.ID == snap.Prev })
	if snap.View.Reason != views.ReasonEvict || before < 0 {
		return ""
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range slices.Backward(e.list) {
		wasIn, isOut := history[before].View.Rank(one.host) >= 0, snap.View.Rank(one.host) < 0
		if wasIn && isOut && !one.at.After(snap.Installed) {
			return one.who
		}
	}
	return ""
}
