package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func short() Options {
	o := Defaults()
	o.Hosts, o.Runs, o.Duration, o.Sizes = 2, 1, 200*time.Millisecond, "100"
	return o
}

// A kill is measured at all who are left, and a slow port makes no difference to
// whether messages flow once it is gone.
func TestTrouble(t *testing.T) {
	o := short()
	o.Hosts, o.Phases = 3, "slow,kill"
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range report.Records {
		got[r.Metric]++
		if r.Metric == "flood_1024B_kill_gap_ms" && r.Value <= 0 {
			t.Errorf("%+v: a view change without a silence", r)
		}
	}
	if got["slow_receiver_grows_mib"] != 1 || got["flood_1024B_kill_gap_ms"] != 2 ||
		got["flood_1024B_calm_gap_ms"] != 2 || got["flood_1024B_kill_detect_ms"] != 1 {
		t.Errorf("records: %v", got)
	}
}

// Every figure is there, once for each host where hosts differ, and what it
// counts can be true.
func TestRunMeasuresWhatItNames(t *testing.T) {
	o := short()
	o.Profile = filepath.Join(t.TempDir(), "cpu")
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, note := range report.Notes {
		t.Log(note)
	}
	want := map[string]int{
		"lib form_all_ms": 1, "lib leave_all_ms": 1, "lib group_join_ms": groupChanges, "lib group_leave_ms": groupChanges,
		"lib groups_1000_join_all_ms": 1, "lib groups_1000_host_bytes": 1, "lib group_rejoin_ms": 1, "lib client_kill_ms": 1,
		"lib state_256MiB_mib_s": 1, "lib slow_receiver_grows_mib": 1,
	}
	for _, order := range []string{"fifo", "agreed", "safe"} {
		for _, k := range []int{1, 2} {
			for _, figure := range []string{"msgs_s", "lat_p50_us", "lat_p99_us"} {
				want[fmt.Sprintf("lib,%s flood_100B_%dsend_%s", order, k, figure)] = 2
			}
			want[fmt.Sprintf("lib,%s flood_100B_%dsend_resent_pct", order, k)] = 1
			want[fmt.Sprintf("lib,%s flood_100B_%dsend_allocs", order, k)] = 1
		}
		for figure, hosts := range map[string]int{"lat_p50_us": 2, "lat_p99_us": 2, "own_p50_us": 1, "own_p99_us": 1} {
			want[fmt.Sprintf("lib,%s rate_100B_1send_1000/s_%s", order, figure)] = hosts
		}
	}
	want["lib,sealed sealing_cost_pct"] = 1
	for _, cfg := range []string{"lib,agreed", "lib,sealed,agreed"} { // twice each
		for _, figure := range []string{"msgs_s", "lat_p50_us", "lat_p99_us"} {
			want[cfg+" flood_1024B_2send_"+figure] = 4
		}
		want[cfg+" flood_1024B_2send_resent_pct"] = 2
		want[cfg+" flood_1024B_2send_allocs"] = 2
	}
	delivered, rows := 0.0, map[string]bool{}
	for _, r := range report.Records {
		if r.Peer != "gmsd" || r.N != 2 || r.Run != 1 || r.Value < 0 && r.Metric != "sealing_cost_pct" {
			t.Errorf("%+v", r)
		}
		rows[r.Cfg+r.Metric] = true
		if strings.HasSuffix(r.Metric, "_missed_pct") {
			continue // a busy machine
		}
		want[r.Cfg+" "+r.Metric]--
		if strings.HasSuffix(r.Metric, "_msgs_s") {
			delivered += r.Value
		}
	}
	if delivered == 0 {
		t.Error("nothing was delivered in any flood")
	}
	for figure, n := range want {
		if n != 0 {
			t.Errorf("%s: %d too few", figure, n)
		}
	}
	if info, err := os.Stat(o.Profile); err != nil || info.Size() == 0 {
		t.Errorf("profile: %v, %v", info, err)
	}
	var table strings.Builder
	if err := report.Table(&table); err != nil || strings.Count(table.String(), "\n") != 1+len(rows) {
		t.Errorf("%v\n%s", err, table.String())
	}
}

// A rate is kept: neither are messages left out nor more of them sent.
func TestALoadSendsAtItsRateAndLosesNothing(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) { sendsAtItsRate(t, transport) })
	}
}

func sendsAtItsRate(t *testing.T, transport string) {
	g, _, err := form(t.Context(), stage{transport: transport, hosts: 2, dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	l := &load{cell: cell{size: 100, senders: 2, rate: 100}, group: g, name: "x"}
	receivers, err := l.run(t.Context(), 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	// 100 ms to warm up and a window of 300 ms, at two hosts.
	if sent := l.sent.Load(); sent < 2 || sent > 80 {
		t.Errorf("%d messages sent, want up to 80", sent)
	}
	for _, r := range receivers {
		if l.missing(r) != 0 || r.changed {
			t.Errorf("%d missing, changed %t", l.missing(r), r.changed)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := short()
	o.Duration = DurationMax
	o.Told = func(line string) {
		if strings.Contains(line, PhaseFlood) {
			cancel()
		}
	}
	report, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(report.Records) != 1 || report.Records[0].Metric != "form_all_ms" {
		t.Errorf("%+v", report.Records)
	}
}

// All faults are told at once, each with what would be right.
func TestOptionsFaults(t *testing.T) {
	o := Options{Phases: "form,fall", Sizes: "7", Orders: "", Senders: "5", Profile: "x"}
	_, err := Run(t.Context(), o)
	var options *OptionsError
	if !errors.As(err, &options) {
		t.Fatal(err)
	}
	for _, part := range []string{
		"--hosts 0: want 2 to 64", "--runs 0", "--duration 0s: want 10ms to 10m", "--rate 0",
		`--phases "form,fall": want words of form, flood, rate, seal, groups, state, slow, leave, kill`, `--sizes "7": want words of 8 to`, `--orders ""`, `--senders "5"`,
		"--profile is one of the flood",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in: %v", part, err)
		}
	}
}

// A daemon that is not there is named, with what to look at.
func TestLiveWithoutADaemon(t *testing.T) {
	o := short()
	o.Live = filepath.Join(t.TempDir(), "clients.sock")
	_, err := Run(t.Context(), o)
	if !errors.Is(err, ErrNoDaemon) || !strings.Contains(err.Error(), "is gmsd running?") {
		t.Error(err)
	}
	o.Live = "a.sock,"
	var options *OptionsError
	if _, err := Run(t.Context(), o); !errors.As(err, &options) {
		t.Error(err)
	}
}

func TestQuantilesAreTrueToTwoPercent(t *testing.T) {
	var h histogram
	if h.quantile(.5) != 0 {
		t.Error("an empty one has a median")
	}
	for i := range 10000 {
		h.add(time.Duration(i) * time.Microsecond)
	}
	for _, p := range []float64{.01, .5, .99, 1} {
		want := p * float64(9999*time.Microsecond)
		if got := float64(h.quantile(p)); got < want*.98 || got > want*1.02 {
			t.Errorf("quantile %v: %v, want %v", p, time.Duration(got), time.Duration(want))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		v := random.Uint64() >> random.UintN(64) >> 1
		if got := uint64(middleOf(bucketOf(v))); got < v-v/50 || got > v+v/50 {
			t.Errorf("%d becomes %d", v, got)
		}
	}
	h.add(-time.Second)
	h.add(1<<63 - 1)
}
