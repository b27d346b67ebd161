package udp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gmsd/gmsd/views"
)

// Bounds and times of the peers.
const (
	// PeersMax bounds the configured peers.
	PeersMax = views.MembersMax
	// addressesMax bounds the addresses of one name.
	addressesMax = 64
	// resolvingMax bounds the names that are looked up at one time.
	resolvingMax = 8
	// resolveEvery is the least time between two look-ups of a name.
	resolveEvery = 3 * time.Second
	// resolveTimeout ends a look-up.
	resolveTimeout = 10 * time.Second
	// firstAnswers is how long the start waits for names.
	firstAnswers = 250 * time.Millisecond
)

// peers knows where to look for others.
type peers struct {
	log     *slog.Logger
	resolve func(ctx context.Context, name string) ([]netip.Addr, error)
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu    sync.Mutex
	all   []*peer
	fixed []netip.AddrPort // given as addresses
	busy  int
	next  int           // whose turn it is to be looked up
	first chan struct{} // closed when every name was looked up once
	unmet int           // names not looked up yet
	to    []netip.AddrPort
}

// peer is a name and what it last meant.
type peer struct {
	name   string
	port   uint16
	known  []netip.Addr
	asked  time.Time
	busy   bool
	met    bool
	fault  string // logged last
	answer string // logged last
}

func newPeers(cfg Config) (*peers, error) {
	p := &peers{log: cfg.Logger, resolve: cfg.Resolve, first: make(chan struct{})}
	if p.resolve == nil {
		p.resolve = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
		}
	}
	if len(cfg.Peers) > PeersMax {
		return nil, fmt.Errorf("peers: %d are given, at most %d can be", len(cfg.Peers), PeersMax)
	}
	var faults []error
	for _, s := range cfg.Peers {
		faults = append(faults, p.add(s))
	}
	p.unmet = len(p.all)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, errors.Join(faults...)
}

// add reads one peer as configured.
func (p *peers) add(s string) error {
	host, port, err := splitPeer(s)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		p.all = append(p.all, &peer{name: host, port: port})
	case !addr.Unmap().Is4() || addr.IsUnspecified() || addr.IsMulticast():
		return fmt.Errorf("peer %q: want an IPv4 address of one host", s)
	default:
		p.fixed = append(p.fixed, netip.AddrPortFrom(addr.Unmap(), port))
	}
	return nil
}

func splitPeer(s string) (host string, port uint16, err error) {
	host, digits, given := strings.Cut(s, ":")
	if host == "" || strings.ContainsAny(host, " \t/[]") {
		return "", 0, fmt.Errorf("peer %q: want host or host:port", s)
	}
	if !given {
		return host, DefaultPort, nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("peer %q: port %q: want 1..65535", s, digits)
	}
	return host, uint16(n), nil
}

// start begins to look names up and waits for the first answers, not long: a
// name in the hosts file is there at once and saves the first seek.
func (p *peers) start() {
	p.mu.Lock()
	names := p.unmet
	p.maybeResolve()
	p.mu.Unlock()
	if names == 0 {
		return
	}
	timer := time.NewTimer(firstAnswers)
	defer timer.Stop()
	select {
	case <-p.first:
	case <-timer.C:
	}
}

// addresses gives where to seek, without the given ones of our own, and has
// names looked up that were not for a while. It is good until the next call.
func (p *peers) addresses(own ...netip.AddrPort) []netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.maybeResolve()
	p.to = append(p.to[:0], p.fixed...)
	for _, one := range p.all {
		for _, a := range one.known {
			p.to = append(p.to, netip.AddrPortFrom(a, one.port))
		}
	}
	slices.SortFunc(p.to, netip.AddrPort.Compare)
	p.to = slices.DeleteFunc(slices.Compact(p.to), func(a netip.AddrPort) bool { return slices.Contains(own, a) })
	return p.to
}

// maybeResolve starts as many look-ups as are due and allowed, taking turns.
// The caller holds p.mu.
func (p *peers) maybeResolve() {
	now := time.Now()
	for range p.all {
		if p.busy >= resolvingMax || p.ctx.Err() != nil {
			return
		}
		one := p.all[p.next%len(p.all)]
		p.next++
		if one.busy || !one.asked.IsZero() && now.Sub(one.asked) < resolveEvery {
			continue
		}
		one.busy, one.asked = true, now
		p.busy++
		p.wg.Go(func() { p.lookUp(one) })
	}
}

func (p *peers) lookUp(one *peer) {
	ctx, cancel := context.WithTimeout(p.ctx, resolveTimeout)
	defer cancel()
	found, err := p.resolve(ctx, one.name)

	p.mu.Lock()
	defer p.mu.Unlock()
	one.busy = false
	p.busy--
	if p.ctx.Err() != nil {
		return
	}
	p.note(one, found, err)
	if !one.met {
		one.met = true
		if p.unmet--; p.unmet == 0 {
			close(p.first)
		}
		p.maybeResolve() // there may be more names than look-ups at one time
	}
}

// note keeps a good answer, and says once what changed. The caller holds p.mu.
func (p *peers) note(one *peer, found []netip.Addr, err error) {
	found = usable(found)
	if err == nil && len(found) == 0 {
		err = errors.New("it has no IPv4 address")
	}
	if err != nil {
		if err.Error() != one.fault {
			one.fault = err.Error()
			p.log.Warn("cannot resolve a peer", "peer", one.name, "err", err, "using", one.answer)
		}
		return
	}
	answer := fmt.Sprint(found)
	if answer != one.answer || one.fault != "" {
		p.log.Info("resolved a peer", "peer", one.name, "addresses", answer)
	}
	one.known, one.answer, one.fault = found, answer, ""
}

// usable keeps the IPv4 addresses, sorted, without repetitions, not too many.
func usable(found []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Is4() && !a.IsUnspecified() && !a.IsMulticast() {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	out = slices.Compact(out)
	return out[:min(len(out), addressesMax)]
}

// close ends the look-ups and waits for them; it is idempotent.
func (p *peers) close() {
	p.mu.Lock() // so that no look-up starts beside the waiting
	p.cancel()
	p.mu.Unlock()
	p.wg.Wait()
}
