package sim

import (
	"fmt"
	"slices"
	"time"
)

// shrinkRuns bounds the work of one shrinking.
const shrinkRuns = 400

// Shrink makes a failing run short while it fails with the same property: less
// time, fewer kinds of fault, fewer faults, fewer hosts, fewer that stay broken,
// a plainer world. It is greedy and bounded; tell hears of progress.
func Shrink(res Result, maker Maker, oracle func(Options) Oracle, tell func(string)) *Record {
	s := &shrinker{
		best: Record{Options: res.Options, Schedule: slices.Clone(res.Schedule), Property: res.Failure.Property},
		make: maker, oracle: oracle, tell: tell, want: res.Failure.Property,
	}
	if res.Stays != nil {
		s.best.Stays = *res.Stays
	}
	s.best.Options.Rates = [faultKinds]int64{} // the schedule stands for them
	for before := -1; before != s.kept && s.runs < shrinkRuns; {
		before = s.kept
		s.shortenTime(res.Failure.At)
		s.dropKinds()
		s.dropFaults()
		s.dropHosts()
		s.dropStays()
		s.plain()
	}
	s.tell(fmt.Sprintf("%d runs, %d faults left, %d hosts, safety %s", s.runs, len(s.best.Schedule), s.best.Options.Hosts, s.best.Options.Safety))
	s.best.Note = s.witness
	return &s.best
}

type shrinker struct {
	best    Record
	make    Maker
	oracle  func(Options) Oracle
	tell    func(string)
	want    string
	witness string
	runs    int
	kept    int
	at      time.Duration
}

// try keeps a candidate if it still fails in the same way.
func (s *shrinker) try(o Options, list []Fault, what string) bool {
	candidate := s.best
	candidate.Options, candidate.Schedule = o, list
	return s.tryRecord(candidate, what)
}

func (s *shrinker) tryRecord(candidate Record, what string) bool {
	if s.runs >= shrinkRuns {
		return false
	}
	s.runs++
	task := candidate.Task()
	task.Maker, task.Oracle = s.make, s.oracle
	res := Run(task)
	if res.Failure == nil || res.Failure.Property != s.want {
		return false
	}
	s.kept++
	s.best = candidate
	s.at = res.Failure.At
	s.witness = firstLine(res.Failure.Witness)
	s.tell(what)
	return true
}

func firstLine(text string) string {
	for i := range len(text) {
		if text[i] == '\n' {
			return text[:i]
		}
	}
	return text
}

// shortenTime ends the safety phase at the failure, then at half, and so on.
func (s *shrinker) shortenTime(at time.Duration) {
	if s.at != 0 {
		at = s.at
	}
	o := s.best.Options
	if at < o.Safety {
		o.Safety = at + time.Second
		s.try(o, s.before(o.Safety), fmt.Sprintf("safety %s", o.Safety))
	}
	for _, part := range []time.Duration{8, 4, 2} {
		o = s.best.Options
		o.Safety -= o.Safety / part
		s.try(o, s.before(o.Safety), fmt.Sprintf("safety %s", o.Safety))
	}
}

// before gives the faults that begin before t.
func (s *shrinker) before(t time.Duration) []Fault {
	list := []Fault{}
	for _, f := range s.best.Schedule {
		if f.At < t {
			list = append(list, f)
		}
	}
	return list
}

// dropKinds takes one kind of fault out at a time.
func (s *shrinker) dropKinds() {
	for k := range faultKinds {
		list := slices.DeleteFunc(slices.Clone(s.best.Schedule), func(f Fault) bool { return f.Kind == k })
		if len(list) < len(s.best.Schedule) {
			s.try(s.best.Options, list, fmt.Sprintf("without %s: %d faults", k, len(list)))
		}
	}
}

// dropFaults is delta debugging over the instances: halves, then quarters, ...
func (s *shrinker) dropFaults() {
	for size := (len(s.best.Schedule) + 1) / 2; size >= 1 && s.runs < shrinkRuns; size /= 2 {
		for i := 0; i < len(s.best.Schedule); {
			end := min(len(s.best.Schedule), i+size)
			list := slices.Concat(s.best.Schedule[:i], s.best.Schedule[end:])
			if !s.try(s.best.Options, list, fmt.Sprintf("%d faults", len(list))) {
				i += size
			}
		}
	}
}

// dropHosts takes the highest numbers away.
func (s *shrinker) dropHosts() {
	for s.best.Options.Hosts > 1 {
		o := s.best.Options
		o.Hosts--
		if !s.try(o, s.best.Schedule, fmt.Sprintf("%d hosts", o.Hosts)) {
			return
		}
	}
}

// dropStays heals one after the other of those that stay broken.
func (s *shrinker) dropStays() {
	for number, stay := range s.best.Stays {
		if stay != Healed {
			candidate := s.best
			candidate.Stays[number] = Healed
			s.tryRecord(candidate, fmt.Sprintf("without %d=%s", number, stay))
		}
	}
}

// plain sets what disturbs without being a fault to nothing.
func (s *shrinker) plain() {
	for i, f := range s.best.Options.fields() {
		switch f.name {
		case "scale", "loss", "sender-loss", "dup", "reorder", "loopback", "star", "tether", "tether-lost",
			"slow-persist", "early-wake", "late-wake", "burst", "state", "big", "drift", "keys-every", "replay-every":
		default:
			continue
		}
		if *f.p == 0 {
			continue
		}
		o := s.best.Options
		*o.fields()[i].p = 0
		s.try(o, s.best.Schedule, "without "+f.name)
	}
}
