package gms

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/discovery"
	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/tether"
	"github.com/gmsd/gmsd/views"
)

// Times of an examination before the daemon runs.
const (
	// resolvedIn bounds the wait for names, listenedFor is how long multicast is listened to.
	resolvedIn  = 2 * time.Second
	listenedFor = 3 * time.Second
	// routerIn bounds each of two tries to reach a router.
	routerIn = time.Second
)

// Before is what one host has found alone, before it is a member.
type Before struct {
	Diagnosis
	// Peers are the addresses that were examined, Heard those of whom multicast came.
	Peers, Heard []netip.AddrPort
	// Notes say what does not keep it from starting, and will be missed later.
	Notes []string
}

// ExamineBefore tests from this host alone what [Start] with that configuration would
// need: that it can start, what names mean, and of each peer how TCP ends, whether
// questions are answered, short and long ones, whether its multicast comes. It joins
// nobody, is no member for anybody, and leaves nothing behind. The error says why the
// host could not start.
func ExamineBefore(ctx context.Context, cfg Config) (*Before, error) {
	cfg.EnsureDefaults()
	if err := errors.Join(cfg.Validate(), cfg.CheckFiles()); err != nil {
		return nil, err
	}
	began := time.Now()
	dir, err := os.MkdirTemp("", "gmsd-doctor-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system clears it
	e := &early{wanted: cfg}
	if e.host, err = e.start(ctx, dir); err != nil {
		return nil, err
	}
	defer func() { _ = e.host.Close() }() // it always ends
	if err := e.examine(ctx); err != nil {
		return nil, err
	}
	b, err := e.report(ctx)
	if err == nil {
		b.Took = time.Since(began)
	}
	return b, err
}

// early is a host that looks and is not seen.
type early struct {
	wanted Config
	host   *Host
	tr     *bystander
	group  transport.Multicaster // nil: there is none
	layers *discovery.Layers
	found  map[netip.AddrPort]tether.Examined
	loop   doctor.Finding
}

// start starts a host with an identity of its own that seeks nobody. It reads the key file
// as a daemon does, and never writes it.
func (e *early) start(ctx context.Context, dir string) (*Host, error) {
	c := e.wanted
	c.DataDir, c.EventLog, c.Started, c.LabFaults = filepath.Join(dir, "state"), "", StartedAPI, false
	c.Peers, c.PeersFile, c.PeersDNS, c.Routers, c.Attrs = nil, "", nil, nil, nil
	if c.Transport == TransportRouter {
		c.Transport = TransportTCP // the routers would tell others of it
	}
	c.seams.saveRing = func(string, keys.Ring) error { return nil }
	c.seams.wrap = func(tr transport.Transport) transport.Transport {
		e.tr = &bystander{Transport: tr, heard: map[netip.AddrPort]views.HostID{}}
		if m, ok := tr.(transport.Multicaster); ok {
			e.group = &nothings{m, tr}
		}
		return e.tr
	}
	return Start(ctx, c)
}

// examine looks at every peer, and listens meanwhile.
func (e *early) examine(ctx context.Context) error {
	sources, err := e.wanted.peers().sources(e.wanted.Logger)
	if err != nil {
		return err
	}
	own, err := ask(ctx, e.host, func(l *loop, reply chan<- answer[[]netip.AddrPort]) {
		reply <- answer[[]netip.AddrPort]{value: l.seeker.own}
	})
	if err != nil {
		return err
	}
	e.layers = discovery.Join(own, sources...)
	defer func() { _ = e.layers.Close() }() // what it knows is still given
	e.awaitNames(ctx)
	peers := e.layers.Places(nil)
	if err := e.dialAll(ctx, peers); err != nil {
		return err
	}
	hears := e.listen(ctx)
	if _, err := ask(ctx, e.host, func(l *loop, reply chan<- answer[struct{}]) { e.question(l); reply <- answer[struct{}]{} }); err != nil {
		return err
	}
	timer := time.NewTimer(max(examinedIn, listenedFor) + reportedIn)
	defer timer.Stop()
	select {
	case <-timer.C:
		e.loop = <-hears
	case <-ctx.Done():
	}
	return ctx.Err()
}

// dialAll looks how a connection to each of the peers ends. A transport of the program's
// own has none that could be tried.
func (e *early) dialAll(ctx context.Context, peers []netip.AddrPort) error {
	cfg, err := ask(ctx, e.host, func(l *loop, reply chan<- answer[*tether.Config]) {
		reply <- answer[*tether.Config]{value: l.patient.tethers}
	})
	if err != nil {
		return err
	}
	e.found = make(map[netip.AddrPort]tether.Examined, len(peers))
	for _, at := range peers {
		e.found[at] = tether.Examined{TCP: doctor.TCPUntested}
	}
	if cfg == nil {
		return nil
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	places := make(chan struct{}, examinersMost)
	for _, at := range peers {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			found := dialPeer(ctx, cfg, at)
			mu.Lock()
			defer mu.Unlock()
			e.found[at] = found
		})
	}
	all.Wait()
	return nil
}

// dialPeer looks how a connection to at ends. Of who takes it and does not answer as a
// member it asks whether that is a gossip router.
func dialPeer(ctx context.Context, cfg *tether.Config, at netip.AddrPort) tether.Examined {
	found := tether.Examine(ctx, *cfg, at, 0)
	if found.TCP.Taken() && found.Host.IsZero() && found.Refused == nil && tether.IsRouter(ctx, cfg.Source, at) {
		found.TCP = doctor.TCPRouter
	}
	return found
}

// listen says in the end whether this host hears its own multicast.
func (e *early) listen(ctx context.Context) <-chan doctor.Finding {
	out := make(chan doctor.Finding, 1)
	if e.group == nil {
		out <- doctor.Untested
		return out
	}
	go func() { out <- hearing(ctx, e.group, listenedFor) }()
	return out
}

// question asks every peer short and long questions by the way of members, and notes what
// the connections have shown.
func (e *early) question(l *loop) {
	for at, found := range e.found { // order-free
		host := e.hostAt(at)
		l.doctor.facts.tcp[host] = &fact{host: host, tcp: found.TCP, long: found.Long, began: l.now, at: l.now}
		l.stepSoon(engine.ExamineLink{Host: host, Addr: at, Thorough: len(e.found) <= smallView})
		if found.Refused != nil {
			l.noteRefusal(doctor.Refusal{Ours: found.Refused.Ours, Who: host, Addr: at, Code: found.Refused.Code, Proved: true})
		}
	}
	l.runSoon()
}

// hostAt is who is at an address, as it says itself or its multicast does; an id of its
// own where nobody says.
func (e *early) hostAt(at netip.AddrPort) views.HostID {
	if h := e.found[at].Host; !h.IsZero() {
		return h
	}
	if h := e.tr.heardFrom(at); !h.IsZero() {
		return h
	}
	return doctor.PlaceID(at)
}

// report is what this host reports, with the verdicts that follow.
func (e *early) report(ctx context.Context) (*Before, error) {
	own, err := ask(ctx, e.host, func(l *loop, reply chan<- answer[*doctor.Report]) {
		reply <- answer[*doctor.Report]{value: l.ownReport(nil)}
	})
	if err != nil {
		return nil, err
	}
	b := &Before{}
	if trouble := keyFileTrouble(e.wanted.KeyFile, nil); trouble != "" {
		b.Notes = append(b.Notes, trouble)
	}
	own.Beforehand, own.Multicast, own.Loop, own.Lost = true, e.group != nil, e.loop, e.lostRouters(ctx)
	for _, m := range e.layers.Meanings() {
		own.Names = append(own.Names, doctor.Resolved{Name: m.Name, Addrs: m.Addrs})
	}
	for i := range own.Links {
		k := &own.Links[i]
		k.Name = k.Addr.String()
		b.Peers = append(b.Peers, k.Addr)
		if !e.tr.heardFrom(k.Addr).IsZero() {
			k.All = doctor.Flow{Got: 1}
		}
	}
	b.Heard = e.tr.allHeard()
	slices.SortFunc(b.Peers, netip.AddrPort.Compare)
	b.Reports = []doctor.Report{*own}
	b.Verdicts = doctor.Diagnose(b.Reports)
	return b, nil
}

// lostRouters are those that take no connection.
func (e *early) lostRouters(ctx context.Context) (list []netip.AddrPort) {
	if e.wanted.Transport != TransportRouter {
		return nil
	}
	for _, name := range e.wanted.Routers {
		at, err := net.ResolveTCPAddr("tcp4", name)
		if err != nil {
			continue // it is said of the name
		}
		if !reachesRouter(ctx, name) {
			list = append(list, netip.AddrPortFrom(at.AddrPort().Addr().Unmap(), at.AddrPort().Port()))
		}
	}
	return list
}

// reachesRouter reports whether one of two connections is taken.
func reachesRouter(ctx context.Context, at string) bool {
	d := net.Dialer{Timeout: routerIn}
	for range 2 {
		if conn, err := d.DialContext(ctx, "tcp4", at); err == nil {
			return conn.Close() == nil
		}
	}
	return false
}

// awaitNames waits until the names that were given are looked up, not for long.
func (e *early) awaitNames(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, resolvedIn)
	defer cancel()
	ticker := time.NewTicker(resolvedIn / 20)
	defer ticker.Stop()
	for len(e.layers.Places(nil)) < len(e.wanted.Peers)+len(e.wanted.PeersDNS) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
