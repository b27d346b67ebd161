package sim

import (
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
)

// Machine is what a process runs: the engine, or a fake in the tests of the
// world itself. Its contract is the engine's.
type Machine interface {
	Step(now views.Instant, in engine.Input) *engine.Output
	Deadline() views.Instant
	View() *views.View
	Describe() string
}

// Maker makes the machine of a starting process.
type Maker func(engine.Config) (Machine, error)
