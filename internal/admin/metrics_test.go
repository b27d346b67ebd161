package admin

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// film feeds events at given milliseconds.
type film []struct {
	ms    int64
	event trace.Event
}

func (f film) records() []trace.Record {
	var out []trace.Record
	for i, e := range f {
		out = append(out, trace.Record{N: uint64(i + 1), T: views.Instant(e.ms * 1e6), Process: views.Process{Host: host(1), Incarnation: 1}, Event: e.event})
	}
	return out
}

func members(bs ...byte) []trace.HostBits {
	var out []trace.HostBits
	for _, b := range bs {
		out = append(out, trace.HostBits{Process: views.Process{Host: host(b), Incarnation: 1}})
	}
	return out
}

func run(f film) []changeTimes {
	var c changeClock
	var out []changeTimes
	for _, r := range f.records() {
		if t, done := c.observe(r); done {
			out = append(out, t)
		}
	}
	return out
}

func same(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestChangeClock(t *testing.T) {
	for _, c := range []struct {
		name string
		film film
		want []changeTimes
	}{
		{"a crash at the coordinator", film{
			{100, trace.Suspect{Who: host(3)}},
			{110, trace.Phase{Phase: "propose"}},
			{112, trace.Block{}},
			{120, trace.Install{Members: members(1, 2)}},
			{121, trace.Unblock{}},
		}, []changeTimes{{Detect: .010, Agree: .002, Flush: .008, Install: .001, Total: .021, Blocked: .009}}},
		{"a join seen by a member that does not lead", film{
			{50, trace.Block{}},
			{55, trace.Install{Members: members(1, 2, 3)}},
			{55, trace.Unblock{}},
		}, []changeTimes{{Detect: -1, Agree: 0, Flush: .005, Install: 0, Total: .005, Blocked: .005}}},
		{"a doubt taken back before the change is not its cause", film{
			{10, trace.Suspect{Who: host(3)}},
			{20, trace.Trust{Who: host(3)}},
			{50, trace.Block{}},
			{55, trace.Install{Members: members(1, 2, 3)}},
			{55, trace.Unblock{}},
		}, []changeTimes{{Detect: -1, Agree: 0, Flush: .005, Install: 0, Total: .005, Blocked: .005}}},
		{"an abandoned gather does not count", film{
			{10, trace.Phase{Phase: "gather"}},
			{20, trace.Phase{Phase: "abandon"}},
			{50, trace.Block{}},
			{55, trace.Install{Members: members(1, 2)}},
			{56, trace.Unblock{}},
		}, []changeTimes{{Detect: -1, Agree: 0, Flush: .005, Install: .001, Total: .006, Blocked: .006}}},
		{"the first view of an incarnation is no change", film{
			{10, trace.Install{Members: members(1)}},
			{10, trace.Unblock{}},
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(c.film)
			if len(got) != len(c.want) {
				t.Fatalf("%d changes, want %d", len(got), len(c.want))
			}
			for i, g := range got {
				w := c.want[i]
				if !same(g.Detect, w.Detect) || !same(g.Agree, w.Agree) || !same(g.Flush, w.Flush) || !same(g.Install, w.Install) ||
					!same(g.Total, w.Total) || !same(g.Blocked, w.Blocked) {
					t.Errorf("got %+v, want %+v", g, w)
				}
			}
		})
	}
}

// partOne are the metrics of the outside face that mean something in a group
// without databases, services and meta storage.
var partOne = []string{
	"view_seq", "view_members", "view_primary", "view_epoch", "view_changes_total", "view_change_seconds", "blocked_seconds",
	"messages_sent_total", "messages_delivered_total", "delivery_seconds", "retransmits_total", "flow_blocked_seconds_total", "transport_bytes_total",
	"transport_packets_total", "dropped_total", "suspicions_total", "false_suspicions_total", "detection_bound_seconds", "build_info",
	"link_rtt_seconds", "link_mtu_bytes", "backlog_bytes", "window_bytes", "room_bytes", "slow_receiver", "backlog_limit_bytes",
	"outbox_bytes", "outbox_limit_bytes", "admin_body_bytes", "admin_body_limit_bytes", "listeners_cut_total", "ports", "light_groups",
	"state_transfers", "known_peers", "known_peers_absent", "alone_seconds", "multicast_deaf",
	"link_loss_ratio", "diagnosis",
}

func TestMetrics(t *testing.T) {
	s := serve(t, nil)
	for _, r := range (film{
		{1, trace.Install{Reason: views.ReasonStart, Members: members(1)}},
		{10, trace.Suspect{Who: host(3), Detector: "silence"}},
		{11, trace.Suspect{Who: host(4), Detector: "silence"}},
		{12, trace.Trust{Who: host(4), Detector: "silence"}},
		{13, trace.Block{}},
		{14, trace.Install{Reason: views.ReasonCrash, Members: members(1, 2)}},
		{14, trace.Unblock{}},
		{20, trace.Trust{Who: host(3), Detector: "silence"}}, // it was removed: not a mistake
	}).records() {
		s.server.metrics.Observe(r)
	}
	body, err := s.tcp.Do(context.Background(), "GET", "/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	operating, err := os.ReadFile(filepath.Join("..", "..", "docs", "OPERATING.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		name, of := strings.CutPrefix(line, "# TYPE gmsd_")
		if name, _, _ = strings.Cut(name, " "); of && !strings.Contains(string(operating), "`"+name) {
			t.Errorf("docs/OPERATING.md has no %s", name)
		}
	}
	for _, name := range partOne {
		if !strings.Contains(text, "# TYPE gmsd_"+name+" ") {
			t.Errorf("gmsd_%s is missing", name)
		}
	}
	for _, line := range []string{
		"gmsd_view_seq 2", "gmsd_view_members 2", "gmsd_view_primary 0", `gmsd_view_changes_total{reason="crash"} 1`,
		`gmsd_messages_sent_total{order="agreed"} 2`, `gmsd_messages_sent_total{order="safe"} 1`, `gmsd_messages_sent_total{order="fifo"} 0`,
		`gmsd_messages_delivered_total{order="fifo"} 7`, `gmsd_messages_delivered_total{order="safe"} 0`, "gmsd_retransmits_total 6",
		`gmsd_delivery_seconds_bucket{order="agreed",le="5e-05"} 1`, `gmsd_delivery_seconds_bucket{order="agreed",le="0.0001"} 1`,
		`gmsd_delivery_seconds_bucket{order="agreed",le="0.0002"} 3`, `gmsd_delivery_seconds_bucket{order="agreed",le="10"} 3`,
		`gmsd_delivery_seconds_bucket{order="agreed",le="+Inf"} 4`, `gmsd_delivery_seconds_sum{order="agreed"} 20`,
		`gmsd_delivery_seconds_count{order="fifo"} 0`, `gmsd_delivery_seconds_bucket{order="safe",le="10"} 0`, "gmsd_backlog_bytes 4711",
		`gmsd_suspicions_total{detector="silence"} 2`, `gmsd_suspicions_total{detector="socket"} 0`, `gmsd_suspicions_total{detector="pause"} 0`, `gmsd_view_changes_total{reason="evict"} 0`, "gmsd_false_suspicions_total 1",
		`gmsd_view_change_seconds_count{phase="detect"} 1`, `gmsd_view_change_seconds_count{phase="total"} 1`, "gmsd_blocked_seconds_count 1",
		`gmsd_dropped_total{reason="malformed"} 4`, `gmsd_dropped_total{reason="send-error"} 2`,
		`gmsd_transport_bytes_total{dir="out",kind="unicast"} 500`, "gmsd_detection_bound_seconds 1.5", "gmsd_flow_blocked_seconds_total 0.25",
		"gmsd_window_bytes 1000", "gmsd_room_bytes 500", `gmsd_slow_receiver{peer="h2"} 1`, "gmsd_backlog_limit_bytes 4000", "gmsd_outbox_bytes 77",
		"gmsd_listeners_cut_total 3", "gmsd_ports 5", "gmsd_light_groups 6", `gmsd_state_transfers{role="donor"} 1`, `gmsd_state_transfers{role="joiner"} 2`,
		"gmsd_known_peers 3", "gmsd_known_peers_absent 2", "gmsd_alone_seconds 7", "gmsd_multicast_deaf 1", `gmsd_router_connected{router="a:7751"} 1`, `gmsd_router_connected{router="b:7751"} 0`,
		`gmsd_link_rtt_seconds{peer="h2"} 0.002`, `gmsd_link_mtu_bytes{peer="h2"} 65535`,
		`gmsd_link_loss_ratio{peer="h2"} 0.25`, `gmsd_diagnosis{cause="one-way-link",from="h1",to="h2"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
}
