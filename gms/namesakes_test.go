package gms

import (
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/gmsd/gmsd/views"
)

// That two members have one name is said when the second comes, not again with every
// view, and again where a third one comes.
func TestNamesakesAreSaidOnce(t *testing.T) {
	lines := &logLines{}
	inBubble(t, func(r *rig) { r.cfg.Logger = slog.New(lines) }, func(t *testing.T, r *rig, h *Host) {
		const said = "members have one name: a command that is told the name cannot know which is meant"
		third := views.Process{Host: views.HostID{3}, Incarnation: 1}
		for i, c := range []struct {
			members []views.Process
			want    int
		}{
			{[]views.Process{selfProcess}, 0},
			{[]views.Process{selfProcess, peerProcess}, 1},
			{[]views.Process{selfProcess, peerProcess}, 1},
			{[]views.Process{selfProcess, peerProcess, third}, 2},
			{[]views.Process{selfProcess, third}, 2},
			{[]views.Process{selfProcess}, 2},
			{[]views.Process{selfProcess, third}, 3},
		} {
			if err := h.order(func(l *loop) { l.act(r.engine.install(c.members...)) }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := lines.count(said); got != c.want {
				t.Errorf("view %d: said %d times, want %d", i, got, c.want)
			}
		}
		if got := Namesakes(h.View().View); len(got) != 1 || len(got[0]) != 2 || got[0][1].Host != third.Host {
			t.Errorf("got %v", got)
		}
	})
}
