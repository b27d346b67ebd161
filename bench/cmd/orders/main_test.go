package main

import (
	"strings"
	"testing"

	"github.com/gmsd/gmsd/bench/internal/orders"
	"github.com/gmsd/gmsd/internal/figures"
)

func TestRatiosAreOfOneRunAndAVoidRunHasNone(t *testing.T) {
	var set figures.Set
	put := func(kind string, run int, value float64) {
		set = append(set, figures.Record{Cfg: kind, N: hosts, Metric: "x_us", Value: value, Run: run})
	}
	kinds := orders.Kinds()
	for run, v := range []float64{10, 100, 1000} {
		put(kinds[0], run, v)
		if run != 1 {
			put(kinds[1], run, v*2)
		}
	}
	var out strings.Builder
	if err := table(&out, set); err != nil {
		t.Fatal(err)
	}
	want := "| x_us | 100 (10.0-1000) 1.00x | 1010 (20.0-2000) 2.00x | - | - |\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

func TestFiguresHaveTheNamesOfTheOtherHarnesses(t *testing.T) {
	for want, l := range map[string]orders.Load{
		"flood_1024B_4send_msgs_s":          {Senders: 4, Size: 1024},
		"rate_100B_1send_1000/s_own_p50_us": {Senders: 1, Size: 100, Rate: 1000},
		"idle_datagrams_s":                  {},
	} {
		if got := figuresOf(l, orders.Result{})[0].Metric; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
