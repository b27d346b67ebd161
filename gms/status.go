package gms

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keyfile"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// Status is what an operator asks for.
type Status struct {
	Self views.Member
	// State is one of the State constants.
	State  string
	Uptime time.Duration
	// Engine is the protocol's own account.
	Engine engine.Status
	Stats  Stats
	// EventLog says why the event log is not being written; empty: it is, or
	// there is none.
	EventLog string
	// KeyFile says why a change of the keys cannot be written; empty: it can, or there
	// are none.
	KeyFile string
	// Waiting are the calls that wait for the group.
	Waiting int
	// Ports are the programs that have a port here, Groups the light groups they
	// are in; [Host.Groups] names those.
	Ports, Groups int
	// Giving and Taking are the transfers of states under way here.
	Giving, Taking int
	// Discovery is where this host looks for others.
	Discovery Discovery
	// Verdicts are the causes of what is wrong that this host knows of.
	Verdicts []Verdict
	// Routers are the gossip routers, with [TransportRouter].
	Routers []Router
	// Notices were found at the start, such as a repaired data directory.
	Notices []string
}

// Stats are counts since the start. Taking them is cheap and never waits.
type Stats struct {
	// Transport has zeros where a transport of one's own does not count.
	Transport transport.Stats
	// SendErrors and ReceiveErrors are those the system gave us.
	SendErrors, ReceiveErrors uint64
	// Steps are inputs the engine has handled, Events the records it made.
	Steps, Events uint64
	// EventLogErrors are failed writes, EventLogLost the records in them.
	EventLogErrors, EventLogLost uint64
	// Busy counts calls refused with ErrBusy, ListenersCut listeners cut with
	// ErrSlow, ObserverSkipped records that an observer was too slow for.
	Busy, ListenersCut, ObserverSkipped uint64
	// FlowBlocked is how long callers of Send and Post waited because too much of
	// this host's waited to be sent.
	FlowBlocked time.Duration
	// Backlog is how many bytes listeners and ports have not taken yet. From Window
	// on the group sends less, at BacklogWindows times that nothing.
	Backlog int
	// Window is how many bytes may be under way in the group.
	Window int
	// Outbox is how many bytes, of [OutboxTotal], wait to be given to the engine; long
	// messages do not count.
	Outbox int
	// Deliveries are latencies by order.
	Deliveries [views.OrderEnd]Deliveries
}

// counts are what Stats reads; any goroutine may add.
type counts struct {
	sendErrors, receiveErrors           atomic.Uint64
	steps, events                       atomic.Uint64
	eventLogErrors, eventLogLost        atomic.Uint64
	busy, listenersCut, observerSkipped atomic.Uint64
}

// Stats gives the counts. It works after the end, too.
func (h *Host) Stats() Stats {
	c := &h.counts
	s := Stats{
		SendErrors: c.sendErrors.Load(), ReceiveErrors: c.receiveErrors.Load(),
		Steps: c.steps.Load(), Events: c.events.Load(),
		EventLogErrors: c.eventLogErrors.Load(), EventLogLost: c.eventLogLost.Load(),
		Busy: c.busy.Load(), ListenersCut: c.listenersCut.Load(), ObserverSkipped: c.observerSkipped.Load(),
		FlowBlocked: h.outbox.flow.blocked(h.clock()), Backlog: int(h.listeners.bytes.Load()), Window: h.window, Outbox: h.outbox.waiting(), Deliveries: h.latencies.snapshot(),
	}
	if h.transport != nil {
		s.Transport = h.transport.Stats()
	}
	return s
}

// Status asks the loop, so an answer also says that the loop is alive.
func (h *Host) Status(ctx context.Context) (Status, error) {
	s, err := ask(ctx, h, func(l *loop, reply chan<- answer[Status]) {
		reply <- answer[Status]{value: l.status()}
	})
	if err == nil {
		s.KeyFile = keyFileTrouble(h.keyFile, s.Engine.Keys.Fault)
	}
	return s, err
}

// keyFileTrouble is why a change of the keys cannot be written to path: what the last one
// met, or what the next one would.
func keyFileTrouble(path string, last error) string {
	if last == nil && path != "" {
		last = keyfile.CheckSave(path)
	}
	if last == nil {
		return ""
	}
	return last.Error()
}

func (l *loop) status() Status {
	h := l.host
	s := Status{
		Self:    h.Self(),
		State:   h.state(),
		Uptime:  l.now.Sub(h.begun),
		Engine:  l.engine.Status(),
		Stats:   h.Stats(),
		Waiting: len(l.calls.sends) + len(l.calls.changes) + len(l.calls.evicts),
		Notices: l.notices, Discovery: l.discovery(), Verdicts: slices.Clone(l.doctor.verdicts),
		Routers: h.Routers(),
		Ports:   len(l.ports.byNumber), Groups: len(l.ports.inGroup),
		Giving: len(l.states.donations), Taking: len(l.states.intakes),
	}
	if l.eventLog != nil && l.eventLog.failure != nil {
		s.EventLog = l.eventLog.failure.Error()
	}
	return s
}

func (h *Host) state() string {
	if s := h.board.current(); s != nil {
		return s.State
	}
	return StateJoining
}
