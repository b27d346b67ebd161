package netlab_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab"
)

// orphanEnv makes this test binary a harness that will be killed; its value is
// the gmsd to run.
const orphanEnv = "GMSD_NETLAB_ORPHAN"

// orphan makes a lab, says what there is, and waits to be killed.
func orphan(binary string) int {
	l, err := netlab.New(netlab.Options{Binary: binary, Hosts: 2})
	if err == nil {
		_, err = l.StartAll(netlab.All(2))
	}
	if err == nil {
		_, err = l.Settle(generous, netlab.All(2))
	}
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println(l.Dir(), l.Pid(1), l.Pid(2))
	select {}
}

// A lab whose process is killed leaves a directory, which the next one removes,
// and not that of a lab that lives.
func TestRemainsOfAKilledLab(t *testing.T) {
	needNamespaces(t)
	harness := exec.Command(os.Args[0])
	harness.Env = append(os.Environ(), orphanEnv+"="+binary)
	harness.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := harness.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := harness.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var dir string
	var pids [2]int
	if _, serr := fmt.Sscan(line, &dir, &pids[0], &pids[1]); err != nil || serr != nil {
		_ = harness.Process.Kill()
		_ = harness.Wait()
		t.Fatalf("the harness said %q: %v, %v", line, err, serr)
	}
	removed, err := netlab.CleanUp()
	if err != nil || strings.Contains(strings.Join(removed, " "), dir) {
		t.Errorf("a lab in use was removed: %v, %v", removed, err)
	}
	if err := harness.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = harness.Wait() // it was killed
	for _, pid := range pids {
		if !gone(pid, generous) {
			t.Errorf("daemon %d outlived its lab", pid)
		}
	}
	removed, err = netlab.CleanUp()
	if err != nil || !strings.Contains(strings.Join(removed, " "), dir) {
		t.Errorf("removed %v, %v; want %s", removed, err, dir)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s: %v, want it gone", dir, err)
	}
}

// gone waits for the end of a process that is not our child.
func gone(pid int, within time.Duration) bool {
	limit := time.NewTimer(within)
	defer limit.Stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(state), ") Z ") {
			return true
		}
		select {
		case <-ticker.C:
		case <-limit.C:
			return false
		}
	}
}
