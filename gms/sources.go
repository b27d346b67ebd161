package gms

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/internal/stable"
)

// Peers says where other hosts may be: the fields of [Config] that are called so.
type Peers struct {
	// List is Config.Peers, File Config.PeersFile, DNS Config.PeersDNS.
	List []string
	File string
	DNS  []string
}

// sources begins to look up what is configured.
func (p *Peers) sources(log *slog.Logger) ([]discovery.Source, error) {
	o := discovery.Options{Logger: log}
	list, err := discovery.NewList(p.List, o)
	if err != nil {
		return nil, err
	}
	names, err := discovery.NewDNS(p.DNS, o)
	if err != nil {
		return nil, errors.Join(err, list.Close())
	}
	if p.File == "" {
		return []discovery.Source{list, names}, nil
	}
	return []discovery.Source{list, discovery.OpenFile(p.File, o), names}, nil
}

func (p *Peers) faults() (f faults) {
	f.peers("peers", p.List, discovery.CheckPeer, "host or host:port", "give a name or an IPv4 address, port 1 to 65535")
	f.peers("peers-dns", p.DNS, discovery.CheckName, "name, name:port or _service._udp.domain", "addresses belong into peers")
	return f
}

func (c *Config) peers() *Peers { return &Peers{List: c.Peers, File: c.PeersFile, DNS: c.PeersDNS} }

// SetPeers replaces where this host looks for others; whom it was with it goes on
// remembering, and who is in the view stays. Faults come as *[FieldError]s.
func (h *Host) SetPeers(ctx context.Context, p Peers) error {
	if err := errors.Join(p.faults()...); err != nil {
		return err
	}
	sources, err := p.sources(h.log)
	if err != nil {
		return err
	}
	_, err = ask(ctx, h, func(l *loop, reply chan<- answer[struct{}]) {
		l.setSources(sources)
		reply <- answer[struct{}]{}
	})
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrBusy) {
		for _, s := range sources { // nobody else does
			err = errors.Join(err, s.Close())
		}
	}
	return err
}

// setSources makes layers of sources and what is remembered, the operator's word
// first. What was there before is closed aside: that may have to wait for a file.
func (l *loop) setSources(sources []discovery.Source) {
	s := &l.seeker
	if before := s.layers; before != nil {
		l.workers.Go(func() { l.closed("discovery", before.Close()) })
	}
	if s.given != nil {
		sources = append(sources, s.given)
	}
	s.listed = nil
	for _, source := range sources {
		if list, ok := source.(*discovery.List); ok {
			s.listed = list.Literals()
		}
	}
	s.layers = discovery.Join(s.own, append(sources, s.cache)...)
	s.lookAt = l.now
}

// openDiscovery makes the first layers.
func (a *assembly) openDiscovery() error {
	c, l := a.cfg, a.loop
	sources, err := c.peers().sources(c.Logger)
	if err != nil {
		return err // Validate has seen it
	}
	l.seeker.cache = discovery.NewCache(remembered(l.store.Peers()))
	l.seeker.own = a.ownAddresses()
	l.seeker.blind = c.Transport == TransportUDP || c.Transport == TransportTCP
	l.setSources(sources)
	a.undo = append(a.undo, l.seeker.layers.Close)
	if c.Transport != TransportMulticast && c.NewTransport == nil && !a.knowsOthers() {
		c.Logger.Warn("no peers: this host finds nobody, only those who name it can find it", "cure", "set peers, peers-file or peers-dns")
	}
	return nil
}

// knowsOthers reports whether there is any way but multicast to find others.
func (a *assembly) knowsOthers() bool {
	p := a.cfg.peers()
	return len(p.List)+len(p.File)+len(p.DNS)+len(a.cfg.Routers)+len(a.loop.store.Peers()) > 0
}

// ownAddresses are all at which we would find ourselves.
func (a *assembly) ownAddresses() []netip.AddrPort {
	local := a.loop.tr.Local()
	own := []netip.AddrPort{local}
	port := a.cfg.Bind.Port()
	if port == 0 {
		port = local.Port()
	}
	switch bind := a.cfg.Bind.Addr(); {
	case !bind.IsValid():
	case bind.IsUnspecified():
		addrs, _ := a.cfg.seams.addresses() // Validate has told what is wrong with them
		for _, addr := range addrs {
			own = append(own, netip.AddrPortFrom(addr, port))
		}
	default:
		own = append(own, netip.AddrPortFrom(bind, port))
	}
	return own
}

func remembered(peers []stable.Peer) []discovery.Record {
	out := make([]discovery.Record, len(peers))
	for i, p := range peers {
		out[i] = discovery.Record(p)
	}
	return out
}
