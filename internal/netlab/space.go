package netlab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// commandTimeout bounds one call of ip(8), nft(8) or iptables(8).
const commandTimeout = 30 * time.Second

// errSpaceClosed: the lab was closed.
var errSpaceClosed = errors.New("netlab: the namespace is closed")

// space is a network and a mount namespace of its own and the thread that keeps
// them. What the thread starts lives in them, and dies with it.
type space struct {
	calls chan func()
	quit  chan struct{}
	gone  chan struct{}
	tid   int
}

func newSpace() (*space, error) {
	s := &space{calls: make(chan func()), quit: make(chan struct{}), gone: make(chan struct{})}
	ready := make(chan error, 1)
	go s.live(ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return s, nil
}

// live is the thread. It is never unlocked: Go ends a thread whose goroutine
// ends locked, and the namespaces go with it.
func (s *space) live(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The first thread cannot end before the process. Another one is found,
		// since this one is held until then.
		found := make(chan error, 1)
		go s.live(found)
		ready <- <-found
		runtime.UnlockOSThread()
		return
	}
	defer close(s.gone)
	if err := isolate(); err != nil {
		ready <- err
		return
	}
	s.tid = unix.Gettid()
	ready <- nil
	for {
		select {
		case call := <-s.calls:
			call()
		case <-s.quit:
			return
		}
	}
}

// isolate moves the calling thread into namespaces of its own.
func isolate() error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("netlab: no namespace can be made: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("netlab: mounts cannot be made private: %w", err)
	}
	// Neighbour discovery would be counted as traffic of the daemons.
	for _, which := range []string{"all", "default"} {
		// A kernel without IPv6 has nothing to turn off.
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0)
	}
	return nil
}

// do runs f on the thread.
func (s *space) do(f func() error) error {
	done := make(chan error, 1)
	select {
	case s.calls <- func() { done <- f() }:
		return <-done
	case <-s.gone:
		return errSpaceClosed
	}
}

// path names the network namespace for ip(8).
func (s *space) path() string {
	return fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), s.tid)
}

// command runs a program to its end inside, with input.
func (s *space) command(input string, argv ...string) error {
	return s.do(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("netlab: %s: %w: %s", strings.Join(argv, " "), err, bytes.TrimSpace(out))
		}
		return nil
	})
}

// ip runs a batch of ip(8) commands.
func (s *space) ip(lines ...string) error {
	return s.command(strings.Join(lines, "\n")+"\n", "ip", "-batch", "-")
}

// close ends the thread.
func (s *space) close() {
	close(s.quit)
	<-s.gone
}
