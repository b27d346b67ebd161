package table

import (
	"strings"
	"testing"

	"github.com/gmsd/gmsd/internal/figures"
)

func record(peer, cfg string, metric string, values ...float64) figures.Set {
	var set figures.Set
	for i, v := range values {
		set = append(set, figures.Record{Peer: peer, Cfg: cfg, N: 4, Metric: metric, Value: v, Run: i + 1})
	}
	return set
}

const kilo = "flood_1024B_4send_msgs_s"

func TestReadTakesRecordsAndTellsWhatIsNone(t *testing.T) {
	set, err := Read(strings.NewReader(`{"peer":"gmsd","cfg":"lib,fifo","n":4,"metric":"form_all_ms","value":3.5,"run":2,"note":"x"}` + "\n\n"))
	want := figures.Record{Peer: "gmsd", Cfg: "lib,fifo", N: 4, Metric: "form_all_ms", Value: 3.5, Run: 2}
	if err != nil || len(set) != 1 || set[0] != want {
		t.Errorf("%v, %v", set, err)
	}
	for _, bad := range []string{"nonsense", `{"peer":"a"}`, `{"peer":"a","metric":"m","n":0}`, `{"peer":"a","metric":"m","n":4,"value":"x"}`} {
		set, err := Read(strings.NewReader(`{"peer":"a","metric":"m","n":4}` + "\n" + bad))
		if err == nil || !strings.Contains(err.Error(), "line 2") || len(set) != 1 {
			t.Errorf("%s: %v, %v", bad, set, err)
		}
	}
}

// The median of all members and runs counts, and of a peer's settings the best.
func TestACellIsTheMedianOfTheBestSetting(t *testing.T) {
	set := record("jgroups", "udp.xml,fifo", kilo, 5, 100, 30, 20)
	set = append(set, record("jgroups", "tcp.xml,fifo", kilo, 24, 26)...)
	set = append(set, record("jgroups", "fast.xml,fifo", kilo, 1000, 1, 1)...)
	rows := Rows(set)
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	cell := rows[0].Cells["jgroups"]
	if cell.Setting != "tcp.xml" && cell.Setting != "udp.xml" || cell.median() != 25 {
		t.Errorf("%+v", cell)
	}
	if got := cell.print(); got != "**25.0** (24.0–26.0) tcp.xml" { // among equals the first name
		t.Error(got)
	}
}

func TestOfTimesTheLeastIsTheBest(t *testing.T) {
	set := record("gmsd", "lib", "leave_all_ms", 2, 4, 3)
	set = append(set, record("a", "x", "leave_all_ms", 6)...)
	set = append(set, record("b", "x", "leave_all_ms", 12)...)
	set = append(set, record("b", "y", "leave_all_ms", 7)...)
	row := Rows(set)[0]
	ratio, ok := row.Ratio()
	if row.Best() != "a" || !ok || ratio != 0.5 || row.Cells["b"].Setting != "y" {
		t.Errorf("best %s, ratio %v, %+v", row.Best(), ratio, row.Cells["b"])
	}
}

// Daemons are not compared with libraries, orders not with each other, but what
// is killed is gone everywhere.
func TestOnlyWhatMayBeComparedSharesARow(t *testing.T) {
	for _, c := range []struct {
		peer, cfg, metric string
		want              Key
		ok                bool
	}{
		{"gmsd", "lib,fifo", kilo, Key{Library, "fifo", kilo, 4}, true},
		{"gmsd", "daemon,agreed", kilo, Key{Daemons, "agreed", kilo, 4}, true},
		{"corosync 3", "knet,agreed", kilo, Key{Daemons, "agreed", kilo, 4}, true},
		{"gmsd", "lib", "form_all_ms", Key{Library, "", "form_all_ms", 4}, true},
		{"gmsd", "daemon", "kill1_all_s", Key{"", "", "kill1_all_s", 4}, true},
		{"corosync 3", "udpu", "kill1_all_s", Key{"", "", "kill1_all_s", 4}, true},
		{"gmsd", "lib,fifo", "flood_1024B_4send_resent_pct", Key{}, false},
		{"gmsd", "lib,fifo", "flood_1024B_4send_lat_p50_us", Key{}, false},
	} {
		got, ok := keyOf(figures.Record{Peer: c.peer, Cfg: c.cfg, N: 4, Metric: c.metric})
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s %s %s: %+v, %v", c.peer, c.cfg, c.metric, got, ok)
		}
	}
}

func TestBarsAreHeldAgainstTheRatio(t *testing.T) {
	for _, c := range []struct {
		own, peer string
		metric    string
		ratio     float64
		want      string
	}{
		{"lib,fifo", "udp,fifo", kilo, 1.2, "≥ 1.2x ok"},
		{"lib,fifo", "udp,fifo", kilo, 1.1, "≥ 1.2x MISSED"},
		{"lib,fifo", "udp,fifo", "flood_100B_4send_msgs_s", 0.1, ""},
		{"lib,agreed", "udp,agreed", "flood_100B_1send_msgs_s", 2, "≥ 2x ok"},
		{"lib,agreed", "udp,agreed", "flood_100B_1send_msgs_s", 1.9, "≥ 2x MISSED"},
		{"lib,agreed", "udp,agreed", "flood_8192B_4send_msgs_s", 1, "> 1x MISSED"},
		{"lib,safe", "", "flood_8192B_1send_msgs_s", 1, ""},
		{"daemon,agreed", "daemon,agreed", kilo, 4, "≥ 4x ok"},
		{"daemon,agreed", "daemon,fifo", kilo, 4, "≥ 4x no figure"},
		{"lib,agreed", "udp,agreed", "rate_100B_1send_1000/s_lat_p50_us", 1, ""},
	} {
		set := record("gmsd", c.own, c.metric, 10*c.ratio)
		if c.peer != "" {
			set = append(set, record("peer", c.peer, c.metric, 10)...)
		}
		for _, row := range Rows(set) {
			if row.Cells["gmsd"] == nil {
				continue
			}
			if got := row.verdict(); got != c.want {
				t.Errorf("%s, %s, %v: %q, want %q", c.own, c.metric, c.ratio, got, c.want)
			}
		}
	}
}

func TestTheTable(t *testing.T) {
	set := record("gmsd", "lib,fifo", kilo, 400e3, 500e3, 600e3)
	set = append(set, record("jgroups 2.12.2", "udp.xml,fifo", kilo, 250e3)...)
	set = append(set, record("gmsd", "lib", "form_all_ms", 40)...)
	set = append(set, record("corosync 3.1.7", "knet", "form_all_ms", 2600)...)
	set = append(set, record("gmsd", "daemon", "kill1_all_s", 0.25)...)
	var out strings.Builder
	if err := Markdown(&out, set); err != nil {
		t.Fatal(err)
	}
	want := `| metric | where | n | gmsd | corosync 3.1.7 | jgroups 2.12.2 | ` + Published + ` | gmsd / best peer | bar |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| flood_1024B_4send_msgs_s | library, fifo | 4 | **500 k** (400 k–600 k) lib | - | **250 k** (250 k–250 k) udp.xml | 443 k | 2x | ≥ 1.2x ok |
| form_all_ms | library | 4 | **40.0** (40.0–40.0) lib | - | - | 1135 | - |  |
| form_all_ms | daemons | 4 | - | **2600** (2600–2600) knet | - | - | - |  |
| kill1_all_s | any | 4 | **0.25** (0.25–0.25) daemon | - | - | 1.69 | - |  |
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}

// A published figure that is in no row would never be seen.
func TestPublishedFiguresHaveRows(t *testing.T) {
	for k, v := range published {
		peer := "jgroups"
		got, ok := keyOf(figures.Record{Peer: peer, Cfg: "x," + k.Order, N: k.N, Metric: k.Metric})
		if !ok || got != k || v <= 0 {
			t.Errorf("%+v: row %+v, %v", k, got, ok)
		}
	}
}
