package transport

import (
	"errors"
	"net/netip"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// Transport carries frames between the daemons of a group. Frames are
// delivered whole or not at all; they may be lost, doubled or reordered: the
// core repairs that.
//
// Send, SendAll, SendBatch, Seek and Watch are called by one goroutine and do
// not block beyond a system call. Receive is called by one other goroutine.
// Close may be called by any and makes Receive return [ErrClosed]. The
// conformance suite is package transporttest.
type Transport interface {
	// Local is the address at which others reach this transport.
	Local() netip.AddrPort

	// Send sends frame to one address. The frame may be reused on return. An
	// error is local (no route, no buffer, too long) and loses this frame only.
	Send(frame []byte, to netip.AddrPort) error

	// SendAll sends frame to every address of to, or, where the transport has
	// multicast, once to everybody who listens.
	SendAll(frame []byte, to []netip.AddrPort) error

	// SendBatch sends frames in order, each as SendAll or Send would, in as few
	// system calls as the system allows: every receiver gets its frames in this
	// order, as far as the network keeps it, though what is for all and what is
	// for one may pass each other. Frames may be reused on return. It gives the
	// first error met; each error loses its own frame only, except that frames
	// behind one for which there was no room may find none either.
	SendBatch(batch []Outbound) error

	// Seek sends frame to whoever may be out there, unknown to us: the multicast
	// group. A transport that has no such way sends nothing, which is no error;
	// known addresses are sought by Send, by whoever knows them (package discovery).
	Seek(frame []byte) error

	// Receive blocks until at least one frame has arrived, fills batch from the
	// start and says how many. The caller owns the batch's buffers, each of
	// [views.DatagramMax] bytes; Receive sets all else. A frame that is too
	// long for a buffer is dropped and counted.
	Receive(batch []Inbound) (int, error)

	// Watch replaces the set of processes whose life is watched through the
	// operating system, where there is a way. Zero targets stop it.
	Watch(targets []Target)

	// Evidence gives what watching found. It is never closed before Close; the
	// reader must keep reading, the writer never blocks the transport.
	Evidence() <-chan Evidence

	// Close frees everything; it is idempotent.
	Close() error
}

// Target is a process to watch, at the address where it takes member traffic.
type Target struct {
	views.Process
	Addr netip.AddrPort
}

// Evidence is what the operating system of a watched host says of a process.
// Found is EvidenceClosed, EvidenceRefused or EvidenceReplaced, or
// EvidenceNone: it answers (again). EvidenceSilent is none: what carries frames to the
// process has lost it, so it is worth to be asked.
type Evidence struct {
	views.Process
	Found message.Evidence
}

// Errors of transports.
var (
	// ErrClosed: the transport was closed.
	ErrClosed = errors.New("transport: closed")
	// ErrTooLong: the frame is longer than [views.DatagramMax].
	ErrTooLong = errors.New("transport: frame too long")
	// ErrNoRoute: there is no way to the address (no interface, no multicast route).
	ErrNoRoute = errors.New("transport: no route")
	// ErrNoBuffer: the kernel had no room for the frame just now.
	ErrNoBuffer = errors.New("transport: no buffer")
)
