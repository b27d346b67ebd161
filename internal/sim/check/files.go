package check

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// FactsName is the file of a directory in which the harness wrote what it did.
const FactsName = "faults.jsonl"

// ErrNoLogs: there is no event log where one was looked for.
var ErrNoLogs = errors.New("no event log (*.jsonl) found")

// lineMax bounds one line: the install of the largest view takes a third of it.
const lineMax = 1 << 20

// Files checks the event logs of real processes: files, and all *.jsonl in
// directories. Each file is a stream, to which a host may have appended across
// restarts. A file named [FactsName] tells the harness facts; without one,
// o.Harness is taken back. Errors are those of reading, never violations.
func Files(o Options, paths ...string) (*Report, error) {
	logs, facts, err := findLogs(paths)
	if err != nil {
		return nil, err
	}
	o.Harness = len(facts) > 0
	c := New(o)
	open := make([]*logFile, 0, len(logs))
	defer func() {
		for _, l := range open {
			_ = l.file.Close() // it was only read
		}
	}()
	var sources []Source
	for i, path := range logs {
		l, err := openLog(c, path)
		if err != nil {
			return nil, err
		}
		open = append(open, l)
		sources = append(sources, Source{Stream: Stream(i), Next: l.next})
	}
	script, err := readFacts(facts)
	if err != nil {
		return nil, err
	}
	if err := c.Replay(sources, script); err != nil {
		return nil, err
	}
	return c.Finish(), nil
}

// findLogs sorts the files of paths, directories opened, into logs and facts.
func findLogs(paths []string) (logs, facts []string, err error) {
	add := func(path string) {
		if filepath.Base(path) == FactsName {
			facts = append(facts, path)
		} else {
			logs = append(logs, path)
		}
	}
	for _, path := range paths {
		err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !d.IsDir() && (p == path || strings.HasSuffix(p, ".jsonl")) {
				add(p)
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	slices.Sort(logs)
	logs = slices.Compact(logs)
	if len(logs) == 0 {
		return nil, nil, fmt.Errorf("%w in %s", ErrNoLogs, strings.Join(paths, ", "))
	}
	return logs, slices.Compact(facts), nil
}

// logFile reads one event log.
type logFile struct {
	c     *Checker
	file  *os.File
	lines *bufio.Scanner
	line  int
	// torn is a line that is no record: allowed at the end and before a start.
	torn int
	last views.Process
}

func openLog(c *Checker, path string) (*logFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	l := &logFile{c: c, file: f, lines: bufio.NewScanner(f)}
	l.lines.Buffer(make([]byte, 0, 64<<10), lineMax)
	return l, nil
}

// next gives the next record. A process killed in the middle of a line leaves
// it torn, and its successor may append to it: what follows in such a line from
// `{"n":1,` on is read.
func (l *logFile) next() (trace.Record, error) {
	for l.lines.Scan() {
		l.line++
		line := bytes.TrimSpace(l.lines.Bytes())
		if len(line) == 0 {
			continue
		}
		l.c.count(LogReadable)
		r, err := trace.ParseLine(line)
		if errors.Is(err, trace.ErrBadLine) {
			if l.torn > 0 {
				l.unreadable(l.torn)
			}
			l.torn = l.line
			at := bytes.LastIndex(line, []byte(`{"n":1,`))
			if at < 0 {
				continue
			}
			if r, err = trace.ParseLine(line[at:]); errors.Is(err, trace.ErrBadLine) {
				continue
			}
		}
		if _, starts := r.Event.(trace.Start); l.torn > 0 && !starts {
			l.unreadable(l.torn)
		}
		l.torn, l.last = 0, r.Process
		return r, nil
	}
	if err := l.lines.Err(); err != nil {
		return trace.Record{}, fmt.Errorf("%s: line %d: %w", l.file.Name(), l.line+1, err)
	}
	return trace.Record{}, io.EOF
}

func (l *logFile) unreadable(line int) {
	l.c.fail(LogReadable, views.ViewID{}, []*proc{l.c.procOf(l.last)}, "%s: line %d is no record", filepath.Base(l.file.Name()), line)
}
