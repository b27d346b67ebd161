package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/bench"
	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
	"github.com/gmsd/gmsd/internal/admin"
)

// command is one line of the table.
type command struct {
	// name, args and short are for the list, long and examples for the help.
	name, args, short, long, examples string
	// flags adds the command's own flags.
	flags func(*call)
	run   func(*call) error
	// needs says of each word without which nothing can be done what it is; argsMax
	// bounds the words that are no flags.
	needs   []string
	argsMax int
}

// commands is the whole table.
func commands() []*command {
	return []*command{
		runCommand, demoCommand, viewCommand, historyCommand, whyCommand, eventsCommand, statusCommand,
		sendCommand, listenCommand, leaveCommand, evictCommand, keysCommand, routerCommand, doctorCommand, topologyCommand, benchCommand, configCommand, versionCommand,
	}
}

func commandNames() []string {
	names := []string{"help"}
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

func findCommand(name string) (*command, bool) {
	all := commands()
	i := slices.IndexFunc(all, func(c *command) bool { return c.name == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// call is one run of a command: its flags, words and streams.
type call struct {
	streams
	ctx   context.Context
	set   *flag.FlagSet
	words []string
	cmd   *command

	admin, dataDir string
	certificate    string // --admin-cert
	timeout        time.Duration
	json           bool

	settings    *settings.Flags
	follow, all bool
	since       uint64
	order, as   string
	script      string
	keyOut      string // --out
	issue       issueFlags
	keepKeys    bool
	quick       bool
	before      bool
	causes      bool
	hosts       int
	keep        bool
	mode        string
	cleanOnly   bool
	bench       bench.Options
	router      routerFlags
}

func newCall(ctx context.Context, c *command, io streams) *call {
	call := &call{streams: io, ctx: ctx, cmd: c, set: flag.NewFlagSet(c.name, flag.ContinueOnError)}
	call.set.SetOutput(discard{})
	call.set.Usage = func() {}
	if c.flags != nil {
		c.flags(call)
	}
	return call
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// adminFlags are those of every command that talks to a daemon.
func (c *call) adminFlags() {
	c.set.StringVar(&c.admin, "admin", "", "the daemon's `socket, host:port or https://host:port` (env GMSD_ADMIN; default: admin.sock in the data directory)")
	c.set.StringVar(&c.certificate, "admin-cert", "", "for https: the `file` of gmsd keys client (env GMSD_ADMIN_CERT)")
	c.set.StringVar(&c.dataDir, "data-dir", "", "the daemon's data `directory` (env GMSD_DATA_DIR; default /var/lib/gmsd)")
	c.set.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long to wait for an answer")
}

// queryFlags are those of every query.
func (c *call) queryFlags() {
	c.adminFlags()
	c.set.BoolVar(&c.json, "json", false, "print JSON as the HTTP API gives it")
}

// parse reads flags and words in any order; behind -- all are words.
func (c *call) parse(args []string) error {
	var behind []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, behind = args[:i], args[i+1:]
	}
	for {
		if err := c.set.Parse(args); err != nil {
			return flagError(err, c.set)
		}
		if c.set.NArg() == 0 {
			break
		}
		c.words = append(c.words, c.set.Arg(0))
		args = c.set.Args()[1:]
	}
	c.words = append(c.words, behind...)
	switch n := len(c.words); {
	case c.set.Lookup("timeout") != nil && c.timeout <= 0:
		return fmt.Errorf("%w: --timeout %s: want a time above 0", settings.ErrUsage, c.timeout)
	case n < len(c.cmd.needs):
		return fmt.Errorf("%w: %s is missing", settings.ErrUsage, c.cmd.needs[n])
	case n > c.cmd.argsMax:
		return fmt.Errorf("%w: %q is one word too many", settings.ErrUsage, c.words[c.cmd.argsMax])
	}
	return nil
}

// flagError adds what an unknown flag probably meant.
func flagError(err error, set *flag.FlagSet) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	if _, name, ok := strings.Cut(err.Error(), "not defined: -"); ok {
		var known []string
		set.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
		if near := settings.Closest(name, known); near != "" {
			return fmt.Errorf("%w: there is no flag --%s; did you mean --%s?", settings.ErrUsage, name, near)
		}
		return fmt.Errorf("%w: there is no flag --%s", settings.ErrUsage, name)
	}
	return fmt.Errorf("%w: %s", settings.ErrUsage, describeFlagError(err.Error(), set))
}

// describeFlagError puts what package flag says of a value into words of ours.
func describeFlagError(said string, set *flag.FlagSet) string {
	if _, name, ok := strings.Cut(said, "needs an argument: -"); ok {
		return "--" + name + " needs a value"
	}
	value, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(said, "invalid value "), "invalid boolean value "), " for ")
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(rest, "flag "), "-"), ":")
	f := set.Lookup(name)
	if !ok || f == nil {
		return said
	}
	want := "another value"
	if g, typed := f.Value.(flag.Getter); typed {
		switch g.Get().(type) {
		case int, uint64:
			want = "a whole number"
		case time.Duration:
			want = "a time like 500ms, 30s or 2m"
		case bool:
			want = "true or false"
		}
	}
	return fmt.Sprintf("--%s %s: want %s", name, value, want)
}

// client speaks to the daemon that flags and environment name.
func (c *call) client() *admin.Client { return c.clientOf(c.target()) }

// clientOf speaks to any daemon, with our certificate where it wants one.
func (c *call) clientOf(target string) *admin.Client {
	return admin.NewClientWith(target, cmp.Or(c.certificate, os.Getenv("GMSD_ADMIN_CERT")))
}

func (c *call) target() string {
	switch {
	case c.admin != "":
		return c.admin
	case c.dataDir != "":
		return filepath.Join(c.dataDir, "admin.sock")
	case os.Getenv("GMSD_ADMIN") != "":
		return os.Getenv("GMSD_ADMIN")
	case os.Getenv("GMSD_DATA_DIR") != "":
		return filepath.Join(os.Getenv("GMSD_DATA_DIR"), "admin.sock")
	}
	return "/var/lib/gmsd/admin.sock"
}

// limited gives the context of one question: a moment longer than the daemon
// has, whose own "no answer in time" tells more than ours.
func (c *call) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.ctx, c.timeout+time.Second)
}

// copyAnswer asks and prints the answer as it comes.
func (c *call) copyAnswer(path string) error {
	ctx, cancel := c.limited()
	defer cancel()
	body, err := c.client().Do(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	_, err = c.out.Write(body)
	return err
}

// printJSON prints what a command has put together itself, as one line.
func (c *call) printJSON(v any) error { return json.NewEncoder(c.out).Encode(v) }

// printLines prints a stream until the daemon or the user ends it: as it comes
// with --json, else what describe makes of each line, if anything.
func (c *call) printLines(path string, describe func(line []byte) (string, error)) error {
	for line, err := range c.client().Lines(c.ctx, path) {
		text := string(line)
		if err == nil && !c.json {
			text, err = describe(line)
		}
		switch {
		case c.ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case text != "":
			fmt.Fprintln(c.out, text)
		}
	}
	return nil
}

// openFile is os.Open in the form that settings takes.
func openFile(path string) (io.ReadCloser, error) { return os.Open(path) }
