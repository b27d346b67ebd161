package main

import (
	"bytes"
	"io"
	"text/tabwriter"
)

// newTable is a table whose cells stand gap blanks apart, and whose lines end where
// their last word does.
func newTable(w io.Writer, gap int) *tabwriter.Writer {
	return tabwriter.NewWriter(&trimming{w: w}, 0, 0, gap, ' ', 0)
}

// trimming leaves the blanks at the ends of lines out.
type trimming struct {
	w io.Writer
	// held is how many blanks wait to be followed by something.
	held int
}

func (t *trimming) Write(b []byte) (int, error) {
	var out []byte
	for _, c := range b {
		switch c {
		case ' ':
			t.held++
			continue
		case '\n':
			t.held = 0
		}
		out = append(append(out, bytes.Repeat([]byte{' '}, t.held)...), c)
		t.held = 0
	}
	if _, err := t.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}
