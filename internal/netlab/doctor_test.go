package netlab_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
)

// rewriteOutputs writes what gmsd doctor prints, and docs/DOCTOR.md from it.
var rewriteOutputs = flag.Bool("rewrite", false, "write testdata/doctor and docs/DOCTOR.md anew")

const (
	// doctored is how many hosts are members where a cause is brought about; one more
	// machine is there.
	doctored = 4
	// namedWithin bounds the time until the daemons themselves name a cause.
	namedWithin = 15 * time.Second
	// overWithin bounds the time until nothing is named any more.
	overWithin = 100 * time.Second
	// wardBeds bounds the labs of the doctor at a time: their daemons rest.
	wardBeds = 8
)

// named is a verdict by the names of its hosts.
type named struct{ cause, from, to string }

func (n named) String() string { return fmt.Sprintf("%s(%s>%s)", n.cause, n.from, n.to) }

// bed is a test of the doctor in a lab of its own.
type bed struct {
	name string
	run  func(t *testing.T)
}

// ward runs tests side by side: most of their time is waiting.
func ward(t *testing.T, all []bed) {
	needNamespaces(t)
	free := make(chan struct{}, wardBeds)
	var group sync.WaitGroup
	for _, b := range all {
		group.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			t.Run(b.name, b.run)
		})
	}
	group.Wait()
}

// newPatient makes a lab that rests, for some casts, and forms its group.
func newPatient(t *testing.T, transport string, casts []cast, list ...*experiment) *stage {
	t.Helper()
	hosts := 0
	var flags []string
	for i, x := range list {
		hosts = max(hosts, casts[i].stranger)
		flags = append(flags, x.flags...)
	}
	l, err := netlab.New(netlab.Options{Binary: binary, Hosts: hosts, Members: casts[0].members, Transport: transport, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, Lab: l, resting: true, beds: hosts}
	t.Cleanup(func() { s.finish(hosts) })
	t.Cleanup(s.undoAll)
	members := netlab.All(casts[0].members)
	for i, x := range list {
		if x.before != nil {
			x.before(s)
		}
		if x.without {
			members = slices.DeleteFunc(members, func(h int) bool { return h == casts[i].host })
		}
	}
	_, err = s.StartAll(members)
	s.must(err)
	s.settle(members)
	return s
}

// diagnosis is what a daemon says of itself.
func (s *stage) diagnosis(host int, within time.Duration) (list []named, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	client := s.Admin(host)
	defer client.Close()
	var a admin.StatusAnswer
	if err := client.Read(ctx, "/v1/status", &a); err != nil {
		return nil, err
	}
	for _, v := range a.Diagnosis {
		list = append(list, named{v.Cause, v.From, v.To})
	}
	return list, nil
}

// allDiagnoses is what all daemons that answer say of themselves.
func (s *stage) allDiagnoses() (list []named) {
	for i := 1; i <= s.beds; i++ {
		own, _ := s.diagnosis(i, 2*time.Second) // some are dead or frozen
		list = append(list, own...)
	}
	return list
}

// asked is what gmsd doctor says, as JSON and in words.
type asked struct {
	list  []named
	words string
	// silent are the members that did not report.
	silent []string
	raw    string
}

// ask runs gmsd doctor at a host.
func (s *stage) ask(host int) asked {
	s.Helper()
	return s.askWith(host, "--admin", filepath.Join(s.DataDir(host), "admin.sock"))
}

// askWith runs gmsd doctor at a host with some flags.
func (s *stage) askWith(host int, flags ...string) asked {
	s.Helper()
	o, err := s.Execute(host, generous, append([]string{"doctor", "--json"}, flags...)...)
	s.must(err)
	var a admin.DoctorAnswer
	if err := json.Unmarshal([]byte(o.Stdout), &a); err != nil {
		s.Fatalf("gmsd doctor: code %d: %v: %s", o.Code, err, o.Stderr)
	}
	out := asked{silent: a.Silent, raw: o.Stdout}
	for _, v := range a.Verdicts {
		out.list = append(out.list, named{v.Cause, v.From, v.To})
		out.words += fmt.Sprintf("  %s(%s>%s): %s\n", v.Cause, v.From, v.To, strings.Join(v.Evidence, "; "))
	}
	return out
}

// print is the output of gmsd doctor for people.
func (s *stage) print(host int) string {
	o, err := s.Execute(host, generous, "doctor", "--admin", filepath.Join(s.DataDir(host), "admin.sock"))
	s.must(err)
	return o.Stdout
}

// matches reports whether a verdict is the wanted one: ? stands for any one host.
func (n named) matches(want named) bool {
	same := func(a, b string) bool { return a == b || b == "?" && a != "" }
	return n.cause == want.cause && (same(n.from, want.from) && same(n.to, want.to))
}

func (x *experiment) isNamed(list []named) bool {
	return slices.ContainsFunc(list, func(n named) bool { return slices.ContainsFunc(x.want, n.matches) })
}

func (x *experiment) allows(n named) bool {
	_, also := x.also[n.cause]
	return also || slices.ContainsFunc(x.want, n.matches)
}

// checkNamed wants that a diagnosis names each of some causes and nothing else.
func (s *stage) checkNamed(who string, got asked, want ...*experiment) {
	s.Helper()
	for _, x := range want {
		if !x.isNamed(got.list) {
			s.Errorf("%s did not name %v but %v", who, x.want, got.list)
		}
	}
	for _, n := range got.list {
		if !slices.ContainsFunc(want, func(x *experiment) bool { return x.allows(n) }) {
			s.Errorf("%s named %v besides", who, n)
		}
	}
}

// turn is when an experiment is brought about beside another one: first who starts one of the
// members, then who has all settle, which they cannot beside another cause.
func (x *experiment) turn() int {
	switch {
	case x.without:
		return 0
	case x.settles:
		return 1
	}
	return 2
}

// suffer brings causes about and wants that the daemons name them.
func (s *stage) suffer(list ...*experiment) {
	s.Helper()
	inOrder := slices.Clone(list)
	slices.SortStableFunc(inOrder, func(a, b *experiment) int { return a.turn() - b.turn() })
	for _, x := range inOrder {
		x.bring(s)
	}
	began := s.Now()
	for _, x := range list {
		if x.examined != "" {
			continue
		}
		rest := max(namedWithin, x.slow) - s.Now().Sub(began)
		err := s.WaitFor(rest, "the daemons to name "+fmt.Sprint(x.want), func() bool { return x.isNamed(s.allDiagnoses()) })
		if err != nil {
			s.Errorf("%v\nthey name %v", err, s.allDiagnoses())
			continue
		}
		s.Logf("%s: named by the daemons after %.1f s", x.name, s.Now().Sub(began).Seconds())
	}
	s.rest(began)
}

// rest waits until the counts of a report, which go back some seconds, are all of later.
func (s *stage) rest(since views.Instant) {
	s.Helper()
	if rest := doctor.Window + time.Second - s.Now().Sub(since); rest > 0 {
		s.must(s.Hold(rest))
	}
}

// examine has gmsd doctor name causes, and nothing else.
func (s *stage) examine(at int, list ...*experiment) {
	s.Helper()
	got := s.ask(at)
	s.Logf("gmsd doctor at h%d, %v are silent:\n%s", at, got.silent, got.words)
	s.checkNamed("gmsd doctor", got, list...)
	if s.Failed() {
		s.Log(got.raw)
	}
}

// recover wants that nothing is named once the causes are gone.
func (s *stage) recover(list ...*experiment) {
	s.Helper()
	for _, x := range list {
		x.cure(s)
	}
	began := s.Now()
	s.must(s.WaitFor(overWithin, "the daemons to be well", func() bool { return len(s.allDiagnoses()) == 0 }))
	s.Logf("the daemons name nothing any more %.1f s after the cure", s.Now().Sub(began).Seconds())
	s.rest(began)
	if after := s.ask(1); len(after.list) > 0 {
		s.Errorf("after the cure gmsd doctor names\n%s", after.words)
	}
}

// long says that there is time for all.
func long() bool { return os.Getenv("GMSD_LONG") != "" }

// TestDoctor brings about each cause of the doctor's table, some in pairs, and none.
func TestDoctor(t *testing.T) {
	ward(t, slices.Concat(healthy(), pairs(), singles(), beforehand()))
}

// singles are the causes alone; on all their transports, and cured, where there is time.
func singles() (all []bed) {
	for _, x := range experiments(alone) {
		for i, tr := range x.transports() {
			if x.slow > 0 && !long() {
				continue
			}
			if i == 0 || long() {
				all = append(all, bed{"one/" + x.name + "/" + tr, func(t *testing.T) { single(t, &x, tr, i == 0) }})
			}
		}
	}
	return all
}

func single(t *testing.T, x *experiment, transport string, rewrite bool) {
	s := newPatient(t, transport, []cast{alone}, x)
	s.suffer(x)
	at := max(x.at, 1)
	s.examine(at, x)
	if *rewriteOutputs && rewrite && doctor.CauseNamed(x.name) != nil {
		s.must(os.WriteFile(outputOf(x.name), []byte(s.print(at)), 0o600))
	}
	if long() && !t.Failed() {
		s.recover(x)
	}
}

// Two at a time are in a group of five, of which the last has neither.
var (
	firstOfTwo  = cast{4, 3, 6, 5}
	secondOfTwo = cast{2, 1, 7, 5}
)

// neutral is the host of which nothing is wrong.
const neutral = 5

// pairs are draws of two causes at a time; on all transports, where there is time.
func pairs() (all []bed) {
	if !long() {
		return pairsOn("mcast", 1, 4)
	}
	for _, tr := range transports {
		all = append(all, pairsOn(tr, rand.Uint64(), 60)...)
	}
	return all
}

func pairsOn(transport string, seed uint64, draws int) (all []bed) {
	rng := rand.New(rand.NewPCG(seed, 7))
	a, b := together(experiments(firstOfTwo), transport), together(experiments(secondOfTwo), transport)
	for range draws {
		x, y := a[rng.IntN(len(a))], b[rng.IntN(len(b))]
		if hides(x.name, y.name) || hides(y.name, x.name) {
			continue
		}
		all = append(all, bed{fmt.Sprintf("two/%s/%s+%s", transport, x.name, y.name), func(t *testing.T) {
			t.Logf("drawn from %d", seed)
			s := newPatient(t, transport, []cast{firstOfTwo, secondOfTwo}, &x, &y)
			s.suffer(&x, &y)
			s.examine(neutral, &x, &y)
		}})
	}
	return all
}

// together are those that can be beside another one, on a transport.
func together(list []experiment, transport string) []experiment {
	return slices.DeleteFunc(list, func(x experiment) bool {
		return x.slow > 0 || !slices.Contains(x.transports(), transport) || x.at != 0 || x.flags != nil
	})
}

// newcomers are experiments with one who must find the group: by multicast, here.
var newcomers = []string{
	"group-differs", "transport-differs", "not-sealed", "key-differs", "key-removed", "version-differs", "duplicate-host-id", "duplicate-address",
	"advertise-wrong", "disk-slow", "clock-offset",
}

// hides reports whether of the second nothing can be known where the first is.
func hides(a, b string) bool {
	if a == "router-lost" && b == a { // it is the same router
		return true
	}
	if a == "multicast-blocked" && (slices.Contains(newcomers, b) || b == "unicast-blocked") { // nothing comes of that host then
		return true
	}
	if a == "multicast-ageing" && b == "advertise-wrong" { // only multicast leads there
		return true
	}
	everywhere := a == "multicast-blocked" || a == "multicast-ageing"
	return everywhere && strings.HasPrefix(b, "multicast-") && b != "multicast-no-loopback"
}

// healthy are groups in order, and such that lose one frame in twenty.
func healthy() (all []bed) {
	for _, lost := range []int{0, 5} {
		for _, tr := range transports {
			if lost > 0 || tr == transports[0] || long() {
				all = append(all, bed{fmt.Sprintf("none/%d%%/%s", lost, tr), func(t *testing.T) { none(t, tr, lost) }})
			}
		}
	}
	return all
}

// inHealth is a group of five of which the last comes and goes.
var inHealth = cast{host: 5, other: 4, stranger: 5, members: 5}

// none wants that nothing is named for a while, nor where it is asked for: of members who
// talk, one of whom leaves and comes back now and then.
func none(t *testing.T, transport string, lost int) {
	s := newPatient(t, transport, []cast{inHealth}, &experiment{})
	if lost > 0 {
		s.impose(&netlab.Loss{Percent: lost})
	}
	s.Talk(500*time.Millisecond, 1)
	times, span := 1, 7*time.Second
	if long() {
		times, span = 30, time.Minute
	}
	all, rest := netlab.All(5), netlab.All(4)
	s.wellFor(span, all)
	for range times {
		s.leave(5)
		s.settle(rest)
		s.wellFor(span, rest)
		s.start(5)
		s.settle(all)
		s.wellFor(span, all)
	}
}

// wellFor wants that those who run all answer for a while, and that nothing is named.
func (s *stage) wellFor(span time.Duration, running []int) {
	s.Helper()
	for began := s.Now(); s.Now().Sub(began) < span; s.must(s.Hold(time.Second)) {
		for _, i := range running {
			list, err := s.diagnosis(i, generous)
			s.must(err)
			if list = slices.DeleteFunc(list, isOfTheMachine); len(list) > 0 {
				s.Fatalf("named by %s after %v: %v", netlab.Name(i), s.Now().Sub(began), list)
			}
		}
	}
	got := s.ask(1)
	if list := slices.DeleteFunc(got.list, isOfTheMachine); len(list) > 0 || len(got.silent) > 0 {
		s.Errorf("gmsd doctor names %v, %v are silent:\n%s", list, got.silent, got.words)
	}
}

// isOfTheMachine is what a machine on which much else runs may rightly be told.
func isOfTheMachine(n named) bool { return n.cause == "process-starved" }

func outputOf(name string) string { return filepath.Join("testdata", "doctor", name+".txt") }

// laterClock is the daemon with a clock that is ahead, which no namespace can make;
// shortSilence is one whose long silences are short, since nobody waits for minutes.
var (
	laterClock   = builtWith("ahead", "wallAhead=5s")
	shortSilence = builtWith("impatient", "longIdleText=4s")
)

func builtWith(name, value string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		return netlab.BuildWith(context.Background(), filepath.Dir(binary), name, "-X github.com/gmsd/gmsd/gms."+value)
	})
}

// built is the path of such a daemon.
func (s *stage) built(build func() (string, error)) string {
	s.Helper()
	path, err := build()
	s.must(err)
	return path
}
