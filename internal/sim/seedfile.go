package sim

import (
	"fmt"
	"os"
	"strings"
)

// Record is a kept seed: all that a run depends on, and what it once showed. The
// plan is explicit: the world, the faults, the stays. The seed in the options
// only feeds what cannot be written down (the delay and loss of each frame, the
// workload), so that a record outlives changes of how plans are drawn.
type Record struct {
	Options  Options
	Schedule []Fault
	Stays    Stays
	// FoundBy, Property and Note are for people.
	FoundBy, Property, Note string
}

// Task gives the run that the record describes.
func (r *Record) Task() Task {
	schedule := r.Schedule
	if schedule == nil {
		schedule = []Fault{}
	}
	return Task{Options: r.Options, Schedule: schedule, Stays: &r.Stays, Maker: Shipped, Oracle: Judged}
}

// String writes the record as a file holds it.
func (r *Record) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "found-by: %s\nproperty: %s\n", r.FoundBy, r.Property)
	if r.Note != "" {
		fmt.Fprintf(&b, "note: %s\n", r.Note)
	}
	fmt.Fprintf(&b, "options: %s\n", r.Options)
	for _, f := range r.Schedule {
		fmt.Fprintf(&b, "fault: %s\n", f)
	}
	if stays := r.Stays.String(); stays != "" {
		fmt.Fprintf(&b, "stays: %s\n", stays)
	}
	return b.String()
}

// Write keeps the record in a file.
func (r *Record) Write(path string) error {
	if err := os.WriteFile(path, []byte(r.String()), 0o644); err != nil {
		return fmt.Errorf("kept seed: %w", err)
	}
	return nil
}

// ReadSeed reads a kept seed.
func ReadSeed(path string) (*Record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("kept seed: %w", err)
	}
	r, err := ParseRecord(string(text))
	if err != nil {
		return nil, fmt.Errorf("kept seed %s: %w", path, err)
	}
	return r, nil
}

// ParseRecord reads what String wrote.
func ParseRecord(text string) (*Record, error) {
	r := &Record{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		var err error
		switch key {
		case "found-by":
			r.FoundBy = value
		case "property":
			r.Property = value
		case "note":
			r.Note = value
		case "options":
			r.Options, err = ParseOptions(value)
		case "fault":
			var f Fault
			f, err = ParseFault(value)
			r.Schedule = append(r.Schedule, f)
		case "stays":
			r.Stays, err = parseStays(value)
		default:
			err = fmt.Errorf("line %q is not known", key)
		}
		if err != nil {
			return nil, err
		}
	}
	return r, r.Options.validate()
}
