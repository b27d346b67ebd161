package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/internal/figures"
)

func TestBenchPrintsRecordsOrSaysWhatIsWrong(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"bench", "--hosts", "2", "--runs", "1", "--phases", "form,leave", "--duration", "10ms", "--json"}
	if code := execute(t.Context(), args, streams{out: &out, err: &errs}); code != exitOK {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	var want figures.Set
	for _, metric := range []string{"form_all_ms", "leave_all_ms"} {
		want.Add("lib", 2, metric, 0, 1)
	}
	lines := strings.Split(out.String(), "\n")
	for i, r := range want {
		if !strings.HasPrefix(lines[i], `{"peer":"gmsd","cfg":"lib","n":2,"metric":"`+r.Metric+`","value":`) {
			t.Errorf("line %d: %s", i+1, lines[i])
		}
	}
	errs.Reset()
	if code := execute(t.Context(), []string{"bench", "--hosts", "1"}, streams{out: &out, err: &errs}); code != exitUsage ||
		!strings.Contains(errs.String(), "--hosts 1: want 2 to 64") {
		t.Errorf("exit %d: %s", code, &errs)
	}
	args = []string{"bench", "--profile", t.TempDir()}
	if code := execute(t.Context(), args, streams{out: &out, err: &errs}); code != exitRefused {
		t.Errorf("exit %d: %s", code, &errs)
	}
}
