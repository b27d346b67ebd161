package demo

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDefaultScriptsPlay(t *testing.T) {
	for n := 3; n <= HostsMax; n++ {
		acts, err := ParseScript(DefaultScript(n), n)
		if err != nil {
			t.Fatalf("%d hosts: %v", n, err)
		}
		var total time.Duration
		verbs := map[Verb]bool{}
		for _, a := range acts {
			total += a.For
			verbs[a.Verb] = true
		}
		if total > 20*time.Second {
			t.Errorf("%d hosts: the pauses alone last %s", n, total)
		}
		for _, v := range []Verb{Start, Kill, Freeze, Thaw, Cut, Heal, Leave} {
			if !verbs[v] {
				t.Errorf("%d hosts: no %s", n, v)
			}
		}
	}
}

func TestParseScript(t *testing.T) {
	acts, err := ParseScript("start all # everybody\n\n  cut h1,2 | 3\nwait 1500ms\nsay hello there\nheal", 4)
	if err != nil {
		t.Fatal(err)
	}
	want := []Act{
		{Verb: Start, Hosts: []int{1, 2, 3, 4}, line: 1},
		{Verb: Cut, Sides: [][]int{{1, 2}, {3}, {4}}, line: 3},
		{Verb: Wait, For: 1500 * time.Millisecond, line: 4},
		{Verb: Say, Text: "hello there", line: 5},
		{Verb: Heal, line: 6},
	}
	if !reflect.DeepEqual(acts, want) {
		t.Errorf("got  %+v\nwant %+v", acts, want)
	}
	if got := acts[1].String(); got != "cut h1 h2 | h3 | h4" {
		t.Errorf("a cut is told as %q", got)
	}
}

func TestBadScripts(t *testing.T) {
	for text, says := range map[string]string{
		"":                               "no act",
		"# nothing":                      "no act",
		"dance h1":                       "no such act",
		"start":                          "which hosts?",
		"start h4":                       `"h4" is none of h1 to h3`,
		"start h0":                       "none of",
		"cut 1 2 3":                      "two sides",
		"cut 1,2 | 2,3":                  "on two sides",
		"wait soon":                      "invalid duration",
		"wait 1h":                        "a wait lasts",
		"heal h1":                        "heal takes nothing",
		"kill h1":                        "h1 is not started",
		"start h1\nstart h1":             "line 2",
		"start h1\nthaw h1":              "h1 is running",
		"start h1\nheal":                 "nothing is cut",
		"start all\nfreeze 1\nleave h1":  "h1 is frozen",
		"start h9\nkill h8\nwait banana": "line 3",
	} {
		_, err := ParseScript(text, 3)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want one that says %q", text, err, says)
		}
	}
}

func TestComponents(t *testing.T) {
	s := newStage(5)
	for _, step := range []struct {
		act  string
		want [][]int
	}{
		{"start h1 h2 h3 h4", [][]int{{1, 2, 3, 4}}},
		{"cut 1 2 | 3 4", [][]int{{1, 2}, {3, 4}}},
		{"freeze h2", [][]int{{1}, {3, 4}}},
		{"kill h3 h4", [][]int{{1}}},
		{"start h5", [][]int{{1}, {5}}},
		{"thaw h2", [][]int{{1, 2}, {5}}},
		{"heal", [][]int{{1, 2, 5}}},
		{"leave h5", [][]int{{1, 2}}},
	} {
		act, err := parseAct(step.act, 5)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.play(act); err != nil {
			t.Fatalf("%s: %v", step.act, err)
		}
		if got := s.components(); !reflect.DeepEqual(got, step.want) {
			t.Errorf("after %s: %v, want %v", step.act, got, step.want)
		}
	}
}
