package demo

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/views/trace"
)

// Verdict is what the property checkers say of the event logs.
type Verdict struct {
	Properties int               `json:"properties"`
	Records    int               `json:"records"`
	Messages   int               `json:"messages"`
	Deliveries int               `json:"deliveries"`
	Violations []check.Violation `json:"violations"`
}

// judge reads the logs of all hosts and runs the checkers over them. The logs
// are laid together by time: on one machine all are of one clock.
func judge(dir string, hosts int) (*Verdict, error) {
	var records []trace.Record
	for h := 1; h <= hosts; h++ {
		raw, err := os.ReadFile(eventLogOf(dir, h))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if records, err = appendRecords(records, raw); err != nil {
			return nil, fmt.Errorf("%s: %w", hostName(h), err)
		}
	}
	slices.SortStableFunc(records, func(a, b trace.Record) int { return cmp.Compare(a.T, b.T) })
	checker := check.New(check.Options{})
	for _, r := range records {
		checker.Observe(r)
	}
	report := checker.Finish()
	v := &Verdict{Records: report.Records, Messages: report.Messages, Deliveries: report.Deliveries, Violations: report.Violations}
	for _, p := range check.Properties() {
		if report.Counts[p.String()] > 0 {
			v.Properties++
		}
	}
	return v, nil
}

// appendRecords reads whole lines; a last one that a kill has torn is left out.
func appendRecords(records []trace.Record, raw []byte) ([]trace.Record, error) {
	lines := bytes.Split(raw, []byte("\n"))
	for i, line := range lines {
		if len(line) == 0 {
			continue
		}
		rec, err := trace.ParseLine(line)
		switch {
		case err == nil:
			records = append(records, rec)
		case errors.Is(err, trace.ErrUnknownEvent), i == len(lines)-1:
		default:
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return records, nil
}
