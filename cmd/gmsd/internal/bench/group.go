package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/transport/gossip"
	"github.com/gmsd/gmsd/views"
)

// patience bounds what must happen at all.
const patience = 30 * time.Second

// group is what loads run on.
type group struct {
	// ports are one a host, in the order of the view, but the coordinator's last;
	// hosts are theirs, none where the ports are clients of daemons.
	ports []member.Port
	hosts []*gms.Host
	epoch time.Time
	// router is that of hosts whose transport wants one, else nil.
	router *gossip.Server
	// sealed: the hosts have a key.
	sealed bool
}

// cfg says what the figures are of.
func (g *group) cfg() string {
	switch {
	case g.hosts == nil:
		return cfgLive
	case g.sealed:
		return cfgSealed
	}
	return cfgLibrary
}

// ErrNoDaemon: one of those that Options.Live names does not take a client.
var ErrNoDaemon = errors.New("no daemon to measure")

// dial makes clients of running daemons. Error: [ErrNoDaemon].
func dial(ctx context.Context, addresses []string) (*group, error) {
	g := &group{epoch: time.Now()}
	for i, address := range addresses {
		c, err := client.Dial(ctx, address, client.Options{Name: fmt.Sprintf("bench%d", i+1), NoReconnect: true})
		if err != nil {
			g.close()
			return nil, fmt.Errorf("%w: %s: %w; is gmsd running? --live names clients' sockets, see --clients of gmsd run", ErrNoDaemon, address, err)
		}
		g.ports = append(g.ports, c)
	}
	return g, nil
}

// open gives every host a port.
func (g *group) open() error {
	for _, h := range g.hosts {
		p, err := h.OpenPort(h.Self().Name)
		if err != nil {
			return err
		}
		g.ports = append(g.ports, p)
	}
	return nil
}

// stage is where a group is formed.
type stage struct {
	transport string
	hosts     int
	// dir is for what the hosts keep; keyFile seals what they say, empty: nothing does.
	dir, keyFile string
}

// form starts all hosts at once and gives the time from the first call until every
// host first had the view of all.
func form(ctx context.Context, st stage) (*group, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cfg := gms.Config{
		Group: fmt.Sprintf("bench-%016x", rand.Uint64()),
		Bind:  netip.MustParseAddrPort("127.0.0.1:0"),
		// Somewhere below the ports that the kernel gives away.
		McastGroup: netip.AddrPortFrom(netip.AddrFrom4([4]byte{239, 192, byte(rand.Uint32()), byte(1 + rand.IntN(254))}),
			uint16(20000+rand.IntN(10000))),
		KeyFile: st.keyFile, InsecureLab: st.keyFile == "",
		Transport: st.transport,
	}
	n := st.hosts
	binds := places(&cfg, n)
	g := &group{hosts: make([]*gms.Host, n), sealed: st.keyFile != ""}
	if err := g.route(&cfg); err != nil {
		return nil, 0, err
	}
	g.epoch = time.Now()
	err := together(n, func(i int) (err error) {
		cfg := cfg
		cfg.Name, cfg.Bind = fmt.Sprintf("h%d", i+1), binds[i]
		if st.transport == relayed {
			cfg.Advertise = netip.AddrPortFrom(nowhere, binds[i].Port())
		}
		cfg.DataDir = filepath.Join(st.dir, cfg.Name)
		if g.hosts[i], err = gms.Start(ctx, cfg); err != nil {
			return err
		}
		return waitSize(ctx, g.hosts[i], n)
	})
	if err != nil {
		g.close()
		return nil, 0, fmt.Errorf("form a group of %d: %w", n, err)
	}
	var last time.Time
	for _, h := range g.hosts {
		all := h.History()
		whole := all[slices.IndexFunc(all, func(s *gms.Snapshot) bool { return s.View.Size() == n })]
		if whole.Installed.After(last) {
			last = whole.Installed
		}
	}
	g.sort()
	return g, last.Sub(g.epoch), g.open()
}

// places gives each host its address. Where they do not find each other by
// multicast, the configuration names all.
func places(cfg *gms.Config, n int) []netip.AddrPort {
	out := slices.Repeat([]netip.AddrPort{cfg.Bind}, n)
	if cfg.Transport == gms.TransportMulticast {
		return out
	}
	first := 20000 + rand.IntN(10000)
	for i := range out {
		out[i] = netip.AddrPortFrom(cfg.Bind.Addr(), uint16(first+i)) //nolint:gosec // below the ephemeral ports
		cfg.Peers = append(cfg.Peers, out[i].String())
	}
	return out
}

// nowhere is an address of this machine at which no host is.
var nowhere = netip.AddrFrom4([4]byte{127, 0, 0, 2})

// route starts the router of those that want one.
func (g *group) route(cfg *gms.Config) (err error) {
	if cfg.Transport != gms.TransportRouter && cfg.Transport != relayed {
		return nil
	}
	if g.router, err = gossip.Open(gossip.Config{Bind: netip.AddrPortFrom(cfg.Bind.Addr(), 0)}); err != nil {
		return err
	}
	cfg.Transport, cfg.Peers, cfg.Routers = gms.TransportRouter, nil, []string{g.router.Local().String()}
	return nil
}

func (g *group) sort() {
	view := g.hosts[0].View().View
	place := func(h *gms.Host) int { return (view.RankOf(h.Self().Process) + len(g.hosts) - 1) % len(g.hosts) }
	slices.SortFunc(g.hosts, func(a, b *gms.Host) int { return place(a) - place(b) })
}

// since is the clock of the loads: one for all hosts.
func (g *group) since() time.Duration { return time.Since(g.epoch) }

// standing is how a group stands at one moment.
type standing struct {
	views []views.ViewID // of each host
	// resent is how many messages the hosts have sent again since they started.
	resent uint64
	// allocated is how many objects this process has taken from the heap.
	allocated uint64
}

func (g *group) standing(ctx context.Context) (*standing, error) {
	var out standing
	for _, h := range g.hosts {
		s, err := h.Status(ctx)
		if err != nil {
			return nil, fmt.Errorf("status of %s: %w", h.Self().Name, err)
		}
		out.views = append(out.views, s.Engine.View.ID)
		out.resent += s.Engine.Counters.Retransmits
	}
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	out.allocated = sample[0].Value.Uint64()
	return &out, nil
}

// leave lets the first host go, and gives the time until all others have a view
// without it.
func (g *group) leave(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	goes, rest := g.hosts[0], g.hosts[1:]
	began, last := time.Now(), time.Time{}
	err := together(len(g.hosts), func(i int) error {
		if i == 0 {
			return goes.Leave(ctx)
		}
		return waitSize(ctx, g.hosts[i], len(rest))
	})
	if err != nil {
		return 0, fmt.Errorf("leave: %w", err)
	}
	for _, h := range rest {
		if at := h.View().Installed; at.After(last) {
			last = at
		}
	}
	g.hosts, g.ports = rest, g.ports[1:]
	return last.Sub(began), nil
}

// close ends ports and hosts at once.
func (g *group) close() {
	_ = together(len(g.ports), func(i int) error { return g.ports[i].Close() })
	_ = together(len(g.hosts), func(i int) error {
		if g.hosts[i] == nil {
			return nil
		}
		return g.hosts[i].Close()
	})
	if g.router != nil {
		_ = g.router.Close() // nothing is measured any more
	}
}

func waitSize(ctx context.Context, h *gms.Host, size int) error {
	var err error
	for s := h.View(); s.View.Size() != size; {
		if s, err = h.WaitView(ctx, s.View.ID.Seq); err != nil {
			return fmt.Errorf("%s in a view of %d: %w", h.Self().Name, h.View().View.Size(), err)
		}
	}
	return nil
}

// together does n things at once and waits for all.
func together(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}
