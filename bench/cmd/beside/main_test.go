package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/bench/internal/stage"
	"github.com/gmsd/gmsd/internal/figures"
)

func TestStagesHaveNamesAndBounds(t *testing.T) {
	e := &stage.Env{Runs: 5, Window: time.Second}
	names := map[string]bool{}
	for _, st := range all() {
		if st.Name == "" || names[st.Name] || strings.ContainsAny(st.Name, " /") {
			t.Errorf("the name %q", st.Name)
		}
		names[st.Name] = true
		if limit := st.Limit(e); st.EachRun <= 0 || limit <= time.Duration(e.Runs)*st.EachRun {
			t.Errorf("%s: %s a run, %s in all", st.Name, st.EachRun, limit)
		}
	}
}

func TestOnlyChooses(t *testing.T) {
	chosen, err := (&settings{only: "^(serf|memberlist)$"}).chosen()
	if err != nil || len(chosen) != 2 {
		t.Errorf("%d stages, %v", len(chosen), err)
	}
	for _, bad := range []string{"(", "nothing"} {
		if _, err := (&settings{only: bad}).chosen(); err == nil {
			t.Errorf("-only %q", bad)
		}
	}
}

// What a stage gave before it broke off is kept, on disk too, and appended to.
func TestAStageThatBreaksOffKeepsItsRecords(t *testing.T) {
	s := &settings{out: t.TempDir()}
	rec := figures.Record{Peer: "p", Cfg: "c", N: 4, Metric: "form_all_ms", Value: 1, Run: 1}
	st := stage.Stage{Name: "x", EachRun: time.Second, Run: func(_ context.Context, e *stage.Env) error {
		e.Put(rec)
		return os.ErrClosed
	}}
	var set figures.Set
	for range 2 {
		if err := s.one(context.Background(), &st, &stage.Env{Runs: 1}, &set); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(s.out, "x.jsonl"))
	line := `{"peer":"p","cfg":"c","n":4,"metric":"form_all_ms","value":1,"run":1}` + "\n"
	if err != nil || string(raw) != line+line || len(set) != 2 {
		t.Errorf("%q, %v, %v", raw, set, err)
	}
}

func TestAStageSaysWhatItLacks(t *testing.T) {
	err := ready(&stage.Stage{Needs: []string{"no-such-program"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Error(err)
	}
	if err := ready(&stage.Stage{Root: true}); (err == nil) != (os.Geteuid() == 0) {
		t.Error(err)
	}
}
