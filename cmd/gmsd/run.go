package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/clients"
)

var runCommand = &command{
	name: "run", args: "--key-file FILE [settings]",
	short: "the daemon, in the foreground",
	long: `Run starts the daemon of this host. It logs to stderr, tells systemd READY=1,
leaves the group gracefully at SIGTERM or SIGINT (within 10 s; a second signal
ends it at once) and takes new attrs, peers, peers-file, peers-dns, log-level and
keys at SIGHUP. It never forks.

Every setting has three spellings: the flag --data-dir, the environment variable
GMSD_DATA_DIR and the TOML key data-dir in the file of --config; flags win, then
the environment, then the file. gmsd config shows what comes out.

It needs the key file of its group (gmsd keys gen); every host has the same. With
--insecure-lab it does without: whoever can send to it can join, forge and remove.`,
	examples: `  gmsd run --key-file /etc/gmsd.keys
  gmsd run --insecure-lab --name h1 --data-dir /tmp/h1 --bind 127.0.0.1 --admin none
  gmsd run --config /etc/gmsd.toml`,
	flags: func(c *call) { c.settings = settings.NewFlags(c.set) },
	run:   runRun,
}

const (
	// startTimeout bounds the way to the first view: a disk sync or two.
	startTimeout = 30 * time.Second
	leaveTimeout = 10 * time.Second
	// lingerTimeout lets answers go out after the host has stopped.
	lingerTimeout = time.Second
)

// daemon is a running `gmsd run`.
type daemon struct {
	flags    *settings.Flags
	current  atomic.Pointer[settings.Settings]
	setup    *settings.Daemon
	level    *slog.LevelVar
	log      *slog.Logger
	notify   notifier
	server   *admin.Server
	clients  *clients.Server
	host     *gms.Host
	begun    func() // says that the start was sure
	signals  chan os.Signal
	attempts int
	// reloading is held by the one reload that runs.
	reloading sync.Mutex
}

func runRun(c *call) error {
	if err := forbidDumps(); err != nil {
		return err
	}
	d := &daemon{flags: c.settings, level: &slog.LevelVar{}, notify: newNotifier(), signals: make(chan os.Signal, 4)}
	d.log = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: d.level}))
	signal.Notify(d.signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(d.signals)
	if err := d.load(); err != nil {
		return err
	}
	d.begun = func() { fmt.Fprintln(c.err, banner(d.setup)) }
	if err := d.start(c.ctx); err != nil {
		return err
	}
	return d.live(c.ctx)
}

func banner(s *settings.Daemon) string {
	return fmt.Sprintf("gmsd %s: host %s, group %s, %s at %s", version(), s.Host.Name, s.Host.Group, s.Host.Transport, s.Host.Bind)
}

func (d *daemon) load() error {
	s, _ := d.flags.Load(os.Environ(), openFile) // startable gives these faults, too
	setup, err := startable(s, d.log)
	for _, note := range s.Notes() { // a variable that is misspelt may be why
		d.log.Warn("of the settings", "note", note)
	}
	if err != nil {
		return err
	}
	d.current.Store(s)
	d.setup = setup
	d.level.Set(setup.LogLevel)
	return nil
}

// start binds the admin listeners before the host starts, so that a port in
// use stops us before the group hears of us.
func (d *daemon) start(ctx context.Context) error {
	if err := os.MkdirAll(d.setup.Host.DataDir, 0o700); err != nil {
		return &gms.FieldError{Key: "data-dir", Value: d.setup.Host.DataDir, Bound: "a directory we can make and write", Cure: err.Error(), Err: err}
	}
	var err error
	c := adminOf(d.setup)
	c.Logger, c.Settings = d.log, func() any { return answerOf(d.current.Load()) }
	if d.server, err = admin.Listen(c); err != nil {
		return err
	}
	if d.clients, err = clients.Listen(clients.Config{
		Listen: d.setup.Clients, Open: d.openPort, Software: version(), Logger: d.log,
	}); err != nil {
		d.server.Close(ctx)
		return clientsFault(strings.Join(d.setup.Clients, ","), err)
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if d.host, err = gms.Start(starting, d.setup.Host); err != nil {
		d.server.Close(ctx)
		_ = d.clients.Close() // nobody was served
		return err
	}
	metrics := admin.NewMetrics(version())
	if err := d.host.Observe(metrics.Observe); err != nil {
		d.log.Warn("metrics are not counted", "error", err)
	}
	metrics.Add(clientMetrics{d.clients.Stats})
	d.server.Serve(admin.ForHost(d.host), metrics)
	go func() { _ = d.clients.Serve() }() // ends with Close
	d.begun()
	d.tell("READY=1")
	d.log.Info("ready", "host", d.host.Self().Host.String(), "addr", d.host.Self().Addr.String(), "admin", d.setup.Admin, "admin-tls", d.setup.AdminTLS, "socket", d.setup.AdminSocket)
	return nil
}

// openPort is a client's way in; the host has started before the first is served.
func (d *daemon) openPort(name string) (member.Port, error) {
	p, err := d.host.OpenPort(name)
	if err != nil {
		return nil, err // not a nil *gms.Port as a port
	}
	return p, nil
}

func (d *daemon) tell(state string) {
	if err := d.notify.send(state); err != nil {
		d.log.Warn("the service manager did not hear us", "error", err)
	}
}

// live waits for the end: of the host by itself, or by a signal.
func (d *daemon) live(ctx context.Context) error {
	reloading, stopReloading := context.WithCancel(ctx)
	defer stopReloading()
	left := make(chan error, 1)
	for {
		select {
		case <-d.host.Done():
			return d.end(d.host.Err())
		case err := <-left:
			return d.end(err)
		case s := <-d.signals:
			if s == syscall.SIGHUP {
				go d.reload(reloading)
				continue
			}
			stopReloading()
			d.stop(ctx, left)
		}
	}
}

// stop leaves gracefully at the first signal, at once at the second.
func (d *daemon) stop(ctx context.Context, left chan<- error) {
	d.attempts++
	if d.attempts > 1 {
		d.log.Warn("second signal: stopping at once")
		_ = d.host.Close() // it always ends
		return
	}
	d.tell("STOPPING=1")
	d.log.Info("leaving", "timeout", leaveTimeout)
	go func() {
		leaving, cancel := context.WithTimeout(ctx, leaveTimeout)
		defer cancel()
		left <- d.host.Leave(leaving)
	}()
}

func (d *daemon) end(err error) error {
	lingering, cancel := context.WithTimeout(context.Background(), lingerTimeout)
	defer cancel()
	_ = d.clients.Close() // says so to each
	d.server.Close(lingering)
	switch {
	case err == nil:
		d.log.Info("left the group")
	case d.attempts > 1 && errors.Is(err, gms.ErrClosed):
		return coded(exitTimeout, "stopped at once, without leaving: the others will notice by its silence")
	case d.attempts > 0 && errors.Is(err, context.DeadlineExceeded):
		return coded(exitTimeout, "could not leave within %s: stopped without", leaveTimeout)
	}
	return err
}
