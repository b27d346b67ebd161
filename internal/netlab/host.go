package netlab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
)

// host is a machine of the lab: its namespaces and the daemon that runs there.
type host struct {
	number int
	dir    string
	space  *space
	log    *log
	daemon *daemon // the latest; nil: none was started
	frozen bool
	// binary is its own gmsd, empty: that of the lab.
	binary string
	// ending: the daemon was asked to end, or is expected to.
	ending bool
}

// daemon is one run of gmsd.
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it was reaped
}

func newHost(dir string, number int) (*host, error) {
	h := &host{
		number: number, dir: filepath.Join(dir, Name(number)),
		log: followLog(filepath.Join(dir, logsName, Name(number)+".jsonl")),
	}
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	h.space, err = newSpace()
	return h, err
}

func (h *host) stderr() string { return h.dir + ".stderr" }

// running reports whether there is a process, frozen or not.
func (h *host) running() bool {
	if h.daemon == nil {
		return false
	}
	select {
	case <-h.daemon.done:
		return false
	default:
		return true
	}
}

// begin starts a daemon and says when its process was there.
func (h *host) begin(binary string, flags []string) (views.Instant, error) {
	if h.running() {
		return 0, fmt.Errorf("netlab: %s runs already", Name(h.number))
	}
	stderr, err := os.OpenFile(h.stderr(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer stderr.Close() // the child has its own
	// What an earlier run wrote is read to its end, so that its view is not
	// taken for that of the new one.
	if err := h.log.Poll(); err != nil {
		return 0, err
	}
	h.log.Forget()
	if h.binary != "" {
		binary = h.binary
	}
	cmd := command(binary, flags)
	cmd.Stderr = stderr
	if err := h.space.do(cmd.Start); err != nil {
		return 0, err
	}
	begun := tracelog.Now()
	d := reaped(cmd)
	h.daemon, h.ending, h.frozen = d, false, false
	return begun, nil
}

// command is a gmsd that dies with the thread that starts it, and knows
// nothing of our settings or our service manager.
func command(binary string, args []string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GMSD_") && !strings.HasPrefix(e, "NOTIFY_SOCKET=") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	return cmd
}

// lastWords are the ends of a daemon's stderr.
func (h *host) lastWords() string {
	raw, err := os.ReadFile(h.stderr())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " / ")
}

// flags are those of a host's daemon; the last of two equal ones wins.
func (l *Lab) flags(h *host, extra []string) []string {
	sealed := []string{"run", "--key-file", l.KeyFile(h.number)}
	if l.o.Plain || slices.Contains(extra, "--insecure-lab") {
		sealed = []string{"run", "--insecure-lab"}
	}
	own := append(sealed,
		"--name", Name(h.number), "--data-dir", h.dir, "--bind", Addr(h.number).String(),
		"--admin", "none", "--event-log", h.log.Path(),
	)
	switch t := l.o.Transport; t {
	case "":
	case "mcast":
		own = append(own, "--transport", t)
	case "router":
		own = append(own, "--transport", t, "--routers", l.Routers())
	default:
		own = append(own, "--transport", t, "--peers", Peers(cmp.Or(l.o.Members, l.o.Hosts)))
	}
	return append(append(own, l.o.Flags...), extra...)
}

// Settings are those of a host's daemon, as flags of what takes the flags of gmsd run.
func (l *Lab) Settings(host int) []string { return l.flags(l.host(host), nil)[1:] }

// Binary has a host run another gmsd from its next start on.
func (l *Lab) Binary(host int, path string) { l.host(host).binary = path }

// Start starts the daemon of a host, with what it left on disk where it ran
// before, and says when the process was there.
func (l *Lab) Start(host int, flags ...string) (views.Instant, error) {
	if err := l.endWindow(); err != nil {
		return 0, err
	}
	h := l.host(host)
	return h.begin(l.o.Binary, l.flags(h, flags))
}

// StartBeside is Start of a host that must not disturb the others: what they
// are told to keep they must go on keeping.
func (l *Lab) StartBeside(host int, flags ...string) (views.Instant, error) {
	h := l.host(host)
	at, err := h.begin(l.o.Binary, l.flags(h, flags))
	h.ending = true // whether it may stay is to be seen
	return at, err
}

// StartAll starts hosts as nearly at once as one machine can, and says when the
// last process was there.
func (l *Lab) StartAll(hosts []int, flags ...string) (views.Instant, error) {
	if err := l.endWindow(); err != nil {
		return 0, err
	}
	type begun struct {
		at  views.Instant
		err error
	}
	results := make(chan begun, len(hosts))
	for _, i := range hosts {
		h := l.host(i)
		go func() {
			at, err := h.begin(l.o.Binary, l.flags(h, flags))
			results <- begun{at, err}
		}()
	}
	var last views.Instant
	var faults []error
	for range hosts {
		r := <-results
		last = max(last, r.at)
		faults = append(faults, r.err)
	}
	return last, errors.Join(faults...)
}

// Kill ends a daemon at once (SIGKILL), and says when.
func (l *Lab) Kill(host int) (views.Instant, error) {
	h := l.host(host)
	if err := l.endWindow(); err != nil {
		return 0, err
	}
	if err := l.facts.fault("kill", true, host); err != nil {
		return 0, err
	}
	h.ending = true
	at, err := l.signal(host, syscall.SIGKILL)
	if err != nil {
		return 0, err
	}
	<-h.daemon.done
	return at, errors.Join(l.ended(host), l.facts.fault("kill", false, host))
}

// ended notes that a daemon is gone. One that logged its stop needs no mark; it
// could hit another host that has the same id.
func (l *Lab) ended(host int) error {
	h := l.host(host)
	if err := h.log.Poll(); err != nil {
		return err
	}
	if h.log.Stopped || h.log.Self.Host.IsZero() {
		return nil
	}
	return l.facts.mark("crash", host)
}

func (l *Lab) signal(host int, s syscall.Signal) (views.Instant, error) {
	h := l.host(host)
	if !h.running() {
		return 0, fmt.Errorf("netlab: %s does not run", Name(host))
	}
	at := tracelog.Now()
	return at, h.daemon.cmd.Process.Signal(s)
}

// Freeze stops a daemon's process (SIGSTOP); the kernel goes on to answer for
// its sockets. It says when.
func (l *Lab) Freeze(host int) (views.Instant, error) {
	if err := l.endWindow(); err != nil {
		return 0, err
	}
	if err := l.facts.fault("freeze", true, host); err != nil {
		return 0, err
	}
	l.host(host).frozen = true
	return l.signal(host, syscall.SIGSTOP)
}

// Thaw lets it go on, and says when.
func (l *Lab) Thaw(host int) (views.Instant, error) {
	if err := l.endWindow(); err != nil {
		return 0, err
	}
	at, err := l.signal(host, syscall.SIGCONT)
	l.host(host).frozen = false
	return at, errors.Join(err, l.facts.fault("freeze", false, host))
}

// Leave asks a daemon to leave (SIGTERM), and says when; Exit waits for its end.
func (l *Lab) Leave(host int) (views.Instant, error) {
	if err := l.endWindow(); err != nil {
		return 0, err
	}
	l.host(host).ending = true
	return l.signal(host, syscall.SIGTERM)
}

// Exit waits until a daemon has ended, and gives its exit code; -1: a signal.
func (l *Lab) Exit(host int, within time.Duration) (int, error) {
	h := l.host(host)
	h.ending = true
	err := l.WaitFor(within, Name(host)+" to end", func() bool { return !h.running() })
	if err != nil {
		return 0, err
	}
	return h.daemon.cmd.ProcessState.ExitCode(), l.ended(host)
}

// Restart kills a daemon and starts it again on its directory.
func (l *Lab) Restart(host int, flags ...string) (views.Instant, error) {
	if _, err := l.Kill(host); err != nil {
		return 0, err
	}
	return l.Start(host, flags...)
}

// Stderr is all that the daemons of a host have said to people.
func (l *Lab) Stderr(host int) string {
	raw, err := os.ReadFile(filepath.Join(l.dir, Name(host)+".stderr"))
	if err != nil {
		return ""
	}
	return string(raw)
}

// Pid is that of a host's daemon.
func (l *Lab) Pid(host int) int { return l.host(host).daemon.cmd.Process.Pid }

// Admin is a client of a host's daemon. The caller closes it.
func (l *Lab) Admin(host int) *admin.Client {
	return admin.NewClient(filepath.Join(l.dir, Name(host), "admin.sock"))
}

// Outcome is what a run of gmsd came to.
type Outcome struct {
	Code           int
	Stdout, Stderr string
}

// Execute runs gmsd with some arguments on a host, beside its daemon, to its end;
// one that does not end in time is killed and has code -1.
func (l *Lab) Execute(host int, within time.Duration, args ...string) (Outcome, error) {
	var stdout, stderr bytes.Buffer
	cmd := command(l.o.Binary, args)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := l.host(host).space.do(cmd.Start); err != nil {
		return Outcome{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		_ = cmd.Process.Kill() // ended meanwhile: as good
	})()
	_ = cmd.Wait() // how it ended is in its ProcessState
	return Outcome{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, nil
}
