package check

import (
	"io"
	"slices"

	"github.com/gmsd/gmsd/views/trace"
)

// taped is a record with its stream.
type taped struct {
	Stream
	trace.Record
}

// tape is a film's records, to be changed and fed again.
type tape []taped

// record plays a film that holds no harness facts onto a tape.
func record(script string) tape {
	var t tape
	f := newFilm(Options{})
	f.tap = func(s Stream, r trace.Record) { t = append(t, taped{s, r}) }
	f.play(script)
	return t
}

func (t tape) report() *Report {
	c := New(Options{})
	for _, r := range t {
		c.ObserveIn(r.Stream, r.Record)
	}
	return c.Finish()
}

// without drops one record and closes the gap in its log's count.
func (t tape) without(i int) tape {
	out := slices.Delete(slices.Clone(t), i, i+1)
	for j := i; j < len(out); j++ {
		if out[j].Process == t[i].Process {
			out[j].N--
		}
	}
	return out
}

// swapped exchanges what two records of one log say.
func (t tape) swapped(i, j int) tape {
	out := slices.Clone(t)
	out[i].Event, out[j].Event = t[j].Event, t[i].Event
	return out
}

// sources splits a tape into the logs of hosts with one-letter names.
func (t tape) sources(hosts string) []Source {
	var out []Source
	for i, name := range hosts {
		var log []trace.Record
		for _, r := range t {
			if r.Host == hostID(string(name)) {
				log = append(log, r.Record)
			}
		}
		out = append(out, Source{Stream: Stream(i), Next: func() (trace.Record, error) {
			if len(log) == 0 {
				return trace.Record{}, io.EOF
			}
			r := log[0]
			log = log[1:]
			return r, nil
		}})
	}
	return out
}
