package scenario

import (
	"testing"

	"github.com/cockroachdb/datadriven"
)

// films is where the films stand, seen from this package.
const films = "../../../testdata/scenarios"

func TestFilms(t *testing.T) {
	datadriven.Walk(t, films, func(t *testing.T, path string) {
		film := New()
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			c := Command{Name: td.Cmd, Options: make(map[string]string)}
			for _, a := range td.CmdArgs {
				if len(a.Vals) == 0 {
					c.Words = append(c.Words, a.Key)
				} else {
					c.Options[a.Key] = a.Vals[0]
				}
			}
			output, faults := film.Do(c)
			for _, fault := range faults {
				t.Errorf("%s: %s: %s", td.Pos, td.Cmd, fault)
			}
			return output
		})
	})
}
