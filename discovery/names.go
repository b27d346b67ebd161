package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds and times of look-ups.
const (
	// addressesMax bounds the addresses of one name.
	addressesMax = 256
	// resolvingMax bounds the names of a source that are looked up at one time.
	resolvingMax = 8
	// resolveEvery is the least time between two look-ups of a name.
	resolveEvery = 3 * time.Second
	// resolveTimeout ends a look-up.
	resolveTimeout = 10 * time.Second
)

// names looks names up in the background and keeps the last good answers.
type names struct {
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	all  []*name
	busy int
	next int // whose turn it is to be looked up
}

// none reports whether there are none.
func (n *names) none() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.all) == 0
}

// name is one of them and what it last meant.
type name struct {
	text  string // tells it from others
	why   string // for people: where it is written
	look  func(ctx context.Context) ([]netip.AddrPort, error)
	known []netip.AddrPort // sorted
	// asked is when the last look-up began, at when the last good answer came.
	asked, at time.Time
	busy      bool
	fault     string // what the last look-up met
}

func newNames(log *slog.Logger) *names {
	n := &names{log: log}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// set replaces the list; a name that stays keeps what it means.
func (n *names) set(list []*name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, fresh := range list {
		if old := slices.IndexFunc(n.all, func(o *name) bool { return o.text == fresh.text }); old >= 0 {
			list[i] = n.all[old]
			list[i].why = fresh.why
		}
	}
	n.all = list
	n.maybeResolve()
}

// addresses gives what the names mean, and has those looked up that were not for
// a while.
func (n *names) addresses() []Found {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.maybeResolve()
	var out []Found
	for _, one := range n.all {
		for _, a := range one.known {
			out = append(out, Found{Addr: a, Why: one.why, At: one.at})
		}
	}
	return out
}

// maybeResolve starts as many look-ups as are due and allowed, taking turns.
// The caller holds n.mu.
func (n *names) maybeResolve() {
	now := time.Now()
	for range n.all {
		if n.busy >= resolvingMax || n.ctx.Err() != nil {
			return
		}
		one := n.all[n.next%len(n.all)]
		n.next++
		if one.busy || !one.asked.IsZero() && now.Sub(one.asked) < resolveEvery {
			continue
		}
		one.busy, one.asked = true, now
		n.busy++
		n.wg.Go(func() { n.lookUp(one) })
	}
}

func (n *names) lookUp(one *name) {
	ctx, cancel := context.WithTimeout(n.ctx, resolveTimeout)
	defer cancel()
	found, err := one.look(ctx)

	n.mu.Lock()
	defer n.mu.Unlock()
	one.busy = false
	n.busy--
	if n.ctx.Err() != nil {
		return
	}
	first := one.at.IsZero() && one.fault == ""
	n.note(one, sorted(found), err)
	if first {
		n.maybeResolve() // there may be more names than look-ups at one time
	}
}

// note keeps a good answer, and says once what changed. The caller holds n.mu.
func (n *names) note(one *name, found []netip.AddrPort, err error) {
	if err == nil && len(found) == 0 {
		err = errors.New("it has no IPv4 address")
	}
	if err != nil {
		if err.Error() != one.fault {
			n.log.Warn("cannot resolve a peer", "peer", one.text, "err", err, "using", fmt.Sprint(one.known))
		}
		one.fault = err.Error()
		return
	}
	if !slices.Equal(found, one.known) || one.fault != "" {
		n.log.Info("resolved a peer", "peer", one.text, "addresses", fmt.Sprint(found))
	}
	one.known, one.at, one.fault = found, time.Now(), ""
}

// trouble names those that could not be resolved last.
func (n *names) trouble() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var faults []string
	for _, one := range n.all {
		if one.fault != "" {
			faults = append(faults, one.text+": "+one.fault)
		}
	}
	return strings.Join(faults, "; ")
}

// sorted keeps what can be sought, without repetitions, not too many.
func sorted(found []netip.AddrPort) []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range found {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if usable(a.Addr()) && a.Port() != 0 {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	out = slices.Compact(out)
	return out[:min(len(out), addressesMax)]
}

// close ends the look-ups and waits for them; it is idempotent.
func (n *names) close() {
	n.mu.Lock() // so that no look-up starts beside the waiting
	n.cancel()
	n.mu.Unlock()
	n.wg.Wait()
}
