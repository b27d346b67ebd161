package way

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
)

// Flags are what every example takes.
type Flags struct {
	Name, Daemon, Group string
	DataDir, KeyFile    string
}

// Parse reads the command line; group is the default of -group.
func Parse(group string) *Flags {
	f := &Flags{}
	host, _ := os.Hostname()
	flag.StringVar(&f.Name, "name", host, "how the others see us")
	flag.StringVar(&f.Daemon, "daemon", "", "the socket of the daemon's clients; without it we are a host ourselves")
	flag.StringVar(&f.Group, "group", group, "the light group")
	flag.StringVar(&f.DataDir, "data-dir", "", "where a host of our own keeps its identity; empty: a fresh one each time")
	flag.StringVar(&f.KeyFile, "key-file", "", "the group's keys, for a host of our own; empty: nothing is sealed, anybody can join")
	flag.Parse()
	return f
}

// Main runs an example until it ends or is interrupted.
func Main(f *Flags, run func(context.Context, member.Port) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := open(ctx, f, run)
	stop()
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func open(ctx context.Context, f *Flags, run func(context.Context, member.Port) error) error {
	if f.Daemon != "" {
		p, err := client.Dial(ctx, f.Daemon, client.Options{Name: f.Name})
		if err != nil {
			return err
		}
		return closing(p, run(ctx, p))
	}
	dir := f.DataDir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "gmsd-example"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	h, err := gms.Start(ctx, gms.Config{Name: f.Name, DataDir: dir, KeyFile: f.KeyFile, InsecureLab: f.KeyFile == ""})
	if err != nil {
		return err
	}
	defer func() { _ = h.Close() }()
	p, err := h.OpenPort(f.Name)
	if err != nil {
		return err
	}
	return closing(p, run(ctx, p))
}

// closing closes the port after err.
func closing(p member.Port, err error) error { return errors.Join(err, p.Close()) }
