package demo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/gmsd/gmsd/internal/tracelog"
	"github.com/gmsd/gmsd/views"
)

// player is the daemon of one host: a child process, or none.
type player struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the child was reaped
	err  error         // how it ended; set before done is closed
}

// cast are the daemons, by host number minus one.
type cast struct {
	binary string
	dir    string
	group  string
	links  links
	keep   bool

	mu      sync.Mutex
	players []*player
}

func hostDir(dir string, host int) string  { return filepath.Join(dir, hostName(host)) }
func socketOf(dir string, host int) string { return filepath.Join(hostDir(dir, host), "admin.sock") }

func keyFileIn(dir string) string { return filepath.Join(dir, "keys") }

func eventLogOf(dir string, host int) string {
	return filepath.Join(hostDir(dir, host), "events.ndjson")
}

// start starts a daemon, with what it left on disk where it ran before, and
// says when.
func (c *cast) start(host int) (views.Instant, error) {
	dir := hostDir(c.dir, host)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	stderr, err := os.OpenFile(filepath.Join(dir, "stderr.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer stderr.Close() // the child has its own
	argv := []string{
		c.binary, "run", "--key-file", keyFileIn(c.dir), "--name", hostName(host), "--group", c.group,
		"--data-dir", dir, "--bind", c.links.addr(host).String(), "--admin", "none",
		"--event-log", eventLogOf(c.dir, host),
	}
	argv = c.links.wrap(host, append(argv, c.links.flags()...))
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = stderr
	cmd.Env = cleanEnvironment()
	// Of its own process group: an interrupt at the terminal is for the demo. It
	// dies with the demo, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !c.keep {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	begun := tracelog.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	p := &player{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	c.mu.Lock()
	c.players[host-1] = p
	c.mu.Unlock()
	return begun, nil
}

// cleanEnvironment keeps our settings and our service manager out of the daemons.
func cleanEnvironment() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GMSD_") && !strings.HasPrefix(e, "NOTIFY_SOCKET=") {
			out = append(out, e)
		}
	}
	return out
}

func (c *cast) player(host int) *player {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.players[host-1]
}

// signal sends a signal and says when.
func (c *cast) signal(host int, s syscall.Signal) (views.Instant, error) {
	p := c.player(host)
	if p == nil {
		return 0, fmt.Errorf("%s does not run", hostName(host))
	}
	begun := tracelog.Now()
	return begun, p.cmd.Process.Signal(s)
}

// ended reports a daemon that should run and does not.
func (c *cast) ended(host int) error {
	p := c.player(host)
	if p == nil {
		return nil
	}
	select {
	case <-p.done:
		return fmt.Errorf("%s ended by itself (%s); its last words: %s", hostName(host), outcome(p.err), c.lastWords(host))
	default:
		return nil
	}
}

func outcome(err error) string {
	if err == nil {
		return "exit code 0"
	}
	return err.Error()
}

func (c *cast) lastWords(host int) string {
	raw, err := os.ReadFile(filepath.Join(hostDir(c.dir, host), "stderr.log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " / ")
}

// stop ends all daemons: gracefully where they can within a moment, then not.
func (c *cast) stop(gentle bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.players {
		if p == nil {
			continue
		}
		if !gentle {
			_ = p.cmd.Process.Kill() // already reaped: as good
			continue
		}
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // as above
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // as above
	}
	var faults []error
	for i, p := range c.players {
		if p == nil {
			continue
		}
		if !waitFor(p.done, stopTimeout) {
			faults = append(faults, fmt.Errorf("%s did not stop within %s and was killed", hostName(i+1), stopTimeout))
			_ = p.cmd.Process.Kill() // as above
			<-p.done
		}
	}
	return errors.Join(faults...)
}

// pids are those of the daemons that run.
func (c *cast) pids() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []int
	for _, p := range c.players {
		if p == nil {
			continue
		}
		select {
		case <-p.done:
		default:
			out = append(out, p.cmd.Process.Pid)
		}
	}
	return out
}

func pidText(pids []int) string {
	words := make([]string, 0, len(pids))
	for _, p := range pids {
		words = append(words, strconv.Itoa(p))
	}
	return strings.Join(words, " ")
}
