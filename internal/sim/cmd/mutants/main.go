package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Exit codes.
const (
	exitBroken   = 1
	exitSurvived = 2
)

// limit bounds one detector, its build included.
const limit = 3 * time.Minute

// mutant is one planted bug.
type mutant struct {
	name, path string
	why        string
	run        []string
	catches    []string
}

// verdict is what became of it.
type verdict struct {
	mutant mutant
	// caught is the property that failed; empty where nothing did.
	caught string
	took   time.Duration
	err    error
}

func main() {
	dir := flag.String("dir", filepath.Join("testdata", "mutants"), "where the patches are")
	only := flag.String("only", "", "run this one alone")
	workers := flag.Int("workers", runtime.NumCPU(), "how many at a time")
	flag.Parse()
	code, err := run(*dir, *only, max(1, *workers))
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	os.Exit(code)
}

// run tries all mutants, some at a time, and tells of them in their order.
func run(dir, only string, workers int) (int, error) {
	mutants, err := read(dir, only)
	if err != nil {
		return exitBroken, err
	}
	root, err := moduleRoot()
	if err != nil {
		return exitBroken, err
	}
	b := bench{root: root, clean: make(map[string]func() error)}
	verdicts := make([]chan verdict, len(mutants))
	free := make(chan struct{}, workers)
	for i := range mutants {
		verdicts[i] = make(chan verdict, 1)
	}
	go func() {
		for i := range mutants {
			free <- struct{}{}
			go func() {
				verdicts[i] <- b.try(mutants[i])
				<-free
			}()
		}
	}()
	code := 0
	for _, c := range verdicts {
		v := <-c
		fmt.Println(v.line())
		switch {
		case v.err != nil:
			code = max(code, exitBroken)
		case v.caught == "":
			code = exitSurvived
		}
	}
	return code, nil
}

func (v *verdict) line() string {
	state := "caught by " + v.caught
	switch {
	case v.err != nil:
		state = "BROKEN: " + v.err.Error()
	case v.caught == "":
		state = "SURVIVED " + strings.Join(v.mutant.run, " ")
	}
	return fmt.Sprintf("%-28s %6s  %-24s %s", v.mutant.name, v.took.Round(100*time.Millisecond), state, v.mutant.why)
}

// read parses the heads of all patches, in the order of their names.
func read(dir, only string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var list []mutant
	for _, file := range files {
		m := mutant{name: strings.TrimSuffix(filepath.Base(file), ".patch")}
		if only != "" && m.name != only {
			continue
		}
		if m.path, err = filepath.Abs(file); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := m.head(string(text)); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no mutant in %s", dir)
	}
	return list, nil
}

func (m *mutant) head(text string) error {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "# ")), ": ")
		if !strings.HasPrefix(line, "# ") || !ok {
			break
		}
		switch key {
		case "why":
			m.why = value
		case "run":
			m.run = strings.Fields(value)
		case "catches":
			m.catches = strings.Fields(value)
		}
	}
	if m.why == "" || len(m.run) < 2 || len(m.catches) == 0 {
		return fmt.Errorf("%s: the head needs why, run and catches", m.name)
	}
	return nil
}

// moduleRoot is the directory of go.mod above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// bench runs detectors in copies of the module.
type bench struct {
	root string
	// clean says, by detector, what is wrong with it on the clean source: one that
	// fails there proves nothing. Each is run once. mu guards the map.
	mu    sync.Mutex
	clean map[string]func() error
}

// isClean runs the detector of m on the clean source, unless that was done.
func (b *bench) isClean(m *mutant) error {
	key := strings.Join(m.run, " ")
	b.mu.Lock()
	known := b.clean[key]
	if known == nil {
		known = sync.OnceValue(func() error {
			out, failed, err := b.detect(m, "")
			if err == nil && failed {
				err = fmt.Errorf("the detector fails on the clean source: %s", firstLine(out))
			}
			return err
		})
		b.clean[key] = known
	}
	b.mu.Unlock()
	return known()
}

// try plants one bug and runs its detector, on the clean source first.
func (b *bench) try(m mutant) (v verdict) {
	v.mutant = m
	begin := time.Now()
	defer func() { v.took = time.Since(begin) }()
	if v.err = b.isClean(&m); v.err != nil {
		return v
	}
	out, failed, err := b.detect(&m, m.path)
	if v.err = err; failed {
		v.caught, v.err = m.judge(out)
	}
	return v
}

// detect runs the detector of m in a fresh copy, with the patch planted unless
// it is empty, and says whether it failed.
func (b *bench) detect(m *mutant, patch string) (out string, failed bool, err error) {
	tmp, err := os.MkdirTemp("", "gmsd-mutant-")
	if err != nil {
		return "", false, err
	}
	defer os.RemoveAll(tmp)
	if err := copyModule(b.root, tmp); err != nil {
		return "", false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if patch != "" {
		if out, err := command(ctx, tmp, "git", "apply", "-C1", patch); err != nil {
			return "", false, fmt.Errorf("does not apply any more: %s", firstLine(out))
		}
	}
	build, dir, args := m.detector(tmp)
	if out, err := command(ctx, tmp, "go", build...); err != nil {
		return "", false, fmt.Errorf("does not compile: %s", firstLine(out))
	}
	out, err = command(ctx, dir, filepath.Join(tmp, "detector"), args...)
	if ctx.Err() != nil {
		return "", false, fmt.Errorf("no verdict within %s", limit)
	}
	return out, err != nil, nil
}

// detector says how to build the detector, where it runs, and with what. It is
// built first, so that a detector that hangs is itself the process to end.
func (m *mutant) detector(tmp string) (build []string, dir string, args []string) {
	binary := filepath.Join(tmp, "detector")
	if m.run[0] == "scenario" {
		return []string{"test", "-trimpath", "-c", "-o", binary, "./internal/sim/scenario"},
			filepath.Join(tmp, "internal", "sim", "scenario"),
			[]string{"-test.run", "TestFilms/" + m.run[1] + "$"}
	}
	if m.run[0] == "test" {
		return []string{"test", "-trimpath", "-c", "-o", binary, "./" + m.run[1]}, filepath.Join(tmp, m.run[1]), []string{"-test.run", "^" + m.run[2] + "$"}
	}
	return []string{"build", "-trimpath", "-o", binary, "./internal/sim/cmd/simulate"}, tmp, m.run[1:]
}

// failed finds the property in what the detectors print.
var failed = regexp.MustCompile(`(?m)(?:FAILED |: check: |: )([A-Z]+[0-9]+|progress|flow|fate|seal|keys|log|disk|driver|panic|expect-[a-z]+)(?: at |: )`)

// judge finds an expected property among those that failed.
func (m *mutant) judge(out string) (string, error) {
	var seen []string
	for _, match := range failed.FindAllStringSubmatch(out, -1) {
		if slices.Contains(m.catches, match[1]) || m.catches[0] == "any" {
			return match[1], nil
		}
		if !slices.Contains(seen, match[1]) {
			seen = append(seen, match[1])
		}
	}
	if m.catches[0] == "any" && strings.Contains(out, "--- FAIL") {
		return "a test", nil
	}
	if seen == nil {
		return "", fmt.Errorf("the detector broke: %s", firstLine(out))
	}
	return "", fmt.Errorf("caught by %v, want one of %v", seen, m.catches)
}

func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// copied are the parts of the module that the detectors build.
var copied = []string{"go.mod", "go.sum", "views", "failuredetect", "transport", "internal/engine", "internal/wire", "internal/keys", "internal/seal", "internal/rekey", "internal/stable", "internal/sim", "testdata/scenarios", "testdata/seeds"}

func copyModule(from, to string) error {
	for _, part := range copied {
		source := filepath.Join(from, part)
		info, err := os.Stat(source)
		if err != nil {
			return err
		}
		target := filepath.Join(to, part)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if !info.IsDir() {
			text, err := os.ReadFile(source)
			if err == nil {
				err = os.WriteFile(target, text, 0o644)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := os.CopyFS(target, os.DirFS(source)); err != nil {
			return err
		}
	}
	return nil
}
