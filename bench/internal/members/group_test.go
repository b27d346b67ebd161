package members

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/internal/tracelog"
)

func TestLinesThatMembersSay(t *testing.T) {
	for line, want := range map[string]any{
		"VIEW 12 4 1":                 View{At: 12, Members: 4, Coordinator: true},
		"VIEW 12 4 0":                 View{At: 12, Members: 4},
		"RESULT 1000.5 10 20 -1 -1":   Result{1000.5, 10, 20, -1, -1},
		"FIGURE form_all_ms 3.25 2":   Figure{"form_all_ms", 3.25, 2},
		"GMS: address=a, cluster=b":   nil,
		"":                            nil,
		"VIEWS 1 2 3":                 nil,
		"---------------------------": nil,
	} {
		if got, err := parse(line); got != want || err != nil {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	for _, bad := range []string{"VIEW", "VIEW x 4 1", "RESULT 1 2 3", "FIGURE a b 1"} {
		if _, err := parse(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestCellsAreNamedAsByGmsd(t *testing.T) {
	var names []string
	for _, c := range Cells(4) {
		names = append(names, c.metric())
	}
	want := "rate_100B_1send_1000/s flood_100B_1send flood_100B_4send flood_1024B_1send flood_1024B_4send flood_8192B_1send flood_8192B_4send"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// fake is a group of members without processes; what they are told is kept.
func fake(n int) (*Group, []*strings.Builder) {
	g := NewGroup(nil)
	var told []*strings.Builder
	for range n {
		text := &strings.Builder{}
		told = append(told, text)
		g.members = append(g.members, &Member{in: struct {
			io.Writer
			io.Closer
		}{text, nil}})
	}
	return g, told
}

func TestReachWaitsForTheLastOfThoseThatStay(t *testing.T) {
	g, _ := fake(3)
	g.members[2].Expect()
	now := tracelog.Now()
	go func() {
		g.events <- event{from: g.members[0], said: View{At: now - 1, Members: 2}} // before the act
		g.events <- event{from: g.members[0], said: View{At: now.Add(time.Hour), Members: 2}}
		g.events <- event{from: g.members[1], said: View{At: now.Add(time.Hour), Members: 3}} // another size
		g.events <- event{from: g.members[1], said: View{At: now.Add(2 * time.Hour), Members: 2, Coordinator: true}}
	}()
	took, err := g.Reach(context.Background(), time.Minute, 2, func() error { return nil })
	if err != nil || took < 119*time.Minute || took > 121*time.Minute {
		t.Errorf("%s, %v", took, err)
	}
	if who, err := g.Bystander(); err != nil || who != g.members[0] {
		t.Errorf("the bystander is not the one that does not coordinate: %v", err)
	}
}

func TestReachGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := fake(1)
		nothing := func() error { return nil }
		if _, err := g.Reach(t.Context(), time.Minute, 1, nothing); err == nil || !strings.Contains(err.Error(), "a view of 1 did not come within 1m0s") {
			t.Error(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(io.EOF)
		if _, err := g.Reach(ctx, time.Minute, 1, nothing); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if err := g.Rest(t.Context(), time.Minute); err != nil {
			t.Errorf("a rest that was over: %v", err)
		}
		if err := g.Rest(ctx, time.Minute); !errors.Is(err, io.EOF) {
			t.Errorf("a rest that was broken off: %v", err)
		}
		go func() { g.events <- event{from: g.members[0], err: io.ErrUnexpectedEOF} }()
		if _, err := g.Reach(t.Context(), time.Minute, 1, nothing); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a member's fault: %v", err)
		}
	})
}

// One of two sends, and not the coordinator.
func TestALoadIsToldAndItsResultsArePut(t *testing.T) {
	g, told := fake(2)
	g.members[0].coordinator = true
	go func() {
		for _, m := range g.members {
			g.events <- event{from: m, said: Result{PerSecond: 1000, P50: 1, P99: 2, Own50: -1, Own99: -1}}
		}
	}()
	var put []string
	err := g.Load(context.Background(), Cell{Size: 100, Senders: 1}, time.Second, func(metric string, _ float64) { put = append(put, metric) })
	if err != nil {
		t.Fatal(err)
	}
	want := "flood_100B_1send_msgs_s flood_100B_1send_lat_p50_us flood_100B_1send_lat_p99_us"
	if got := strings.Join(put, " "); got != want+" "+want {
		t.Error(got)
	}
	for i, end := range []string{" 100 0 0\n", " 100 0 1\n"} {
		if got := told[i].String(); !strings.HasPrefix(got, "LOAD ") || !strings.HasSuffix(got, end) {
			t.Errorf("member %d was told %q", i, got)
		}
	}
}

// Where one hears nothing, the latencies of the others would flatter.
func TestALoadThatOneDoesNotHearHasNoLatency(t *testing.T) {
	g, _ := fake(2)
	go func() {
		g.events <- event{from: g.members[0], said: Result{PerSecond: 1000, P50: 1, P99: 2, Own50: 1, Own99: 2}}
		g.events <- event{from: g.members[1], said: Result{0, -1, -1, -1, -1}}
	}()
	var put []string
	err := g.Load(context.Background(), Cell{Size: 100, Senders: 1}, time.Second, func(metric string, _ float64) { put = append(put, metric) })
	if got := strings.Join(put, " "); err != nil || got != "flood_100B_1send_msgs_s flood_100B_1send_msgs_s" {
		t.Errorf("%s, %v", got, err)
	}
}
