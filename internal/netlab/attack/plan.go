package attack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Plan says what to do to whom. All fields but Group and Admin are needed.
type Plan struct {
	Seed uint64
	// Interface is the attacker's, Self its address.
	Interface string
	Self      netip.Addr
	Targets   []Target
	// Port is the member port of all, Group where they hear multicast: the zero
	// AddrPort where they do not. Admin is their port of admin-tls, 0: none.
	Port  uint16
	Group netip.AddrPort
	Admin uint16
	// Recording is a file of a [Recorder]; it is sent again Loops times, Speed times as
	// fast as it came.
	Recording    string
	Speed, Loops int
	// Over is how long Datagrams changed ones take, and Broken connections; Idle ones
	// are held to each target for as long.
	Over                    time.Duration
	Datagrams, Broken, Idle int
}

// Target is a host that is attacked.
type Target struct {
	Addr netip.Addr
	MAC  [6]byte
}

// Report says what was done.
type Report struct {
	// Targets is what reached each, in the order of the plan.
	Targets []Done
	// Mutations and Broken count by kind, over all targets.
	Mutations, Broken map[string]int
	// Datagrams were changed ones; Replayed are frames that were sent again, Astray
	// those of them that went to another than they were for.
	Datagrams, Replayed, Astray int
	// IdleHeld is how many idle connections stood at once, at most.
	IdleHeld int
	// Span is from the first frame to the end.
	Span time.Duration
}

// Done is what one target was sent.
type Done struct {
	// Datagrams reached its port in the name of others; Own claimed to be from
	// itself, which its kernel does not believe. Segments are of TCP, replayed.
	Datagrams, Own, Segments int
	// Again are those of Datagrams that were sent before by a member, as they were,
	// Astray those of these that were not for this target then.
	Again, Astray int
	// Connections to its member port stood, Silent of them we ended before a byte.
	// Failed are dials that did not get through.
	Connections, Silent, Failed int
	// Admin are connections to admin-tls.
	Admin int
}

// attacker is a plan at work.
type attacker struct {
	Plan
	material *material

	mu     sync.Mutex
	report Report
	idle   int
}

// Run attacks from the namespace of this process, until all is done or ctx ends.
func Run(ctx context.Context, p Plan) (*Report, error) {
	if err := raiseFiles(len(p.Targets)*p.Idle + 4096); err != nil {
		return nil, err
	}
	a := &attacker{Plan: p}
	a.report = Report{Targets: make([]Done, len(p.Targets)), Mutations: map[string]int{}, Broken: map[string]int{}}
	var err error
	if a.material, err = gather(p.Recording, p.Port, a.random(0)); err != nil {
		return nil, err
	}
	began := time.Now()
	idleCtx, endIdle := context.WithCancel(ctx)
	var idle sync.WaitGroup
	idle.Go(func() { a.holdIdle(idleCtx) })
	works := []func(context.Context) error{a.sendMutated, a.replay, a.breakIn}
	faults := make([]error, len(works))
	var all sync.WaitGroup
	for i, work := range works {
		all.Go(func() { faults[i] = work(ctx) })
	}
	all.Wait()
	endIdle()
	idle.Wait()
	a.report.Span = time.Since(began)
	return &a.report, errors.Join(append(faults, ctx.Err())...)
}

// Serve is Run of a plan in JSON that writes its report in JSON: the attacker is a
// process of its own, in a namespace of its own.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var p Plan
	if err := json.NewDecoder(in).Decode(&p); err != nil {
		return fmt.Errorf("attack: the plan: %w", err)
	}
	report, err := Run(ctx, p)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(report)
}

// random is the source of one kind of work.
func (a *attacker) random(which uint64) *rand.Rand { return rand.New(rand.NewPCG(a.Seed, which)) }

func (a *attacker) note(f func(*Report)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.report)
}

// raiseFiles makes sure that so many descriptors may be open.
func raiseFiles(n int) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	want := uint64(n) //nolint:gosec // not negative
	if l.Cur >= want {
		return nil
	}
	l.Cur, l.Max = want, max(want, l.Max)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("attack: %d open files are needed (%w): raise the limit, or hold fewer idle connections", n, err)
	}
	return nil
}

// tick is how often what is due is done.
const tick = 2 * time.Millisecond

// paced calls do n times, evenly over a time, or as fast as it goes where that is slower.
func paced(ctx context.Context, n int, over time.Duration, do func() error) error {
	began := time.Now()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for done := 0; done < n; {
		due := min(n, 1+int(float64(n)*float64(time.Since(began))/float64(max(over, 1))))
		for ; done < due; done++ {
			if err := do(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
	return nil
}
