package netlab_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/internal/sim/check"
	"github.com/gmsd/gmsd/views"
)

// generous bounds whatever must happen at all: machines that build and test are
// slow. Figures are for cmd/bench.
const generous = 40 * time.Second

var (
	binary string
	// unavailable says why there are no namespaces here.
	unavailable error
	// places bounds the labs at a time: a lab waits most of its time, and two cores
	// carry five.
	places = make(chan struct{}, 5)
	taking sync.Mutex
)

func TestMain(m *testing.M) {
	if child := os.Getenv(orphanEnv); child != "" {
		os.Exit(orphan(child))
	}
	if os.Getenv(attackerEnv) != "" {
		os.Exit(attacker())
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(cap(places))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if unavailable = netlab.Available(); unavailable != nil {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "gmsd-netlab-build-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = netlab.Build(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// needNamespaces skips loudly where there are none; CI must have them.
func needNamespaces(t *testing.T) {
	t.Helper()
	switch {
	case unavailable == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("real processes cannot be tested in CI: %v", unavailable)
	default:
		t.Skipf("\n*** NOT TESTED: real processes in namespaces: %v ***", unavailable)
	}
}

// stage is a lab under test. Its methods fail the test.
type stage struct {
	*testing.T
	*netlab.Lab
	// minViews and minMessages are the activity without which the run proves nothing.
	minViews, minMessages int
	// want must have applied, skip is left out.
	want, skip []check.Property
	// resting: nobody talks, so little is checked.
	resting bool
	// beds is how many machines there are.
	beds int
	// undo is what undoes things, by what they are.
	undo map[string][]func()
}

// transports are those over which every scenario runs that is not about one of them.
var transports = []string{"mcast", "udp", "tcp", "router"}

// onEach runs a scenario on each transport.
func onEach(t *testing.T, scenario func(t *testing.T, transport string)) {
	t.Parallel()
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) { scenario(t, transport) })
	}
}

// onEachAndRelayed is onEach, and once more by way of the routers.
func onEachAndRelayed(t *testing.T, scenario func(t *testing.T, transport string)) {
	onEach(t, scenario)
	t.Run(netlab.Relay, func(t *testing.T) { scenario(t, netlab.Relay) })
}

// onEachAndSeldomRelayed is onEachAndRelayed where there is time.
func onEachAndSeldomRelayed(t *testing.T, scenario func(t *testing.T, transport string)) {
	if long() {
		onEachAndRelayed(t, scenario)
		return
	}
	onEach(t, scenario)
}

// overStreams reports whether frames go over TCP.
func overStreams(transport string) bool { return transport != "mcast" && transport != "udp" }

// newStage is stageOn for multicast.
func newStage(t *testing.T, hosts int, flags ...string) *stage {
	t.Helper()
	return stageOn(t, transports[0], hosts, flags...)
}

// stageOn makes a lab with talkers; at the end of the test the checkers judge it.
func stageOn(t *testing.T, transport string, hosts int, flags ...string) *stage {
	t.Helper()
	return stageTaking(t, 1, transport, hosts, flags...)
}

// stageTaking is stageOn for a test that needs as much of the machine as several labs.
func stageTaking(t *testing.T, labs int, transport string, hosts int, flags ...string) *stage {
	t.Helper()
	needNamespaces(t)
	t.Parallel()
	takePlaces(t, labs)
	l, err := netlab.New(netlab.Options{Binary: binary, Hosts: hosts, Transport: transport, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{
		T: t, Lab: l, minViews: 2, minMessages: 10,
		want: []check.Property{check.ViewAgreement, check.TotalOrder, check.Precision, check.DeliveredByAll, check.NoFlap},
	}
	t.Cleanup(func() { s.finish(hosts) })
	l.Talk(40*time.Millisecond, 1)
	return s
}

// takePlaces waits for places, one test after the other: two that have some and want more
// would wait for each other.
func takePlaces(t *testing.T, n int) {
	taking.Lock()
	defer taking.Unlock()
	for range n {
		places <- struct{}{}
	}
	t.Cleanup(func() {
		for range n {
			<-places
		}
	})
}

// changes says that the test makes hosts go together from one view to another,
// which is what virtual synchrony is about.
func (s *stage) changes(minViews int) {
	s.minViews = minViews
	s.want = append(s.want, check.VirtualSynchrony, check.TransitionalSet, check.Successors)
}

// finish judges the logs. After a failure the directory is kept: the next lab removes it.
func (s *stage) finish(hosts int) {
	where := s.Describe()
	s.routersAreWell()
	if err := s.Lab.Close(); err != nil {
		s.Errorf("close: %v", err)
	}
	for i := 1; i <= hosts; i++ {
		for _, bad := range []string{"panic:", "fatal error:", "DATA RACE", "goroutine "} {
			if said := s.Stderr(i); strings.Contains(said, bad) {
				s.Errorf("%s said %q:\n%s", netlab.Name(i), bad, said)
			}
		}
	}
	s.judge()
	if s.Failed() {
		s.Logf("logs stay in %s until the next run\n%s", s.Dir(), where)
		return
	}
	s.must(s.Remove())
}

func (s *stage) judge() {
	report, err := s.Check(s.skip...)
	if err != nil {
		s.Errorf("check: %v", err)
		return
	}
	for _, v := range report.Violations {
		s.Errorf("violated: %s", v)
	}
	if s.Failed() || s.resting {
		return // a test that broke off proves little in any case
	}
	if err := report.Activity(s.minViews, s.minMessages, s.want...); err != nil {
		s.Errorf("%v\n%s", err, report)
	}
	s.Logf("%d records, %d views, %d view changes, %d messages, %d deliveries checked",
		report.Records, report.Views, report.ViewChanges, report.Messages, report.Deliveries)
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// form starts hosts 1 to n at once and waits for their view.
func (s *stage) form(n int, flags ...string) {
	s.Helper()
	began, err := s.StartAll(netlab.All(n), flags...)
	s.must(err)
	a := s.settle(netlab.All(n))
	s.Logf("%d hosts: one view after %s, %d installs at most", n, a[0].At.Sub(began).Round(time.Millisecond), s.installs(n))
}

func (s *stage) installs(n int) int {
	most := 0
	for i := 1; i <= n; i++ {
		most = max(most, len(s.InstallsSince(i, 0)))
	}
	return most
}

// newGroup is groupOn for multicast.
func newGroup(t *testing.T, hosts int) *stage {
	t.Helper()
	return groupOn(t, transports[0], hosts)
}

// groupOn makes a lab whose hosts are in one view and talk.
func groupOn(t *testing.T, transport string, hosts int) *stage {
	t.Helper()
	s := stageOn(t, transport, hosts)
	s.form(hosts)
	s.flow(usual)
	return s
}

// usual is how many messages say that a view serves.
const usual = 20

// settle waits until each component is in one view of itself.
func (s *stage) settle(components ...[]int) []netlab.Agreement {
	s.Helper()
	a, err := s.Settle(generous, components...)
	s.must(err)
	return a
}

// serves is settle, and then some messages.
func (s *stage) serves(components ...[]int) []netlab.Agreement {
	s.Helper()
	a := s.settle(components...)
	s.flow(usual)
	return a
}

// undisturbed wants that hosts 1 to n have installed nothing since.
func (s *stage) undisturbed(n int, since views.Instant, why string) {
	s.Helper()
	for i := 1; i <= n; i++ {
		if got := s.InstallsSince(i, since); len(got) > 0 {
			s.Errorf("%s installed %d views %s, the first for %s", netlab.Name(i), len(got), why, got[0].View.Reason)
		}
	}
}

// flow waits until so many further messages were sent in the present views.
func (s *stage) flow(n int) {
	s.Helper()
	n += s.Messages()
	s.must(s.WaitFor(generous, fmt.Sprintf("%d messages", n), func() bool { return s.Messages() >= n }))
}

func (s *stage) impose(f netlab.Fault) views.Instant {
	s.Helper()
	at, err := s.Impose(f)
	s.must(err)
	return at
}

func (s *stage) lift(f netlab.Fault) views.Instant {
	s.Helper()
	at, err := s.Lift(f)
	s.must(err)
	return at
}

func (s *stage) start(host int) {
	s.Helper()
	_, err := s.Start(host)
	s.must(err)
}

func (s *stage) kill(host int) {
	s.Helper()
	_, err := s.Kill(host)
	s.must(err)
}

// exit waits for the end of a daemon and wants its code.
func (s *stage) exit(host, want int) {
	s.Helper()
	code, err := s.Exit(host, generous)
	s.must(err)
	if code != want {
		s.Fatalf("%s ended with code %d, want %d:\n%s", netlab.Name(host), code, want, s.Stderr(host))
	}
}

// without gives 1 to n but for some.
func without(n int, some ...int) []int {
	var out []int
	for i := 1; i <= n; i++ {
		gone := false
		for _, x := range some {
			gone = gone || x == i
		}
		if !gone {
			out = append(out, i)
		}
	}
	return out
}
