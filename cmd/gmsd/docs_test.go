package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gmsd/gmsd/cmd/gmsd/internal/bench"
	"github.com/gmsd/gmsd/internal/clients"
	"github.com/gmsd/gmsd/views/trace"
)

func page(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestThePagesNameAll: every phase and flag of the bench, every metric of programs,
// every event of the log.
func TestThePagesNameAll(t *testing.T) {
	operating := page(t, "OPERATING.md")
	for phase := range strings.SplitSeq(bench.Defaults().Phases, ",") {
		if !strings.Contains(operating, "| `"+phase+"` |") || !strings.Contains(benchCommand.long, "\n  "+phase) {
			t.Errorf("phase %s is not told", phase)
		}
	}
	for line := range strings.Lines(helpOf(t, "bench")) {
		if flag, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(line, "  --") && !strings.Contains(operating, "| `"+flag) {
			t.Errorf("OPERATING.md has no %s of bench", flag)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(clientMetrics{func() clients.Stats { return clients.Stats{Errors: map[string]uint64{"busy": 1}} }})
	families, err := registry.Gather()
	if err != nil || len(families) != 7 {
		t.Errorf("%d metrics, %v", len(families), err)
	}
	for _, f := range families {
		if name := strings.TrimPrefix(f.GetName(), "gmsd_"); !strings.Contains(operating, "`"+name) {
			t.Errorf("OPERATING.md has no %s", name)
		}
	}
	log := page(t, "EVENT_LOG.md")
	for _, e := range []trace.Event{
		trace.Start{},
		trace.Stop{},
		trace.Install{},
		trace.Primary{},
		trace.BitsChanged{},
		trace.Block{},
		trace.Unblock{},
		trace.Send{Port: 1},
		trace.Deliver{Port: 1},
		trace.GroupView{},
		trace.GroupLeft{},
		trace.Suspect{},
		trace.Trust{},
		trace.Join{},
		trace.Drop{},
		trace.Phase{},
		trace.Laggard{},
		trace.Pause{},
	} {
		if missing := untold(log, e); missing != "" {
			t.Errorf("EVENT_LOG.md: %s lacks %s", e.Name(), missing)
		}
	}
}

// untold gives a key of an event that its row of the table lacks, or its name.
func untold(log string, e trace.Event) string {
	for row := range strings.Lines(log) {
		cells := strings.SplitN(row, "|", 3)
		if len(cells) < 3 || !strings.Contains(cells[1], "`"+e.Name()+"`") {
			continue
		}
		line := string(trace.AppendJSON(nil, trace.Record{Event: e}))
		_, rest, _ := strings.Cut(line, `"ev":`)
		for _, word := range strings.Split(rest, `,"`)[1:] {
			if key, _, ok := strings.Cut(word, `":`); ok && !strings.Contains(row, "`"+key+"`") {
				return key
			}
		}
		return ""
	}
	return e.Name()
}

func helpOf(t *testing.T, name string) string {
	t.Helper()
	var out strings.Builder
	if code := execute(t.Context(), []string{"help", name}, streams{out: &out, err: &out}); code != exitOK {
		t.Fatalf("help %s: exit %d", name, code)
	}
	return out.String()
}
