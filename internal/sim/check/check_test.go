package check

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestFilms plays the hand-made logs: testdata/good must pass, each line of
// testdata/bad's outcome is the witness that must be found.
func TestFilms(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			f := newFilm(optionsOf(t, d))
			f.play(d.Input)
			r := f.c.Finish()
			var b strings.Builder
			for _, v := range r.Violations {
				fmt.Fprintln(&b, v)
			}
			if r.Clean() {
				b.WriteString("ok\n")
			}
			if d.HasArg("counts") {
				for _, code := range d.CmdArgs[argIndex(d, "counts")].Vals {
					fmt.Fprintf(&b, "%s %d\n", code, r.Counts[code])
				}
			}
			return b.String()
		})
	})
}

func argIndex(d *datadriven.TestData, key string) int {
	for i := range d.CmdArgs {
		if d.CmdArgs[i].Key == key {
			return i
		}
	}
	return -1
}

func optionsOf(t *testing.T, d *datadriven.TestData) Options {
	o := Options{Harness: d.HasArg("harness")}
	if i := argIndex(d, "skip"); i >= 0 {
		for _, code := range d.CmdArgs[i].Vals {
			p, ok := ParseProperty(code)
			if !ok {
				t.Fatalf("skip=%s: no such property", code)
			}
			o.Skip = append(o.Skip, p)
		}
	}
	return o
}

// TestEveryPropertyIsProven: a checker that never failed is not believed, nor
// one that had nothing to check in a good log.
func TestEveryPropertyIsProven(t *testing.T) {
	caught := map[string]bool{}
	witness := regexp.MustCompile(`(?m)^([A-Z]+\d+) \[`)
	eachFilm(t, "testdata/bad/*", func(expected string) {
		for _, m := range witness.FindAllStringSubmatch(expected, -1) {
			caught[m[1]] = true
		}
	})
	eachFilm(t, "testdata/good/*", func(expected string) {
		if witness.MatchString(expected) {
			t.Errorf("a good log is expected to fail: %s", expected)
		}
	})
	caught[LogReadable.String()] = true // files_test.go: these films hold no files
	for _, p := range Properties() {
		if !caught[p.String()] {
			t.Errorf("no bad log shows that %s (%s) is caught", p, p.Says())
		}
	}
}

func eachFilm(t *testing.T, pattern string, visit func(expected string)) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		visit(string(data))
	}
}

// TestGoodLogsApplyEverything: over all good logs each property had something
// to say.
func TestGoodLogsApplyEverything(t *testing.T) {
	total := map[string]int{}
	datadriven.Walk(t, "testdata/good", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			f := newFilm(optionsOf(t, d))
			f.play(d.Input)
			for code, n := range f.c.Finish().Counts {
				total[code] += n
			}
			return d.Expected
		})
	})
	total[LogReadable.String()]++
	for _, p := range Properties() {
		if total[p.String()] == 0 {
			t.Errorf("%s (%s) never applied to a good log", p, p.Says())
		}
	}
}
