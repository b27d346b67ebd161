package bench

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// Limits of a benchmark.
const (
	HostsMax    = 64
	RunsMax     = 1000
	DurationMin = 10 * time.Millisecond
	DurationMax = 10 * time.Minute
	RateMax     = 1_000_000
)

// Phases, in the order in which they run.
const (
	PhaseForm   = "form"
	PhaseFlood  = "flood"
	PhaseRate   = "rate"
	PhaseSeal   = "seal"
	PhaseGroups = "groups"
	PhaseState  = "state"
	PhaseSlow   = "slow"
	PhaseLeave  = "leave"
	PhaseKill   = "kill"
)

var phases = []string{PhaseForm, PhaseFlood, PhaseRate, PhaseSeal, PhaseGroups, PhaseState, PhaseSlow, PhaseLeave, PhaseKill}

// relayed is transport router between hosts that reach only the router.
const relayed = "relay"

var transports = []string{gms.TransportMulticast, gms.TransportUDP, gms.TransportTCP, gms.TransportRouter, relayed}

// AllSenders stands for as many senders as there are hosts.
const AllSenders = "all"

// Options say what to measure. Lists are words between commas.
type Options struct {
	Hosts, Runs int
	Phases      string
	// Transport is that of the hosts, as gms.Config names it.
	Transport string
	// Duration is how long the window of one load is open.
	Duration time.Duration
	// Sizes (bytes), Orders and Senders (numbers, or AllSenders) are those of the
	// flood; the rate has its own size and one sender.
	Sizes, Orders, Senders string
	// Rate is in messages a second.
	Rate int
	// Live, if set, are the addresses of clients' sockets of running daemons,
	// between commas: they are measured, and Hosts does not count.
	Live string
	// Profile is a file for the processor profile of the first run's flood.
	Profile string
	// Told, if set, gets a line about each step.
	Told func(line string)
}

// Defaults are the cells that the harnesses of other systems measure.
func Defaults() Options {
	return Options{
		Hosts: 4, Runs: 3, Transport: gms.TransportMulticast, Phases: strings.Join(phases, ","), Duration: 3 * time.Second,
		Sizes: "100,1024,8192", Orders: "fifo,agreed,safe", Senders: "1," + AllSenders, Rate: 1000,
	}
}

// OptionsError says that the options cannot be carried out.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }
func (e *OptionsError) Unwrap() error { return e.Err }

// plan is what the options say, as lists.
type plan struct {
	*Options
	phases []string
	orders []views.Order
	sizes  []int
	counts []int // of senders
	live   []string
}

func (o *Options) plan() (*plan, error) {
	p := &plan{Options: o}
	var f faults
	if o.Live != "" {
		p.live = strings.Split(o.Live, ",")
		o.Hosts = len(p.live)
		if slices.Contains(p.live, "") {
			f.add("--live %q: want addresses of clients' sockets between commas", o.Live)
		}
	}
	f.within("--hosts", o.Hosts, hostsLeast(o), HostsMax)
	f.within("--runs", o.Runs, 1, RunsMax)
	f.within("--rate", o.Rate, 1, RateMax)
	if o.Duration < DurationMin || o.Duration > DurationMax {
		f.add("--duration %s: want %s to %s", o.Duration, DurationMin, DurationMax)
	}
	if !slices.Contains(transports, o.Transport) {
		f.add("--transport %q: want %s", o.Transport, strings.Join(transports, ", "))
	}
	p.phases = each(&f, "--phases", o.Phases, func(word string) (string, bool) { return word, slices.Contains(phases, word) },
		strings.Join(phases, ", "))
	p.orders = each(&f, "--orders", o.Orders, views.ParseOrder, "fifo, agreed, safe")
	p.sizes = each(&f, "--sizes", o.Sizes, func(word string) (int, bool) { return number(word, stampBytes, views.PayloadMax) },
		fmt.Sprintf("%d to %d", stampBytes, views.PayloadMax))
	p.counts = each(&f, "--senders", o.Senders, func(word string) (int, bool) {
		if word == AllSenders {
			return o.Hosts, true
		}
		return number(word, 1, o.Hosts)
	}, fmt.Sprintf("1 to %d, %s", o.Hosts, AllSenders))
	if o.Profile != "" && !p.does(PhaseFlood) {
		f.add("--profile is one of the flood, which --phases leaves out")
	}
	if len(f) > 0 {
		return nil, &OptionsError{errors.Join(f...)}
	}
	return p, nil
}

// hostsLeast: one daemon alone can be measured, too.
func hostsLeast(o *Options) int {
	if o.Live != "" {
		return 1
	}
	return 2
}

func (p *plan) does(phase string) bool { return slices.Contains(p.phases, phase) }

type faults []error

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

func (f *faults) within(name string, value, least, most int) {
	if value < least || value > most {
		f.add("%s %d: want %d to %d", name, value, least, most)
	}
}

// each parses the words of a list and drops those that say the same again.
func each[T comparable](f *faults, name, list string, parse func(string) (T, bool), want string) []T {
	var out []T
	for word := range strings.SplitSeq(list, ",") {
		value, ok := parse(strings.TrimSpace(word))
		if !ok {
			f.add("%s %q: want words of %s between commas", name, list, want)
			return nil
		}
		if !slices.Contains(out, value) {
			out = append(out, value)
		}
	}
	return out
}

func number(word string, least, most int) (int, bool) {
	n, err := strconv.Atoi(word)
	return n, err == nil && n >= least && n <= most
}
