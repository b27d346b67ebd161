package members

import (
	"fmt"
	"strings"

	"github.com/gmsd/gmsd/views"
)

// View is a view that came to a member.
type View struct {
	At          views.Instant
	Members     int
	Coordinator bool
}

// Result is what a member received in a load: messages a second, and latencies
// in µs, one way and from its own sending to its own receiving; negative: none.
type Result struct{ PerSecond, P50, P99, Own50, Own99 float64 }

// Figure is what a member measured itself.
type Figure struct {
	Metric string
	Value  float64
	Run    int
}

// parse gives a View, a Result, a Figure, or nil for a line that is none.
func parse(line string) (any, error) {
	kind, rest, _ := strings.Cut(line, " ")
	var err error
	switch kind {
	case "VIEW":
		var v View
		var coordinator int
		_, err = fmt.Sscan(rest, &v.At, &v.Members, &coordinator)
		v.Coordinator = coordinator == 1
		return orError(v, line, err)
	case "RESULT":
		var r Result
		_, err = fmt.Sscan(rest, &r.PerSecond, &r.P50, &r.P99, &r.Own50, &r.Own99)
		return orError(r, line, err)
	case "FIGURE":
		var f Figure
		_, err = fmt.Sscan(rest, &f.Metric, &f.Value, &f.Run)
		return orError(f, line, err)
	}
	return nil, nil
}

func orError(said any, line string, err error) (any, error) {
	if err != nil {
		return nil, fmt.Errorf("a member says %q: %w", line, err)
	}
	return said, nil
}
