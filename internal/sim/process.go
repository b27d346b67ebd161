package sim

import (
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
	"github.com/gmsd/gmsd/views/transfer"
)

// process is one life of the daemon on a machine.
type process struct {
	gen   uint32
	id    views.Process
	nonce uint64
	eng   Machine
	// paused: stopped by a signal; what arrives waits in inbox.
	paused bool
	inbox  []queued
	frames int
	// wakeAt is the world time of the armed wake event, 0 for none.
	wakeAt views.Instant
	// records counts what it logged.
	records uint64
	watch   []watched
	// shadow: it runs under a process id that another one has or had.
	shadow bool
	// reused: its incarnation was used before.
	reused bool
	held   []trace.Record
	// met holds the last incarnation of each host it was in a view with, and
	// the first such view.
	met map[views.HostID]meeting
	// view is the last installed one; large once it held two members.
	view  *views.View
	large bool
	// installs counts its views.
	installs int
	// probes counts the liveness messages it delivered.
	probes int
	// deliveries are logged; the first shown of them the application has had.
	deliveries []trace.Event
	shown      int
	// ports are its clients, lastPort the last number given to one.
	ports    []*port
	lastPort uint32
	// slow, if not nil: its application is behind. told is how far behind the engine
	// knows it to be; over is what waits for a state and has no room.
	slow       *slowness
	told, over int
	// donations are the states that its ports give, intakes those they take; lies
	// are those of the donations that go out otherwise than they were read. word is
	// what a film wants to go wrong with the next one.
	donations map[transfer.TransferID]*donation
	intakes   map[transfer.TransferID]*intake
	lies      map[transfer.Tag]*donation
	word      trouble
	// soon is what the engine is told once its last output was acted upon.
	soon []engine.Input
	// veiled: it was a shadow at some time, so the checkers do not know all that its
	// applications did.
	veiled bool
	// fates are the tokens that were not answered, own its messages that were
	// delivered here and not answered for.
	fates map[uint64]fate
	own   map[uint64]*engine.Message
	// sealed is what the world knows of the frames of a sealed life.
	sealed sealedLife
}
