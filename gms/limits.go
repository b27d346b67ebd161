package gms

import "time"

// Limits of the runtime. Every queue has one; what lies beyond waits, is refused
// with [ErrBusy], cut off with [ErrSlow], or left to the kernel's own buffer.
const (
	// CommandsMax bounds the calls that wait for the loop.
	CommandsMax = 256
	// OutboxMax bounds, in bytes, the messages of one port, or of the host's own
	// calls, that wait to be sent, 128 bytes for each beside its payload; who wants to
	// send more waits. All ports together have twice that, and each no more than half
	// of what the others leave of it; an empty port may post 16 kiB all the same, and
	// one message longer than half of OutboxMax, one at a time, may pass it.
	OutboxMax = 4 << 20
	// OutboxTotal is what all ports together have.
	OutboxTotal = 2 * OutboxMax
	// BacklogWindows is how many windows of what was not read stop the group.
	BacklogWindows = 4
	// ChangesMax bounds the calls of SetBits, SetAttrs and Evict under way.
	ChangesMax = 256
	// PortsMax bounds the ports of a host, RequestsMax the requests that one has
	// under way.
	PortsMax    = 4096
	RequestsMax = 1024
	// AnswersMax bounds, in bytes, the answers that the requests of one port have
	// collected and not yet given; the one that would pass it ends with
	// [views.ErrTooLong].
	AnswersMax = 64 << 20
	// ListenersMax bounds the listeners of a host. What they leave unread slows the
	// group down, to a stop after some windows (Config.Window); one that has not
	// read for staleLooks times lookEvery while that lasts, and holds more than its
	// part of a window, is cut.
	ListenersMax = 64
	lookEvery    = time.Second
	staleLooks   = 10
	// ObserversMax bounds the observers of a host. What one may leave unread
	// is EventsMax.
	ObserversMax = 16
	// EventsMax is how many event records stay in memory.
	EventsMax = 1 << 16
	// HistoryMax is how many views stay in memory.
	HistoryMax = 256
	// ChangeEventsMax is how many records of what led to one of them do.
	ChangeEventsMax = 1 << 10

	// batchesMax batches of batchFrames frames are between the socket and the
	// loop; more waits in the kernel's receive buffer. They are made when
	// needed: a host at rest has one or two.
	batchesMax  = 4
	batchFrames = 16
	// persistsMax bounds the disk writes asked for and not yet answered; at the
	// bound the loop takes nothing but the disk's answer.
	persistsMax = 256
	// eventsPage is how many records a reader copies at a time.
	eventsPage = 256
	// receiveErrorsMax errors of the socket in a row are the end of a host.
	receiveErrorsMax = 16
	// seekPortion is how many of those known and absent are sought at a time.
	seekPortion = 32
)
