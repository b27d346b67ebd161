package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/gmsd/gmsd/internal/figures"
)

// Report is what was measured.
type Report struct {
	Records figures.Set
	// Notes say what a reader of the figures must know.
	Notes []string
}

// Table prints a line for each figure, summed up over hosts and runs.
func (r *Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "cfg\tfigure\tmedian (min-max)\trecords")
	type row struct {
		cfg    string
		n      int
		metric string
	}
	known := make(map[row]bool)
	for _, rec := range r.Records {
		key := row{rec.Cfg, rec.N, rec.Metric}
		if known[key] {
			continue
		}
		known[key] = true
		values := r.Records.Values(rec.Cfg, rec.N, rec.Metric)
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\n", rec.Cfg, rec.Metric, figures.Spread(values), len(values))
	}
	return t.Flush()
}
