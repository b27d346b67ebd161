package gms

// Limits of the runtime. Every queue has one; what lies beyond is refused with
// [ErrBusy], cut off with [ErrSlow], or left to the kernel's own buffer, and
// never grows.
const (
	// CommandsMax bounds the calls that wait for the loop.
	CommandsMax = 256
	// SendsMax bounds the calls of Send that wait for their delivery.
	SendsMax = 4096
	// ChangesMax bounds the calls of SetBits, SetAttrs and Evict under way.
	ChangesMax = 256
	// ListenersMax bounds the listeners of a host, ListenerMax what one of
	// them may leave unread.
	ListenersMax = 64
	ListenerMax  = 1024
	// ObserversMax bounds the observers of a host. What one may leave unread
	// is EventsMax.
	ObserversMax = 16
	// EventsMax is how many event records stay in memory.
	EventsMax = 1 << 16
	// HistoryMax is how many views stay in memory.
	HistoryMax = 256

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
	// peersMax bounds the configured peers.
	peersMax = 1024
)
