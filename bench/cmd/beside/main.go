package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/bench/corosync"
	"github.com/gmsd/gmsd/bench/internal/stage"
	"github.com/gmsd/gmsd/bench/internal/table"
	"github.com/gmsd/gmsd/bench/jgroups"
	"github.com/gmsd/gmsd/internal/figures"
)

// settings are the flags.
type settings struct {
	runs   int
	only   string
	window time.Duration
	gmsd   string
	out    string
	list   bool
	table  bool
}

func main() {
	var s settings
	runs, err := strconv.Atoi(cmp.Or(os.Getenv("RUNS"), "5"))
	flag.IntVar(&s.runs, "runs", runs, "runs of each figure (env RUNS)")
	flag.StringVar(&s.only, "only", os.Getenv("ONLY"), "run only the stages in whose names this regular `expression` is found (env ONLY)")
	flag.DurationVar(&s.window, "window", 3*time.Second, "how long a load is measured")
	flag.StringVar(&s.gmsd, "gmsd", "", "measure this `binary`; default: what this tree builds")
	flag.StringVar(&s.out, "out", "out", "`folder` of the records")
	flag.BoolVar(&s.list, "list", false, "name the stages and end")
	flag.BoolVar(&s.table, "table", false, "measure nothing: print the table of the record files that are named")
	flag.Parse()
	if err != nil {
		err = fmt.Errorf("RUNS: %w", err)
	} else {
		err = s.run(flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
}

func (s *settings) run(files []string) error {
	if s.table {
		return printTable(files)
	}
	stages, err := s.chosen()
	if err != nil {
		return err
	}
	if s.list {
		for _, st := range stages {
			fmt.Println(st.Name)
		}
		return nil
	}
	if s.runs < 1 || s.window < 100*time.Millisecond || s.window > time.Minute {
		return fmt.Errorf("-runs %d, -window %s: want at least 1, and 100ms to 1m", s.runs, s.window)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt is not caught
	return s.measure(ctx, stages)
}

// all are the stages, in the order in which they run.
func all() []stage.Stage {
	var out []stage.Stage
	for _, some := range [][]stage.Stage{libraryStages(), jgroups.Stages(), daemonStages(), corosync.Stages(), gossipStages()} {
		out = append(out, some...)
	}
	return out
}

func (s *settings) chosen() ([]stage.Stage, error) {
	only, err := regexp.Compile(s.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	var out []stage.Stage
	for _, st := range all() {
		if only.MatchString(st.Name) {
			out = append(out, st)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("-only %q: no stage has that in its name; -list names them", s.only)
	}
	return out, nil
}

// measure runs stages, and prints the table of what they gave.
func (s *settings) measure(ctx context.Context, stages []stage.Stage) error {
	scratch, err := os.MkdirTemp("", "gmsd-beside-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return err
	}
	binary, err := s.binary(ctx, scratch)
	if err != nil {
		return err
	}
	var set figures.Set
	var faults []error
	for i := range stages {
		e := &stage.Env{Runs: s.runs, Window: s.window, Scratch: scratch, Gmsd: binary}
		err := s.one(ctx, &stages[i], e, &set)
		if err != nil {
			err = fmt.Errorf("%s: %w", stages[i].Name, err)
			fmt.Fprintln(os.Stderr, err)
		}
		faults = append(faults, err)
		if ctx.Err() != nil {
			break
		}
	}
	err = table.Markdown(os.Stdout, set)
	if errors.Join(faults...) != nil {
		err = errors.Join(err, errors.New("not every stage gave its figures: see above"))
	}
	return err
}

// one runs a stage within its limit, and appends its records to its file.
func (s *settings) one(ctx context.Context, st *stage.Stage, e *stage.Env, set *figures.Set) error {
	if err := ready(st); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, st.Limit(e), fmt.Errorf("given up after %s", st.Limit(e)))
	defer cancel()
	f, err := os.OpenFile(filepath.Join(s.out, strings.ReplaceAll(st.Name, "/", "-")+".jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	var unwritten error
	e.Put = func(r figures.Record) {
		*set = append(*set, r)
		unwritten = errors.Join(unwritten, figures.Set{r}.Write(f))
	}
	e.Told = func(line string) { fmt.Fprintf(os.Stderr, "%s: %s\n", st.Name, line) }
	e.Told("begins")
	err = st.Run(ctx, e)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	return errors.Join(err, unwritten, f.Close())
}

// ready says what a stage lacks.
func ready(st *stage.Stage) error {
	if st.Root && os.Geteuid() != 0 {
		return errors.New("not run: it makes network namespaces, which needs root")
	}
	for _, program := range st.Needs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("not run: %w (tools/deps-bench.sh)", err)
		}
	}
	return nil
}

// binary gives the gmsd to measure.
func (s *settings) binary(ctx context.Context, scratch string) (string, error) {
	if s.gmsd != "" {
		return filepath.Abs(s.gmsd)
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/gmsd/gmsd").Output()
	if err != nil {
		return "", fmt.Errorf("run it in the folder of its module: go list: %w", err)
	}
	path := filepath.Join(scratch, "gmsd")
	return path, stage.Build(ctx, "go", "build", "-C", strings.TrimSpace(string(root)), "-o", path, "./cmd/gmsd")
}

func printTable(files []string) error {
	var set figures.Set
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		some, err := table.Read(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		set = append(set, some...)
	}
	return table.Markdown(os.Stdout, set)
}
