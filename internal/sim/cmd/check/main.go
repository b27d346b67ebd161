package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gmsd/gmsd/internal/sim/check"
)

// Exit codes.
const (
	exitClean    = 0
	exitUsage    = 1
	exitViolated = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type settings struct {
	minViews, minMessages int
	json                  bool
	want, skip            string
	paths                 []string
}

func run(args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if err != nil {
		return exitUsage
	}
	report, err := s.check()
	if err != nil {
		fmt.Fprintln(stderr, "check:", err)
		return exitUsage
	}
	want, err := properties(s.want)
	if err != nil {
		fmt.Fprintln(stderr, "check: --want:", err)
		return exitUsage
	}
	inactive := report.Activity(s.minViews, s.minMessages, want...)
	if err := s.print(stdout, report, inactive); err != nil {
		fmt.Fprintln(stderr, "check:", err)
		return exitUsage
	}
	if !report.Clean() || inactive != nil {
		return exitViolated
	}
	return exitClean
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("check", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&s.minViews, "min-views", 0, "fail with fewer view changes")
	f.IntVar(&s.minMessages, "min-messages", 0, "fail with fewer messages sent")
	f.BoolVar(&s.json, "json", false, "print the report as JSON")
	f.StringVar(&s.want, "want", "", "codes of properties that must have applied, comma-separated, or \"core\"")
	f.StringVar(&s.skip, "skip", "", "codes of properties to leave out, comma-separated")
	f.Usage = func() {
		fmt.Fprintln(stderr, "usage: check [flags] DIR|FILE...")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if s.paths = f.Args(); len(s.paths) == 0 {
		f.Usage()
		return nil, errors.New("no path")
	}
	return s, nil
}

func (s *settings) check() (*check.Report, error) {
	skip, err := properties(s.skip)
	if err != nil {
		return nil, fmt.Errorf("--skip: %w", err)
	}
	return check.Files(check.Options{Skip: skip}, s.paths...)
}

// properties reads a list of codes.
func properties(list string) ([]check.Property, error) {
	if list == "core" {
		return check.Core(), nil
	}
	var out []check.Property
	for _, code := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, ok := check.ParseProperty(code)
		if !ok {
			return nil, fmt.Errorf("no property %q", code)
		}
		out = append(out, p)
	}
	return out, nil
}

func (s *settings) print(w io.Writer, report *check.Report, inactive error) error {
	if s.json {
		out := struct {
			*check.Report
			Inactive string `json:"inactive,omitempty"`
		}{Report: report}
		if inactive != nil {
			out.Inactive = inactive.Error()
		}
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(out)
	}
	verdict := "CLEAN"
	switch {
	case !report.Clean():
		verdict = fmt.Sprintf("VIOLATED: %d properties", len(report.Broken))
	case inactive != nil:
		verdict = "INVALID: " + inactive.Error()
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", report, verdict)
	return err
}
