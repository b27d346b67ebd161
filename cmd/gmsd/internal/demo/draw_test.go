package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
)

func cell(seq views.Seq, coordinator byte) Cell {
	return Cell{Seq: seq, View: views.ViewID{Seq: seq, Coordinator: views.HostID{0: coordinator}}, Life: running}
}

func TestDrawCells(t *testing.T) {
	dead, asleep, gone := Cell{Life: killed}, Cell{Life: frozen}, Cell{Life: left}
	for want, cells := range map[string][]Cell{
		"7─────7─────7":             {cell(7, 1), cell(7, 1), cell(7, 1)},
		"7─────x─────7     z     .": {cell(7, 1), dead, cell(7, 1), asleep, gone},
		"7─────7     7─────7":       {cell(7, 1), cell(7, 1), cell(7, 2), cell(7, 2)},
		".     12────12":            {{Life: absent}, cell(12, 1), cell(12, 1)},
		"x     7":                   {dead, cell(7, 1)},
	} {
		if got := drawCells(cells); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestDrawStory(t *testing.T) {
	scenes := []Scene{
		{
			Act: "start h1 h2 h3", Took: 80 * time.Millisecond, ViewsMax: 2, Cells: []Cell{cell(2, 1), cell(2, 1), cell(2, 1)},
			Sides: []Side{{View: "2@01", Reason: "join", Hosts: []string{"h1", "h2", "h3"}, Took: 80 * time.Millisecond}},
		},
		{
			Act: "kill h3", Took: 9500 * time.Microsecond, ViewsMax: 1, Cells: []Cell{cell(3, 1), cell(3, 1), {Life: killed}},
			Doubts: []Doubt{
				{By: "h1", Who: "h3", Detector: "socket", Evidence: "closed", After: time.Millisecond},
				{By: "h2", Who: "h3", Detector: "late", After: time.Second},
			},
		},
	}
	var b strings.Builder
	n := &narrator{out: &b}
	for i := range scenes {
		n.scene(&scenes[i])
	}
	drawPicture(&b, scenes)
	drawTable(&b, scenes)
	for _, want := range []string{
		"after 80 ms everyone of {h1 h2 h3} is in view 2@01 (join)",
		"after 1.0 ms h1 suspects h3: socket, closed",
		"kill h3         3─────3     x  9.5 ms",
		"kill h3         1.0 ms           9.5 ms                    1",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "late") {
		t.Error("a doubt that came after the view is told as its cause")
	}
}

// What is told of an act: a pause is the host's own, who leaves is not suspected, and
// a number that is passed over is explained.
func TestSceneInWords(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	doubts := []Doubt{
		{By: "h2", Who: "h2", Detector: "pause", Evidence: "paused 4s", After: ms(1)},
		{By: "h1", Who: "h3", Detector: "socket", Evidence: "closed", After: ms(2)},
		{By: "h1", Who: "h2", Detector: "silence", Evidence: "silent 2s", After: ms(3)},
	}
	scene := Scene{Act: "leave h3", Took: ms(5), Above: 3, Cells: []Cell{{Seq: 7}}, Doubts: unexpected(Act{Verb: Leave, Hosts: []int{3}}, doubts)}
	var b, table strings.Builder
	(&narrator{&b}).scene(&scene)
	if got, want := b.String(), `          after 1.0 ms h2 noticed that it was paused 4s
          after 3.0 ms h1 suspects h2: silence, silent 2s
          (7, not 4: the number of a view is above all that its members ever used or set aside on disk)
`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	drawTable(&table, []Scene{scene})
	if !strings.Contains(table.String(), "leave h3  3.0 ms ") {
		t.Errorf("got\n%s", table.String())
	}
	for above, seq := range map[int]int{0: 7, 6: 7} {
		b.Reset()
		(&narrator{&b}).scene(&Scene{Above: views.Seq(above), Cells: []Cell{{Seq: views.Seq(seq)}}})
		if b.Len() > 0 {
			t.Errorf("%d behind %d: %s", seq, above, b.String())
		}
	}
}
