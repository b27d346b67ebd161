package transfer

import (
	"fmt"
	"slices"
	"time"

	"github.com/gmsd/gmsd/views"
)

// Machine runs the transfers of one host, in both roles. It has one caller.
type Machine struct {
	cfg Config
	now views.Instant
	// donations and receptions stand in the order in which they began; there
	// are at most Config.Transfers of both, so a search walks them.
	donations  []*donation
	receptions []*reception
	settled    settled
	out, spare Output
	drops      Drops
}

// New makes a machine. The error wraps [ErrConfig].
func New(cfg Config) (*Machine, error) {
	cfg, err := cfg.completed()
	if err != nil {
		return nil, err
	}
	return &Machine{cfg: cfg}, nil
}

// Donate makes this host the donor of id, from the time at which its
// application has handed over a reader of its state. Size is what the state
// will have, in bytes, or zero. Errors wrap [ErrID], [ErrUsed] or [ErrFull].
func (m *Machine) Donate(now views.Instant, id TransferID, size uint64) error {
	m.now = now
	if err := m.admit(id, Donor); err != nil {
		return err
	}
	m.donations = append(m.donations, newDonation(m, id, min(size, bytesMax)))
	return nil
}

// Receive makes this host fetch the state of id from donor. Kept is how many
// bytes the joiner's file holds of an earlier attempt; they are read, compared
// and fetched where they differ. Errors wrap [ErrID], [ErrUsed] or [ErrFull].
func (m *Machine) Receive(now views.Instant, id TransferID, donor views.Process, kept uint64) error {
	m.now = now
	if id.Joiner != m.cfg.Self {
		return fmt.Errorf("%w: the joiner is %s", ErrID, id.Joiner)
	}
	if err := m.admit(id, Joiner); err != nil {
		return err
	}
	r := newReception(m, id, donor, min(kept, m.cfg.StateMax))
	m.receptions = append(m.receptions, r)
	r.ask()
	return nil
}

func (m *Machine) admit(id TransferID, role Role) error {
	switch {
	case !id.valid():
		return fmt.Errorf("%w: group of %d bytes", ErrID, len(id.Group))
	case m.known(id.Tag(), role):
		return fmt.Errorf("%w: %s", ErrUsed, id)
	}
	under := len(m.donations) + len(m.receptions)
	if under >= m.cfg.Transfers || (under+1)*m.cfg.Window > m.cfg.Memory {
		return fmt.Errorf("%w: %d under way", ErrFull, under)
	}
	return nil
}

func (m *Machine) known(tag Tag, role Role) bool {
	if role == Donor {
		return m.donationOf(tag) != nil || m.settled.find(tag, role) != nil
	}
	return m.receptionOf(tag) != nil || m.settled.find(tag, role) != nil
}

func (m *Machine) donationOf(tag Tag) *donation {
	for _, d := range m.donations {
		if d.tag == tag {
			return d
		}
	}
	return nil
}

func (m *Machine) receptionOf(tag Tag) *reception {
	for _, r := range m.receptions {
		if r.tag == tag {
			return r
		}
	}
	return nil
}

func (m *Machine) donationByID(id TransferID) *donation {
	for _, d := range m.donations {
		if d.id == id {
			return d
		}
	}
	return nil
}

func (m *Machine) receptionByID(id TransferID) *reception {
	for _, r := range m.receptions {
		if r.id == id {
			return r
		}
	}
	return nil
}

// ChunkRead answers a donor's [Read]: the bytes at its place, fewer than asked
// for only at the end. Eof says that nothing stands behind data; what was asked
// for behind the end need not be answered. Data is not kept.
func (m *Machine) ChunkRead(now views.Instant, id TransferID, index uint64, data []byte, eof bool, err error) {
	m.now = now
	if d := m.donationByID(id); d != nil {
		d.handleRead(index, data, eof, err)
		return
	}
	m.drop(DropDriver)
}

// KeptRead answers a joiner's [Read] of its file: the bytes at its place, fewer
// than asked for only where the file ends. An error or no bytes at all mean
// that nothing is kept from there on. Data is not kept.
func (m *Machine) KeptRead(now views.Instant, id TransferID, index uint64, data []byte, err error) {
	m.now = now
	if r := m.receptionByID(id); r != nil {
		r.handleKept(index, data, err)
		return
	}
	m.drop(DropDriver)
}

// ChunkWritten answers a [Write]; writes may be answered in any order.
func (m *Machine) ChunkWritten(now views.Instant, id TransferID, index uint64, err error) {
	m.now = now
	if r := m.receptionByID(id); r != nil {
		r.handleWritten(index, err)
		return
	}
	m.drop(DropDriver)
}

// Sealed answers a [Seal].
func (m *Machine) Sealed(now views.Instant, id TransferID, err error) {
	m.now = now
	if r := m.receptionByID(id); r != nil && r.phase == sealing {
		r.handleSealed(err)
		return
	}
	m.drop(DropDriver)
}

// Cancel ends the transfer of id in all roles; one that is not there is ignored.
func (m *Machine) Cancel(now views.Instant, id TransferID) {
	m.now = now
	if d := m.donationByID(id); d != nil {
		d.fail(Cancelled, nil)
	}
	if r := m.receptionByID(id); r != nil {
		r.fail(Cancelled, nil)
	}
}

// PeerGone ends all transfers with a process that has crashed or left.
func (m *Machine) PeerGone(now views.Instant, p views.Process) {
	m.now = now
	for _, d := range slices.Clone(m.donations) {
		if d.id.Joiner == p {
			d.fail(JoinerGone, nil)
		}
	}
	for _, r := range slices.Clone(m.receptions) {
		if r.donor == p {
			r.fail(DonorGone, nil)
		}
	}
}

// Advance does what time alone asks for.
func (m *Machine) Advance(now views.Instant) {
	m.now = now
	for _, d := range slices.Clone(m.donations) {
		d.advance()
	}
	for _, r := range slices.Clone(m.receptions) {
		r.advance()
	}
}

// Deadline is when to call Advance at the latest; zero: never.
func (m *Machine) Deadline() views.Instant {
	var at views.Instant
	for _, d := range m.donations {
		at = views.Earliest(at, d.deadline())
	}
	for _, r := range m.receptions {
		at = views.Earliest(at, r.deadline())
	}
	return at
}

// Drain gives what follows from the inputs since the last call. Its slices are
// the caller's until the next Drain; see [Send] and [Write] for the bytes.
func (m *Machine) Drain() Output {
	o := m.out
	m.spare.reset()
	m.out, m.spare = m.spare, o
	return o
}

// Drops gives what was ignored so far, by reason.
func (m *Machine) Drops() Drops { return m.drops }

// Active is how many transfers are under way, in both roles.
func (m *Machine) Active() int { return len(m.donations) + len(m.receptions) }

// Held is how many bytes of states are held now: at most a window a transfer.
func (m *Machine) Held() int {
	n := 0
	for _, d := range m.donations {
		n += d.held()
	}
	for _, r := range m.receptions {
		n += r.held()
	}
	return n
}

func (m *Machine) drop(why Drop) { m.drops[why]++ }

func (m *Machine) send(to views.Process, msg Message) {
	m.out.Sends = append(m.out.Sends, Send{to, msg})
}

func (m *Machine) emit(e Event) { m.out.Events = append(m.out.Events, e) }

// backoff is a wait that doubles from first with each try, up to most.
func backoff(first time.Duration, tries int, most time.Duration) time.Duration {
	return min(first<<min(tries, 16), most)
}

func micros(d time.Duration) uint64 {
	return uint64(min(max(d/time.Microsecond, 0), echoMax)) //nolint:gosec // not negative
}
