package views_test

import (
	"testing"

	"github.com/gmsd/gmsd/views"
)

func TestLinesAndWords(t *testing.T) {
	for s, want := range map[string]struct{ line, word bool }{
		"": {true, true}, "h1": {true, true}, "höst-1": {true, true}, "h 1": {true, false}, "h\u00a01": {true, false},
		"h\n1": {}, "h\x1b[2J": {}, "h\xff": {}, "h\u202e1": {},
	} {
		if views.IsLine(s) != want.line || views.IsWord(s) != want.word {
			t.Errorf("%q: line %v, word %v, want %+v", s, views.IsLine(s), views.IsWord(s), want)
		}
	}
}
