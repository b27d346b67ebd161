package sim

import (
	"testing"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views/message"
)

// In the seeds with a short path views do go in pieces.
func TestShortPathsBringPieces(t *testing.T) {
	seeds := 0
	for seed := uint64(1); seeds < 3; seed++ {
		o := Swarm(seed, 5)
		if o.Path == 0 {
			continue
		}
		seeds++
		var all []*engine.Engine
		res := Run(Task{Options: o, Oracle: Judged, Maker: func(cfg engine.Config) (Machine, error) {
			e, err := engine.New(cfg)
			all = append(all, e)
			return e, err
		}})
		var pieces, installs uint64
		for _, e := range all {
			in := e.Status().Traffic.In
			pieces, installs = pieces+in[message.TypePiece], installs+in[message.TypeInstall]
		}
		if res.Failure != nil || pieces == 0 || installs == 0 {
			t.Errorf("seed %d: %v, %d pieces, %d installs", seed, res.Failure, pieces, installs)
		}
		t.Logf("seed %d: %d pieces, %d installs", seed, pieces, installs)
	}
}
