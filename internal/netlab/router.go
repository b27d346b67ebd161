package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// RouterPort is the port of every gossip router.
const RouterPort = 7751

// routersMax bounds the routers of a lab, which are numbered from 1.
const routersMax = 8

// RouterHost is the number that a router has where a fault wants a host's.
func RouterHost(router int) int { return 200 + router }

// router is a machine with a gossip router.
type router struct {
	number int
	space  *space
	stderr string
	daemon *daemon // the latest; nil: none was started
}

func (r *router) running() bool {
	if r.daemon == nil {
		return false
	}
	select {
	case <-r.daemon.done:
		return false
	default:
		return true
	}
}

// buildRouters makes the machines, not yet their wires.
func (l *Lab) buildRouters() error {
	for i := 1; i <= l.o.Routers; i++ {
		s, err := newSpace()
		if err != nil {
			return err
		}
		l.routers = append(l.routers, &router{number: i, space: s, stderr: filepath.Join(l.dir, fmt.Sprintf("r%d.stderr", i))})
	}
	return nil
}

// Routers is what `--routers` wants.
func (l *Lab) Routers() string { return strings.Join(l.routersBut(0), ",") }

// routersBut gives the addresses of all routers but one.
func (l *Lab) routersBut(router int) []string {
	var list []string
	for _, r := range l.routers {
		if r.number != router {
			list = append(list, fmt.Sprintf("%s:%d", Addr(RouterHost(r.number)), RouterPort))
		}
	}
	return list
}

// StartRouter starts a gossip router that knows all others. No act on a router excuses
// anything to the checkers.
func (l *Lab) StartRouter(router int) error {
	r := l.routers[router-1]
	if r.running() {
		return fmt.Errorf("netlab: router %d runs already", router)
	}
	stderr, err := os.OpenFile(r.stderr, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer stderr.Close() // the child has its own
	cmd := command(l.o.Binary, []string{
		"router", "--admin", "none", "--bind", fmt.Sprintf("%s:%d", Addr(RouterHost(router)), RouterPort),
		"--peers", strings.Join(l.routersBut(router), ","),
	})
	cmd.Stderr = stderr
	if err := r.space.do(cmd.Start); err != nil {
		return err
	}
	r.daemon = reaped(cmd)
	return nil
}

// reaped waits for a program in the background.
func reaped(cmd *exec.Cmd) *daemon {
	d := &daemon{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its ProcessState
		close(d.done)
	}()
	return d
}

// KillRouter ends a router at once.
func (l *Lab) KillRouter(router int) error {
	if err := l.signalRouter(router, syscall.SIGKILL); err != nil {
		return err
	}
	<-l.routers[router-1].daemon.done
	return nil
}

// FreezeRouter stops a router's process; the kernel goes on to answer for its sockets.
func (l *Lab) FreezeRouter(router int) error { return l.signalRouter(router, syscall.SIGSTOP) }

// ThawRouter lets it go on.
func (l *Lab) ThawRouter(router int) error { return l.signalRouter(router, syscall.SIGCONT) }

func (l *Lab) signalRouter(router int, s syscall.Signal) error {
	r := l.routers[router-1]
	if !r.running() {
		return fmt.Errorf("netlab: router %d does not run", router)
	}
	return r.daemon.cmd.Process.Signal(s)
}

// RouterStderr is all that a router has said to people.
func (l *Lab) RouterStderr(router int) string {
	raw, err := os.ReadFile(l.routers[router-1].stderr)
	if err != nil {
		return ""
	}
	return string(raw)
}

// closeRouters ends all routers and their machines.
func (l *Lab) closeRouters() error {
	var faults []error
	for _, r := range l.routers {
		if r.running() {
			faults = append(faults, l.KillRouter(r.number))
		}
		r.space.close()
	}
	return errors.Join(faults...)
}

// sidesWithRouters gives each side of a partition its share of the routers, by turns.
func (l *Lab) sidesWithRouters(sides [][]int) [][]int {
	out := make([][]int, len(sides))
	for i, side := range sides {
		out[i] = append(out[i], side...)
	}
	for _, r := range l.routers {
		i := (r.number - 1) % len(sides)
		out[i] = append(out[i], RouterHost(r.number))
	}
	return out
}
