package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/settings"
)

func main() { os.Exit(start(os.Args[1:])) }

// start runs one command for the real process. Interrupts end its context;
// run and demo, which do more at a signal, take them themselves.
func start(args []string) int {
	ctx := context.Background()
	if len(args) == 0 || args[0] != "run" && args[0] != "demo" {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
	}
	return execute(ctx, args, streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// execute finds the command, runs it, and turns its error into lines and a code.
func execute(ctx context.Context, args []string, io streams) int {
	if len(args) == 0 {
		printCommands(io.err)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		return help(rest, io)
	case "-version", "--version":
		name = "version"
	}
	c, ok := findCommand(name)
	if !ok {
		return unknownCommand(name, io.err)
	}
	out := &watched{w: io.out}
	io.out = out
	call := newCall(ctx, c, io)
	err := call.parse(rest)
	if err == nil {
		err = c.run(call)
	}
	if err == nil && out.err != nil {
		err = coded(exitRefused, "the output is not complete: %w", out.err)
	}
	return report(c, err, io)
}

// watched notes the first error of writing to w: a full disk must not pass for success.
type watched struct {
	w   io.Writer
	err error
}

func (o *watched) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// report prints what went wrong: faults of a configuration one a line, a wrong
// usage with the way to the help, help itself on the output.
func report(c *command, err error, io streams) int {
	code := exitCode(err)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		printHelp(c, io.out)
	case code == exitUsage:
		fmt.Fprintf(io.err, "gmsd %s: %s\nusage: gmsd %s %s\nSee gmsd help %s.\n",
			c.name, strings.TrimPrefix(err.Error(), settings.ErrUsage.Error()+": "), c.name, c.args, c.name)
	default:
		lines := settings.Lines(err)
		if len(lines) > 1 {
			fmt.Fprintf(io.err, "gmsd %s: %d faults\n", c.name, len(lines))
			for _, l := range lines {
				fmt.Fprintln(io.err, "  "+l)
			}
			break
		}
		fmt.Fprintf(io.err, "gmsd %s: %s\n", c.name, strings.TrimPrefix(lines[0], "gms: "))
	}
	return code
}

func unknownCommand(name string, w io.Writer) int {
	fmt.Fprintf(w, "gmsd: there is no command %q", name)
	if near := settings.Closest(name, commandNames()); near != "" {
		fmt.Fprintf(w, "; did you mean %q?", near)
	}
	fmt.Fprintln(w, "\nSee gmsd help.")
	return exitUsage
}

func help(args []string, io streams) int {
	if len(args) == 0 {
		printCommands(io.out)
		return exitOK
	}
	c, ok := findCommand(args[0])
	if !ok {
		return unknownCommand(args[0], io.err)
	}
	printHelp(c, io.out)
	return exitOK
}

func printCommands(w io.Writer) {
	fmt.Fprint(w, "gmsd keeps a group of hosts that agree who is in it.\n\nusage: gmsd COMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.short)
	}
	fmt.Fprint(w, `
Start here:
  gmsd demo                          five daemons on this machine, with a story
  gmsd keys gen --out FILE           the keys of a new group
  gmsd run --key-file FILE           the daemon, in the foreground
  gmsd view                          who is in the group

Commands talk to the local daemon: --admin or GMSD_ADMIN names its socket or
host:port; without one it is the admin.sock in the data directory.
gmsd help COMMAND tells more.
`)
}

func printHelp(c *command, w io.Writer) {
	fmt.Fprintf(w, "usage: gmsd %s %s\n\n%s\n", c.name, c.args, c.long)
	printFlags(w, newCall(context.Background(), c, streams{}).set)
	if c.examples != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.examples)
	}
}

// printFlags lists flags with two dashes, as we write them everywhere.
func printFlags(w io.Writer, set *flag.FlagSet) {
	first := true
	set.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprintln(w, "\nFlags:")
			first = false
		}
		value, usage := flag.UnquoteUsage(f)
		head := strings.TrimSpace("--" + f.Name + " " + value)
		usage = strings.TrimPrefix(usage, "WORD: ")
		if d := f.DefValue; d != "" && d != "false" && d != "0" {
			usage += " (default " + d + ")"
		}
		fmt.Fprintf(w, "  %-28s  %s\n", head, usage)
	})
}
