package failuredetect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/gmsd/gmsd/views/message"
)

// TestFilms plays testdata/films/*.txt. Each stanza is one command; what is expected
// is what the detectors said meanwhile and, for every host that has an opinion
// or a state worth telling, its Describe.
//
//	group n=5 [seed=1]          a new group, in its first view
//	run 1500ms                  time passes
//	cut from=0 to=1 [both]      frames from h0 no longer reach h1
//	heal                        no cuts, no loss
//	hole 3                      h3 is cut from all
//	freeze 3 / thaw 3           SIGSTOP and SIGCONT
//	kill 3                      gone without a trace
//	closed 3                    every living host sees its socket close
//	evidence at=1 of=3 found=refused
//	frame at=1 from=3           h1 receives any frame of h3, now
//	bound 1                     the printed detection bound
func TestFilms(t *testing.T) {
	datadriven.Walk(t, "testdata/films", func(t *testing.T, path string) {
		var l *lab
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "group" {
				n, seed := 0, uint64(1)
				td.ScanArgs(t, "n", &n)
				td.MaybeScanArgs(t, "seed", &seed)
				l = newLab(n, seed)
				return l.scene()
			}
			if td.Cmd == "bound" {
				return l.hosts[hostArg(t, td)].d.Bound().Round(time.Millisecond).String() + "\n"
			}
			l.command(t, td)
			return l.scene()
		})
	})
}

func hostArg(t *testing.T, td *datadriven.TestData) int {
	t.Helper()
	var host int
	if _, err := fmt.Sscan(td.CmdArgs[0].Key, &host); err != nil {
		td.Fatalf(t, "want a host: %v", err)
	}
	return host
}

func (l *lab) command(t *testing.T, td *datadriven.TestData) {
	t.Helper()
	switch td.Cmd {
	case "run":
		d, err := time.ParseDuration(td.CmdArgs[0].Key)
		if err != nil {
			td.Fatalf(t, "%v", err)
		}
		l.run(d)
	case "cut":
		var from, to int
		td.ScanArgs(t, "from", &from)
		td.ScanArgs(t, "to", &to)
		l.cut[[2]int{from, to}] = true
		l.cut[[2]int{to, from}] = td.HasArg("both") || l.cut[[2]int{to, from}]
	case "heal":
		clear(l.cut)
	case "hole":
		l.isolate(hostArg(t, td))
	case "freeze":
		l.freeze(hostArg(t, td))
	case "thaw":
		l.thaw(hostArg(t, td))
	case "kill":
		l.kill(hostArg(t, td))
	case "closed":
		l.closed(hostArg(t, td))
	case "evidence", "frame":
		l.input(t, td)
	default:
		td.Fatalf(t, "no such command")
	}
}

func (l *lab) input(t *testing.T, td *datadriven.TestData) {
	t.Helper()
	var at, other int
	td.ScanArgs(t, "at", &at)
	h := l.hosts[at]
	if td.Cmd == "frame" {
		td.ScanArgs(t, "from", &other)
		h.d.Heard(l.now, process(other))
	} else {
		var found string
		td.ScanArgs(t, "of", &other)
		td.ScanArgs(t, "found", &found)
		ev := message.EvidenceNone
		for ev.Valid() && ev.String() != found {
			ev++
		}
		h.d.HandleEvidence(l.now, process(other), ev)
	}
	l.drain(h)
}

// scene prints what was said since the last, and how things stand.
func (l *lab) scene() string {
	lines := slices.Clone(l.log)
	l.log = nil
	for _, h := range l.hosts {
		state := strings.TrimPrefix(h.d.Describe(), "failed={} suspected={}")
		if h.up && !h.frozen && state != "" {
			lines = append(lines, fmt.Sprintf("h%d: %s", h.rank, strings.TrimSpace(state)))
		}
	}
	return strings.Join(append(lines, ""), "\n")
}
