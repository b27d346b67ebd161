package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/routing"
	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/transport/gossip"
)

// routerFlags are those of gmsd router.
type routerFlags struct{ bind, peers, admin, logLevel string }

var routerCommand = &command{
	name: "router", args: "[--bind ADDR:PORT] [--peers host:port,...] [--admin host:port]",
	short: "a gossip router: by which hosts find each other, and reach each other where they must",
	long: `Router runs a gossip router, in the foreground. It is a member of nothing: hosts with
the setting transport = router register with it, learn of each other, and go directly
where they can. For hosts that reach only the router it relays their frames, which it
cannot read: it holds no key and no secret. Any number of groups may use it.

Run two, on machines that do not fail together, and name each in the other's --peers
and both in the hosts' routers. Views that run go on without any router, unless hosts
have no other way to each other. Stop it by a signal at any time.

Every flag has a variable, as GMSD_ROUTER_BIND for --bind; flags win.

Who may reach --bind may register, as a host whose key he has; members judge frames by
their seals. So let a firewall say who reaches it.`,
	examples: `  gmsd router
  gmsd router --bind 10.0.0.1:7751 --peers 10.0.1.1:7751
  gmsd run --key-file FILE --transport router --routers 10.0.0.1:7751,10.0.1.1:7751`,
	flags: func(c *call) {
		c.set.StringVar(&c.router.bind, "bind", "0.0.0.0:7751", "`address:port` for hosts and other routers")
		c.set.StringVar(&c.router.peers, "peers", "", "the other routers, `host:port,...`")
		c.set.StringVar(&c.router.admin, "admin", "127.0.0.1:7752", "`host:port` of read-only HTTP: /healthz, /metrics, /v1/registrations, /v1/routers; or none")
		c.set.StringVar(&c.router.logLevel, "log-level", "info", "`WORD`: debug, info, warn or error")
	},
	run: runRouter,
}

func runRouter(c *call) error {
	taken := c.takeEnvironment(settings.RouterPrefix)
	err := c.route()
	if exitCode(err) == exitRefused && len(taken) > 0 {
		return coded(exitRefused, "%w; from the environment come %s", err, strings.Join(taken, ", "))
	}
	return err
}

// takeEnvironment gives each flag that was not given what its variable has, and names
// those variables; prefix and flag are spelt as the key of a setting.
func (c *call) takeEnvironment(prefix string) (taken []string) {
	given := map[string]bool{}
	c.set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	c.set.VisitAll(func(f *flag.Flag) {
		name := settings.Env(prefix + f.Name)
		if word := os.Getenv(name); word != "" && !given[f.Name] {
			_ = f.Value.Set(word) // any word is one of a flag of text
			taken = append(taken, name)
		}
	})
	return taken
}

// route is a router until the call's context ends.
func (c *call) route() error {
	f := &c.router
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return coded(exitRefused, "--log-level %q: want debug, info, warn or error", f.logLevel)
	}
	log := slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}))
	var flags []string
	c.set.VisitAll(func(f *flag.Flag) { flags = append(flags, f.Name) })
	for _, note := range settings.UnknownToRouter(os.Environ(), flags) {
		log.Warn("of the settings", "note", note)
	}
	bind, err := routing.ParseBind(f.bind)
	if err != nil {
		return coded(exitRefused, "%w", err)
	}
	var peers []string
	for p := range strings.SplitSeq(f.peers, ",") {
		if p = strings.TrimSpace(p); p != "" {
			peers = append(peers, p)
		}
	}
	var web net.Listener
	if f.admin != settings.None {
		if web, err = admin.ListenTCP(f.admin); err != nil {
			return err
		}
		defer web.Close()
	}
	s, err := gossip.Open(gossip.Config{Bind: bind, Peers: peers, Logger: log})
	if err != nil {
		return coded(exitRefused, "%w", err)
	}
	log.Info("ready", "addr", s.Local().String(), "peers", f.peers, "admin", f.admin, "number", s.Number()[:8])
	return liveRouter(c.ctx, s, web, log)
}

// liveRouter serves until the context ends.
func liveRouter(ctx context.Context, s *gossip.Server, web net.Listener, log *slog.Logger) error {
	n := newNotifier()
	ready := n.send("READY=1")
	var serving sync.WaitGroup
	var served error
	if web != nil {
		serving.Go(func() { served = routing.Serve(ctx, web, routing.Handler(s), log) })
	}
	<-ctx.Done()
	stopping := n.send("STOPPING=1")
	serving.Wait()
	return errors.Join(s.Close(), served, ready, stopping)
}
