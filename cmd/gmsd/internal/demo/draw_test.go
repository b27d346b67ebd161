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
