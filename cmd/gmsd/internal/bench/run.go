package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/gmsd/gmsd/views"
)

// rateSize is the payload of the rate phase, in bytes.
const rateSize = 100

// restMax is how long a group is left alone before one goes.
const restMax = 500 * time.Millisecond

// bench is a benchmark at work.
type bench struct {
	*plan
	report *Report
	run    int
	loads  int
	// dir is for what this run keeps.
	dir string
}

// Run measures. The report has what was measured also where there is an error:
// *[OptionsError], ctx's, or what gms said.
func Run(ctx context.Context, o Options) (*Report, error) {
	b := &bench{report: &Report{}}
	var err error
	if b.plan, err = o.plan(); err != nil {
		return b.report, err
	}
	dir, err := os.MkdirTemp("", "gmsd-bench-")
	if err != nil {
		return b.report, err
	}
	defer os.RemoveAll(dir)
	profile, err := b.openProfile()
	if err != nil {
		return b.report, err
	}
	for b.run = 1; b.run <= b.Runs && err == nil; b.run++ {
		b.dir = filepath.Join(dir, fmt.Sprint(b.run))
		err = b.once(ctx, profile)
		profile = nil // the first run's
	}
	if ctx.Err() != nil {
		err = ctx.Err() // what broke off for it is no news
	}
	return b.report, err
}

// openProfile creates the file at once: not to be able to is a fault that should
// not show after minutes.
func (b *bench) openProfile() (*os.File, error) {
	if b.Profile == "" {
		return nil, nil
	}
	f, err := os.Create(b.Profile)
	if err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	return f, nil
}

// once is one run, with a group of its own.
func (b *bench) once(ctx context.Context, profile *os.File) error {
	if profile != nil {
		defer profile.Close()
	}
	g, err := b.make(ctx)
	if err != nil {
		return err
	}
	defer g.close()
	if err := b.flood(ctx, g, profile); err != nil {
		return err
	}
	if err := b.rate(ctx, g); err != nil {
		return err
	}
	for _, phase := range []func(context.Context, *group) error{b.seal, b.groups, b.state, b.slow, b.leave, b.kill} {
		if err := phase(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// make forms a group of hosts, or connects with the daemons.
func (b *bench) make(ctx context.Context) (*group, error) {
	if b.Live != "" {
		b.tell("connect")
		return dial(ctx, b.live)
	}
	b.tell("form")
	g, took, err := form(ctx, stage{transport: b.Transport, hosts: b.Hosts, dir: filepath.Join(b.dir, "plain")})
	if err == nil && b.does(PhaseForm) {
		b.add(cfgLibrary, "form_all_ms", took, time.Millisecond)
	}
	return g, err
}

func (b *bench) flood(ctx context.Context, g *group, profile *os.File) error {
	if !b.does(PhaseFlood) {
		return nil
	}
	if profile != nil {
		if err := pprof.StartCPUProfile(profile); err != nil {
			return fmt.Errorf("--profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	return b.each(func(order views.Order) error {
		for _, size := range b.sizes {
			for _, k := range b.counts {
				if _, err := b.load(ctx, g, cell{size: size, senders: k, order: order}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (b *bench) rate(ctx context.Context, g *group) error {
	if !b.does(PhaseRate) {
		return nil
	}
	return b.each(func(order views.Order) error {
		_, err := b.load(ctx, g, cell{size: rateSize, senders: 1, order: order, rate: b.Rate})
		return err
	})
}

func (b *bench) each(do func(views.Order) error) error {
	for _, order := range b.orders {
		if err := do(order); err != nil {
			return err
		}
	}
	return nil
}

// load runs a cell and keeps its figures. It gives how many messages came within the
// window, at all hosts together.
func (b *bench) load(ctx context.Context, g *group, c cell) (came uint64, err error) {
	b.tell("%s, %s", c.metric(), c.order)
	b.loads++
	l := &load{cell: c, group: g, name: fmt.Sprintf("bench-%d-%d", os.Getpid(), b.loads)}
	receivers, err := l.run(ctx, b.Duration)
	if err != nil {
		return 0, err
	}
	cfg, name := l.cfg(), c.metric()
	for _, r := range receivers {
		came += r.inWindow
		if c.rate == 0 {
			b.report.Records.Add(cfg, b.Hosts, name+"_msgs_s", float64(r.inWindow)/b.Duration.Seconds(), b.run)
		}
		b.add(cfg, name+"_lat_p50_us", r.lat.quantile(.5), time.Microsecond)
		b.add(cfg, name+"_lat_p99_us", r.lat.quantile(.99), time.Microsecond)
		if c.rate > 0 && r.own.n > 0 {
			b.add(cfg, name+"_own_p50_us", r.own.quantile(.5), time.Microsecond)
			b.add(cfg, name+"_own_p99_us", r.own.quantile(.99), time.Microsecond)
		}
	}
	if c.rate == 0 && g.hosts != nil {
		b.report.Records.Add(cfg, b.Hosts, name+"_resent_pct", 100*float64(l.resent)/float64(max(l.sent.Load(), 1)), b.run)
		b.report.Records.Add(cfg, b.Hosts, name+"_allocs", float64(l.allocated)/float64(max(l.delivered(receivers), 1)), b.run)
	}
	b.explain(l, receivers)
	return came, nil
}

// explain notes what makes the figures of a load other than they seem.
func (b *bench) explain(l *load, receivers []*receiver) {
	where := fmt.Sprintf("run %d, %s, %s:", b.run, l.metric(), l.order)
	if l.newView {
		b.note("%s the view changed meanwhile", where)
	}
	changed := false
	for _, r := range receivers {
		changed = changed || r.changed
		if missing := l.missing(r); missing != 0 || l.rate == 0 {
			b.report.Records.Add(l.cfg(), b.Hosts, l.metric()+"_missed_pct",
				100*float64(missing)/float64(max(l.sent.Load(), 1)), b.run)
		}
	}
	if changed {
		b.note("%s the group's view changed meanwhile", where)
	}
}

func (b *bench) leave(ctx context.Context, g *group) error {
	if !b.does(PhaseLeave) || g.hosts == nil {
		return nil // the daemons are not ours to end
	}
	b.tell("leave")
	select {
	case <-time.After(min(restMax, b.Duration)):
	case <-ctx.Done():
		return ctx.Err()
	}
	took, err := g.leave(ctx)
	if err == nil {
		b.add(cfgLibrary, "leave_all_ms", took, time.Millisecond)
	}
	return err
}

func (b *bench) add(cfg, metric string, took, unit time.Duration) {
	b.report.Records.Add(cfg, b.Hosts, metric, float64(took)/float64(unit), b.run)
}

func (b *bench) tell(format string, args ...any) {
	if b.Told != nil {
		b.Told(fmt.Sprintf("run %d of %d: ", b.run, b.Runs) + fmt.Sprintf(format, args...))
	}
}

func (b *bench) note(format string, args ...any) {
	b.report.Notes = append(b.report.Notes, fmt.Sprintf(format, args...))
}
