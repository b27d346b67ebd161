package jgroups

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gmsd/gmsd/bench/internal/members"
	"github.com/gmsd/gmsd/bench/internal/stage"
	"github.com/gmsd/gmsd/internal/figures"
	"github.com/gmsd/gmsd/internal/netlab"
)

//go:embed *.java
var sources embed.FS

// library is where Debian has it.
const library = "/usr/share/java/jgroups.jar"

// peer names the records.
const peer = "jgroups 2.12.2"

// hosts is the size of the groups.
const hosts = 4

const (
	formWithin = time.Minute
	// quiet is how long a group is left alone when it has formed.
	quiet = 2 * time.Second
)

// settings of loads: stacks, and what is put into them. tcp.xml is not among them:
// this line's thread pool drops what does not find a thread at once, and members
// starve under a flood.
var settings = []string{"udp.xml", "fast-local.xml", "udp.xml+SEQUENCER", "fast-local.xml+SEQUENCER"}

// Stages gives one for forming and one for the loads of each setting.
func Stages() []stage.Stage {
	needs := []string{"java", "javac", "ip"}
	out := []stage.Stage{{
		Name: "jgroups-form", Needs: needs, Root: true, EachRun: 5 * time.Minute,
		Run: func(ctx context.Context, e *stage.Env) error { return with(ctx, e, forming) },
	}}
	for _, setting := range settings {
		out = append(out, stage.Stage{
			Name: "jgroups-" + setting, Needs: needs, Root: true, EachRun: 2 * time.Minute,
			Run: func(ctx context.Context, e *stage.Env) error {
				return with(ctx, e, func(ctx context.Context, r *run) error { return r.loads(ctx, setting) })
			},
		})
	}
	return out
}

// run is a stage at work.
type run struct {
	*stage.Env
	*members.Group
	classes string
}

// with builds the members, makes a namespace for them and takes it away.
func with(ctx context.Context, e *stage.Env, work func(context.Context, *run) error) error {
	classes, err := compile(ctx, e.Scratch)
	if err != nil {
		return err
	}
	lab, err := netlab.New(netlab.Options{Hosts: 1})
	if err != nil {
		return err
	}
	g := members.NewGroup(lab)
	err = lab.IP(1, "link set lo multicast on", "route add 224.0.0.0/4 dev lo")
	if err == nil {
		err = work(ctx, &run{e, g, classes})
	}
	g.Close()
	return errors.Join(err, lab.Close(), lab.Remove())
}

// compile makes the classes, once.
func compile(ctx context.Context, scratch string) (string, error) {
	dir := filepath.Join(scratch, "jgroups")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if _, err := os.Stat(library); err != nil {
		return "", fmt.Errorf("no JGroups (tools/deps-bench.sh): %w", err)
	}
	source := dir + "-source"
	if err := os.CopyFS(source, sources); err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(source, "*.java"))
	if err != nil {
		return "", err
	}
	return dir, stage.Build(ctx, append([]string{"javac", "-nowarn", "-d", dir, "-cp", library}, files...)...)
}

// start starts a JVM.
func (r *run) start(class string, args ...string) error {
	var initial []string
	for i := range hosts {
		initial = append(initial, fmt.Sprintf("127.0.0.1[%d]", 7800+i))
	}
	argv := []string{
		"java", "-Xms128m", "-Xmx1g", "-Djava.net.preferIPv4Stack=true", "-Djgroups.bind_addr=127.0.0.1",
		"-Djgroups.tcpping.initial_hosts=" + strings.Join(initial, ","), "-cp", r.classes + ":" + library, class,
	}
	_, err := r.Group.Start(1, append(argv, args...)...)
	return err
}

func (r *run) put(setting string, runNumber int) func(string, float64) {
	return func(metric string, value float64) {
		r.Put(figures.Record{Peer: peer, Cfg: setting, N: hosts, Metric: metric, Value: value, Run: runNumber})
	}
}

// forming measures groups in one JVM.
func forming(ctx context.Context, r *run) error {
	for _, setting := range []string{"udp.xml", "tcp.xml"} {
		r.Told(setting)
		if err := r.start("Forming", setting, fmt.Sprint(hosts), fmt.Sprint(r.Runs)); err != nil {
			return err
		}
		found, err := r.Figures(ctx, time.Duration(r.Runs+1)*2*formWithin)
		for _, f := range found {
			r.put(setting, f.Run)(f.Metric, f.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loads measures members in JVMs of their own, in one group for all runs.
func (r *run) loads(ctx context.Context, setting string) error {
	if err := r.form(ctx, setting); err != nil {
		return err
	}
	for _, size := range []int{1024, 100} {
		r.Told("warm-up")
		if err := r.Load(ctx, members.Cell{Size: size, Senders: hosts}, r.Window, nil); err != nil {
			return err
		}
	}
	cfg := setting + ",fifo"
	if strings.Contains(setting, "SEQUENCER") {
		cfg = setting + ",agreed"
	}
	for i := range r.Runs {
		r.Told(fmt.Sprintf("run %d of %d", i+1, r.Runs))
		for _, c := range members.Cells(hosts) {
			if err := r.Load(ctx, c, r.Window, r.put(cfg, i+1)); err != nil {
				return err
			}
		}
	}
	return r.kill(ctx, setting)
}

// form starts the first member, then the others: JVMs that start at once find
// groups of their own, and take long to merge them.
func (r *run) form(ctx context.Context, setting string) error {
	_, err := r.Reach(ctx, formWithin, 1, func() error { return r.start("Member", setting, "bench") })
	if err != nil {
		return err
	}
	_, err = r.Reach(ctx, formWithin, hosts, func() error {
		for range hosts - 1 {
			if err := r.start("Member", setting, "bench"); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, r.Rest(ctx, quiet))
}

// kill ends one that does not coordinate.
func (r *run) kill(ctx context.Context, setting string) error {
	who, err := r.Bystander()
	if err != nil {
		return err
	}
	took, err := r.Reach(ctx, formWithin, hosts-1, func() error { who.Kill(); return nil })
	if err == nil {
		r.put(setting, 1)("kill1_all_s", took.Seconds())
	}
	return err
}
