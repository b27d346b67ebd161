package netlab_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/netlab/attack"
)

// attackerEnv makes this test binary an attacker.
const attackerEnv = "GMSD_NETLAB_ATTACKER"

func attacker() int {
	if err := attack.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A short form of the siege that cmd/bench lays: whoever has no key changes nothing,
// on any transport, and all that was thrown away is counted.
func TestNonMember(t *testing.T) {
	t.Parallel()
	for _, network := range attack.Networks {
		t.Run(network.Name, func(t *testing.T) {
			s := stageTaking(t, 3, network.Name, attack.Hosts)
			s.changes(5)
			s.minMessages = 200
			program := exec.Command(os.Args[0])
			program.Env = append(os.Environ(), attackerEnv+"=1")
			v, err := attack.Siege{
				Network: network, Attacker: program, Seed: 1,
				Record: 4 * time.Second, Speed: 10, Loops: 10,
				Over: 10 * time.Second, Datagrams: 50_000, Broken: 4_000, Idle: 300,
			}.Lay(s.Lab)
			s.must(err)
			s.Log(v)
			for _, fault := range v.Faults {
				s.Error(fault)
			}
		})
	}
}
