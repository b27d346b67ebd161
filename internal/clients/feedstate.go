package clients

import (
	"io"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// number gives the next stream its number.
func (f *feeder) number() uint64 {
	f.streams++
	return f.streams
}

// state tells of a state, and puts it where the client can read it.
func (f *feeder) state(e *member.Event) bool {
	s := &clientwire.State{Handle: f.handle}
	if e.State != nil {
		s.Number, s.Size = f.number(), uint64(max(0, e.State.Size)) //nolint:gosec // not negative
		if !f.shelf.add(s.Number, e.State) {
			f.out.unlock() // fail takes the lock, too
			f.fail(clientwire.CodeLimit, "too many states that you were given are not closed", "read them and close them")
			f.out.lock()
			return false
		}
	}
	return f.put(func(b []byte) []byte { return clientwire.AppendState(b, s) })
}

// donate hands over at once what the client will give: the port wants an answer
// before the next Next. One who cannot speak of states, or gives many, gives none.
func (f *feeder) donate(e *member.Event) bool {
	d := &clientwire.Donate{Handle: f.handle, Number: f.number()}
	var r io.Reader = noGift{}
	g := f.gifts.add(d.Number)
	if g != nil {
		r = g
	}
	f.out.unlock() // the port may wait for its loop, and that for a receipt to be written
	e.Donate(r, 0)
	f.out.lock()
	if g == nil {
		return true
	}
	if !f.put(func(b []byte) []byte { return clientwire.AppendDonate(b, d) }) {
		return false // the client has gone, and its gifts end
	}
	f.out.unlock() // as above, of the gift
	g.tell()
	f.out.lock()
	return true
}

// noGift is the state of one who gives none.
type noGift struct{}

func (noGift) Read([]byte) (int, error) { return 0, errGone }

func (f *feeder) progress(p *member.Progress) bool {
	x := &clientwire.Progress{
		Handle: f.handle, Bytes: uint64(max(0, p.Bytes)), Total: uint64(max(0, p.Total)), //nolint:gosec // not negative
	}
	return f.put(func(b []byte) []byte { return clientwire.AppendProgress(b, x) })
}
