package corosync

import (
	"context"
	_ "embed" // the client
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/bench/internal/members"
	"github.com/gmsd/gmsd/bench/internal/stage"
	"github.com/gmsd/gmsd/internal/figures"
	"github.com/gmsd/gmsd/internal/netlab"
)

//go:embed client/cpgbench.c
var client []byte

// hosts is the size of the groups.
const hosts = 4

const (
	// formWithin is long: with knet, links must come up first.
	formWithin = time.Minute
	// quiet is how long a group is left alone before an act.
	quiet = 2 * time.Second
)

// Stages gives two for each transport: what becomes of members, and loads.
func Stages() []stage.Stage {
	needs := []string{"corosync", "gcc", "ip"}
	var out []stage.Stage
	for _, transport := range []string{"knet", "udpu"} {
		out = append(out,
			stage.Stage{Name: "corosync-views-" + transport, Needs: needs, Root: true, EachRun: 5 * time.Minute, Run: runs(transport, (*run).views)},
			stage.Stage{Name: "corosync-" + transport, Needs: needs, Root: true, EachRun: 2 * time.Minute, Run: runs(transport, (*run).loads)})
	}
	return out
}

// run is a group on a lab.
type run struct {
	*stage.Env
	lab             *netlab.Lab
	group           *members.Group
	daemons         [hosts]*members.Process
	clients         [hosts]*members.Member
	peer, transport string
	config, program string
	number          int
}

// runs gives each run a lab of its own.
func runs(transport string, work func(*run, context.Context) error) func(context.Context, *stage.Env) error {
	return func(ctx context.Context, e *stage.Env) error {
		program, err := compile(ctx, e.Scratch)
		if err != nil {
			return err
		}
		peer, err := version(ctx)
		for i := 1; i <= e.Runs && err == nil; i++ {
			e.Told(fmt.Sprintf("run %d of %d", i, e.Runs))
			err = with(ctx, &run{Env: e, peer: peer, transport: transport, program: program, number: i}, work)
		}
		return err
	}
}

// compile makes the client, once.
func compile(ctx context.Context, scratch string) (string, error) {
	program, source := filepath.Join(scratch, "cpgbench"), filepath.Join(scratch, "cpgbench.c")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.WriteFile(source, client, 0o600); err != nil {
		return "", err
	}
	return program, stage.Build(ctx, "gcc", "-O2", "-Wall", "-o", program, source, "-lcpg")
}

var quotedVersion = regexp.MustCompile(`version '([^']+)'`)

func version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "corosync", "-v").Output()
	if err != nil {
		return "", fmt.Errorf("corosync -v: %w", err)
	}
	if m := quotedVersion.FindSubmatch(out); m != nil {
		return "corosync " + string(m[1]), nil
	}
	return "", fmt.Errorf("corosync -v: no version in %q", out)
}

func with(ctx context.Context, r *run, work func(*run, context.Context) error) error {
	lab, err := netlab.New(netlab.Options{Hosts: hosts})
	if err != nil {
		return err
	}
	r.lab, r.group, r.config = lab, members.NewGroup(lab), filepath.Join(lab.Dir(), "corosync.conf")
	err = r.prepare()
	if err == nil {
		err = work(r, ctx)
	}
	r.group.Close()
	for _, d := range r.daemons {
		if d != nil {
			d.Kill()
		}
	}
	return errors.Join(err, lab.Close(), lab.Remove())
}

// prepare writes the configuration and gives each host directories in memory.
func (r *run) prepare() error {
	if err := os.WriteFile(r.config, []byte(configuration(r.transport)), 0o600); err != nil {
		return err
	}
	for i := 1; i <= hosts; i++ {
		err := r.lab.Do(i, func() error {
			for _, dir := range []string{"/run", "/var/lib/corosync", "/dev/shm"} {
				if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
					return fmt.Errorf("tmpfs on %s: %w", dir, err)
				}
			}
			return os.Mkdir("/run/corosync", 0o700)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// configuration is corosync.conf(5).
func configuration(transport string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `totem {
	version: 2
	cluster_name: bench
	transport: %s
	crypto_cipher: none
	crypto_hash: none
}
logging {
	to_stderr: no
	to_syslog: no
	to_logfile: no
}
quorum {
	provider: corosync_votequorum
}
system {
	move_to_root_cgroup: no
}
nodelist {
`, transport)
	for i := 1; i <= hosts; i++ {
		fmt.Fprintf(&b, "\tnode {\n\t\tname: %s\n\t\tnodeid: %d\n\t\tring0_addr: %s\n\t}\n", netlab.Name(i), i, netlab.Addr(i))
	}
	b.WriteString("}\n")
	return b.String()
}

// start starts the daemon and the client of a host.
func (r *run) start(host int) error {
	var err error
	if r.daemons[host-1], err = members.Start(r.lab, host, "corosync", "-f", "-c", r.config); err != nil {
		return err
	}
	r.clients[host-1], err = r.group.Start(host, r.program, "bench")
	return err
}

func (r *run) form(ctx context.Context) (time.Duration, error) {
	return r.group.Reach(ctx, formWithin, hosts, func() error {
		for i := 1; i <= hosts; i++ {
			if err := r.start(i); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *run) put(cfg string) func(string, float64) {
	return func(metric string, value float64) {
		r.Put(figures.Record{Peer: r.peer, Cfg: cfg, N: hosts, Metric: metric, Value: value, Run: r.number})
	}
}

func (r *run) loads(ctx context.Context) error {
	if _, err := r.form(ctx); err != nil {
		return err
	}
	if err := r.group.Rest(ctx, quiet); err != nil {
		return err
	}
	for _, c := range members.Cells(hosts) {
		if err := r.group.Load(ctx, c, r.Window, r.put(r.transport+",agreed")); err != nil {
			return err
		}
	}
	return nil
}

// views lets a group form, one leave it and come again, and be killed.
func (r *run) views(ctx context.Context) error {
	took, err := r.form(ctx)
	if err != nil {
		return err
	}
	put := r.put(r.transport)
	put("form_all_ms", took.Seconds()*1e3)
	if took, err = r.lose(ctx, syscall.SIGTERM); err != nil {
		return err
	}
	put("leave_all_ms", took.Seconds()*1e3)
	if _, err = r.group.Reach(ctx, formWithin, hosts, func() error { return r.start(hosts) }); err != nil {
		return err
	}
	if took, err = r.lose(ctx, syscall.SIGKILL); err != nil {
		return err
	}
	put("kill1_all_s", took.Seconds())
	return nil
}

// lose has the last host's daemon end, and its client with it.
func (r *run) lose(ctx context.Context, how syscall.Signal) (time.Duration, error) {
	if err := r.group.Rest(ctx, quiet); err != nil {
		return 0, err
	}
	daemon := r.daemons[hosts-1]
	r.clients[hosts-1].Expect()
	took, err := r.group.Reach(ctx, formWithin, hosts-1, func() error {
		daemon.Signal(how)
		return nil
	})
	daemon.Kill() // what is left of it
	return took, err
}
