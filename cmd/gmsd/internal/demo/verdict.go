package demo

import (
	"os"

	"github.com/gmsd/gmsd/internal/sim/check"
)

// Verdict is what the property checkers say of the event logs.
type Verdict struct {
	Properties int               `json:"properties"`
	Records    int               `json:"records"`
	Messages   int               `json:"messages"`
	Deliveries int               `json:"deliveries"`
	Violations []check.Violation `json:"violations"`
}

// judge has the checkers read the logs of all hosts that ever ran.
func judge(dir string, hosts int) (*Verdict, error) {
	var logs []string
	for h := 1; h <= hosts; h++ {
		if _, err := os.Stat(eventLogOf(dir, h)); err == nil {
			logs = append(logs, eventLogOf(dir, h))
		}
	}
	report, err := check.Files(check.Options{}, logs...)
	if err != nil {
		return nil, err
	}
	v := &Verdict{Records: report.Records, Messages: report.Messages, Deliveries: report.Deliveries, Violations: report.Violations}
	for _, p := range check.Properties() {
		if report.Counts[p.String()] > 0 {
			v.Properties++
		}
	}
	return v, nil
}
