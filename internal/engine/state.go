package engine

import (
	"net/netip"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/message"
	"github.com/gmsd/gmsd/views/transfer"
	"github.com/gmsd/gmsd/views/vsync"
)

const (
	// TransfersMax bounds the states that are given and taken at a time.
	TransfersMax = 64
	// transferOverhead is what a frame takes beside the one Transfer in it.
	transferOverhead = 80
	// selfMost bounds the words between two ports of this host in one step: what is
	// beyond counts as lost, and is said again.
	selfMost = 1 << 14
)

// states joins the transfers of applications' states with the rest: their words
// go in frames between members, whoever leaves the view is given up, and a donor
// that failed is told to the table, which names another.
type states struct {
	machine *transfer.Machine
	body    []byte
	// toSelf are words for this host.
	toSelf [][]byte
	sends  []vsync.Send
}

// Inputs of the driver about states; [Output.State] is what they answer.
type (
	// Donate gives the state of a port's application, of which ID says where it is
	// cut. Size is what it will have, in bytes, or zero.
	Donate struct {
		ID   transfer.TransferID
		Size uint64
	}
	// Refuse says that a port gives no state though it was named as the donor.
	Refuse struct{ ID transfer.TransferID }
	// Receive takes a state from a donor. Kept are the bytes of the joiner's file.
	Receive struct {
		ID    transfer.TransferID
		Donor views.Process
		Kept  uint64
	}
	// EndTransfer ends one in all roles.
	EndTransfer struct{ ID transfer.TransferID }
	// TookState says that a port's application has the state it wanted.
	TookState struct {
		Port  uint32
		Group string
	}
	// StateRead answers a read of a donor's state, KeptRead one of a joiner's file;
	// see [transfer.Machine]. Data is not kept.
	StateRead struct {
		ID    transfer.TransferID
		Index uint64
		Data  []byte
		EOF   bool
		Err   error
	}
	// KeptRead is described above.
	KeptRead struct {
		ID    transfer.TransferID
		Index uint64
		Data  []byte
		Err   error
	}
	// StateWritten answers a write, StateSealed a seal.
	StateWritten struct {
		ID    transfer.TransferID
		Index uint64
		Err   error
	}
	// StateSealed is described above.
	StateSealed struct {
		ID  transfer.TransferID
		Err error
	}
)

func (Donate) input()       {}
func (Refuse) input()       {}
func (Receive) input()      {}
func (EndTransfer) input()  {}
func (TookState) input()    {}
func (StateRead) input()    {}
func (KeptRead) input()     {}
func (StateWritten) input() {}
func (StateSealed) input()  {}

// StateWork is what the transfers want of readers and files; see
// [transfer.Output]. The Data of a write may be read until it is answered.
type StateWork struct {
	Reads, KeptReads []transfer.Read
	Writes           []transfer.Write
	Seals            []transfer.Seal
}

func (w StateWork) emptied() StateWork {
	clear(w.Writes) // so that nothing holds what was written
	return StateWork{w.Reads[:0], w.KeptReads[:0], w.Writes[:0], w.Seals[:0]}
}

func newStates(self views.Process, pathBytes int) (states, error) {
	m, err := transfer.New(transfer.Config{
		Self: self, Transfers: TransfersMax,
		PacketBytes: min(max(pathBytes-transferOverhead, transfer.PacketMin), transfer.PacketMax),
	})
	return states{machine: m}, err
}

// takeState is what the driver says of states.
func (e *Engine) takeState(in Input) {
	m := e.states.machine
	switch in := in.(type) {
	case Donate:
		e.couldBegin(in.ID, transfer.Donor, m.Donate(e.now, in.ID, in.Size))
	case Refuse:
		if m.Donate(e.now, in.ID, 0) == nil {
			m.Cancel(e.now, in.ID) // so the joiner hears it, now and when it asks later
		}
	case Receive:
		e.couldBegin(in.ID, transfer.Joiner, m.Receive(e.now, in.ID, in.Donor, in.Kept))
	case EndTransfer:
		m.Cancel(e.now, in.ID)
	case TookState:
		e.light.table.TookState(in.Port, in.Group)
		e.settleGroups()
	case StateRead:
		m.ChunkRead(e.now, in.ID, in.Index, in.Data, in.EOF, in.Err)
	case KeptRead:
		m.KeptRead(e.now, in.ID, in.Index, in.Data, in.Err)
	case StateWritten:
		m.ChunkWritten(e.now, in.ID, in.Index, in.Err)
	case StateSealed:
		m.Sealed(e.now, in.ID, in.Err)
	}
	e.drainStates()
}

// couldBegin tells the driver where a transfer could not.
func (e *Engine) couldBegin(id transfer.TransferID, role transfer.Role, err error) {
	if err != nil {
		e.deliver(transfer.Failed{ID: id, Role: role, Reason: transfer.Cancelled, Err: err})
	}
}

// takeTransfer takes a word of another member.
func (e *Engine) takeTransfer(from views.Process, body []byte) {
	m, err := transfer.Decode(body)
	if err != nil {
		e.drop(from.Host, "transfer")
		return
	}
	e.states.machine.Handle(e.now, from, m)
	e.drainStates()
}

// goneFrom gives up the transfers with those of a view that are not in the next.
func (e *Engine) goneFrom(was, now *views.View) {
	if was == nil || e.states.machine.Active() == 0 {
		return
	}
	for i := range was.Members {
		if p := was.Members[i].Process; now.RankOf(p) < 0 {
			e.states.machine.PeerGone(e.now, p)
			e.drainStates()
		}
	}
}

func (e *Engine) advanceStates() {
	if d := e.states.machine.Deadline(); d != 0 && d <= e.now {
		e.states.machine.Advance(e.now)
		e.drainStates()
	}
}

// drainStates passes on what the transfers want, and lets the ports of this host
// have their words at once.
func (e *Engine) drainStates() {
	s := &e.states
	e.passStates()
	for n := 0; len(s.toSelf) > 0; n++ {
		body := s.toSelf[0]
		s.toSelf = s.toSelf[1:]
		m, err := transfer.Decode(body)
		if err != nil || n >= selfMost {
			continue
		}
		s.machine.Handle(e.now, e.header.From, m)
		e.passStates()
	}
	s.toSelf = nil
}

func (e *Engine) passStates() {
	out := e.states.machine.Drain()
	w := &e.out.State
	w.Reads, w.KeptReads = append(w.Reads, out.Reads...), append(w.KeptReads, out.KeptReads...)
	w.Writes, w.Seals = append(w.Writes, out.Writes...), append(w.Seals, out.Seals...)
	e.sendStates(out.Sends)
	for _, ev := range out.Events {
		e.deliver(ev)
		if f, ok := ev.(transfer.Failed); ok && f.Role == transfer.Joiner && f.Retryable {
			e.light.table.DonorFailed(f.ID.Port, f.ID.Group)
			e.settleGroups()
		}
	}
}

// sendStates puts words into frames while what they hold may be read.
func (e *Engine) sendStates(sends []transfer.Send) {
	s := &e.states
	v := e.core.View()
	s.sends, s.body = s.sends[:0], s.body[:0]
	for i := range sends {
		send := &sends[i]
		if send.To == e.header.From {
			s.toSelf = append(s.toSelf, send.Message.AppendTo(nil))
			continue
		}
		r := -1
		if v != nil {
			r = e.core.RankOf(send.To)
		}
		if r < 0 {
			continue // it is gone, which the next view says
		}
		at := len(s.body)
		s.body = send.Message.AppendTo(s.body)
		s.sends = append(s.sends, vsync.Send{
			Scope: Direct, To: []netip.AddrPort{v.Members[r].Addr}, Msg: &message.Transfer{Body: s.body[at:len(s.body):len(s.body)]},
		})
	}
	e.send(s.sends)
	clear(s.sends)
}

// TransferOf names the transfer that a handover asks for.
func TransferOf(h *groups.Handover) transfer.TransferID {
	return transfer.TransferID{Group: h.Group, View: h.View, K: h.K, Joiner: h.Joiner.Process, Port: h.Joiner.Port}
}
