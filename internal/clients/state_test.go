package clients

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
)

// statePort is a port that tells what the test says, and no more.
type statePort struct {
	*membertest.FakePort
	events chan member.Event
}

func (p *statePort) Next(ctx context.Context) ([]member.Event, error) {
	select {
	case e := <-p.events:
		e.Group = "g"
		return []member.Event{e}, nil
	case <-p.Ended():
		return nil, member.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serveStates starts a server whose ports tell what is put into the channel.
func serveStates(tb testing.TB) (*Server, chan member.Event) {
	tb.Helper()
	f, events := membertest.NewFake(1, membertest.FakeOptions{}), make(chan member.Event, 8)
	return serve(tb, f, 0, func(c *Config) {
		c.Open = func(name string) (member.Port, error) {
			p, err := f.Open(0, name)
			return &statePort{p, events}, err
		}
	}), events
}

// greetStates is greet of one who can speak of states, and has a number for "g".
func greetStates(tb testing.TB, s *Server) *raw {
	tb.Helper()
	r := connect(tb, s)
	r.write(clientwire.AppendHello(nil, &clientwire.Hello{Low: 1, High: 1, Features: 7, Credit: 1 << 20, Name: "raw"}))
	w, err := clientwire.ParseWelcome(r.await(clientwire.TypeWelcome))
	if err != nil || w.Features != clientwire.FeatureState {
		tb.Fatalf("welcome %+v, %v", w, err)
	}
	r.write(bind(0, "g"), join(0, 1))
	r.await(clientwire.TypeDone)
	return r
}

// asked is a KindDonate; reader gets what is given.
type asked struct{ reader chan io.Reader }

func newAsked() *asked { return &asked{make(chan io.Reader, 1)} }

func (a *asked) Donate(r io.Reader, _ int64) { a.reader <- r }

// closing is a state that tells when it is closed.
type closing struct {
	io.Reader
	closed chan struct{}
}

func newClosing(r io.Reader) *closing { return &closing{r, make(chan struct{})} }

func (c *closing) Close() error { close(c.closed); return nil }

func piece(number uint64, size int) []byte {
	return clientwire.AppendPiece(nil, &clientwire.Piece{Number: number, Bytes: make([]byte, size)})
}

func give(number uint64) []byte {
	return clientwire.AppendGive(nil, &clientwire.Give{Number: number, Size: 10})
}

func endStream(number uint64) []byte {
	return clientwire.AppendEnd(nil, &clientwire.End{Number: number})
}

func more(number, bytes uint64) []byte {
	return clientwire.AppendMore(nil, &clientwire.More{Number: number, Bytes: bytes})
}

// Whoever breaks a rule about states is told which, and cut; a reader that waits
// for what it gives gets an error.
func TestStreamRulesBroken(t *testing.T) {
	wants := clientwire.AppendJoin(nil, &clientwire.Join{State: true, Handle: 0, Token: 9})
	stop := clientwire.AppendStop(nil, 1)
	for _, c := range []struct {
		name   string
		frames [][]byte
		code   clientwire.Code
		text   string
	}{
		{"old: a piece", [][]byte{piece(1, 9)}, clientwire.CodeProtocol, "0x60 was not expected"},
		{"old: a join", [][]byte{bind(0, "g"), wants}, clientwire.CodeProtocol, "not agreed on"},
		{"nobody asked", [][]byte{piece(7, 9)}, clientwire.CodeProtocol, "no such stream"},
		{"of a later number", [][]byte{give(3)}, clientwire.CodeProtocol, "no such stream"},
		{"a state of the daemon's", [][]byte{give(1)}, clientwire.CodeProtocol, "no such stream"},
		{"end of the daemon's", [][]byte{endStream(1)}, clientwire.CodeProtocol, "no such stream"},
		{"more of our own", [][]byte{more(2, 9)}, clientwire.CodeProtocol, "no such stream"},
		{"not promised", [][]byte{piece(2, 9)}, clientwire.CodeProtocol, "no such stream"},
		{"promised twice", [][]byte{give(2), give(2)}, clientwire.CodeProtocol, "is over"},
		{"over credit", [][]byte{give(2), piece(2, 9)}, clientwire.CodeCredit, "had credit for"},
		{"behind the end", [][]byte{give(2), endStream(2), piece(2, 9)}, clientwire.CodeProtocol, "is over"},
		{"a second end", [][]byte{endStream(2), endStream(2)}, clientwire.CodeProtocol, "is over"},
		{"a second stop", [][]byte{stop, stop}, clientwire.CodeProtocol, ""},
		{"much more", [][]byte{more(1, 1<<30), more(1, 1<<30)}, clientwire.CodeProtocol, "beyond its limit"},
		{"an empty piece", [][]byte{clientwire.AppendFrame(nil, clientwire.TypePiece, []byte{2})}, clientwire.CodeProtocol, "too short"},
		{"no number", [][]byte{clientwire.AppendStop(nil, 0)}, clientwire.CodeProtocol, "not in its list"},
		{"unknown", [][]byte{clientwire.AppendFrame(nil, 0x7f, nil)}, clientwire.CodeProtocol, "no such stream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, events := serveStates(t)
			if strings.HasPrefix(c.name, "old") {
				r := greet(t, s, 1<<20)
				r.write(c.frames...)
				r.cut(c.code, c.text)
				return
			}
			r := greetStates(t, s)
			// The first stream is a state of endless zeros, the second a donation.
			state, gift := newClosing(zeros{}), newAsked()
			events <- member.Event{Kind: member.KindState, State: &member.State{ReadCloser: state, Size: 1 << 40}}
			events <- member.Event{Kind: member.KindDonate, Donation: gift}
			r.await(clientwire.TypeDonate)
			reader := <-gift.reader
			r.write(c.frames...)
			r.cut(c.code, c.text)
			if c.name != "behind the end" && c.name != "a second end" {
				if _, err := io.ReadAll(reader); !errors.Is(err, member.ErrState) {
					t.Errorf("who reads what it gave got %v", err)
				}
			}
			<-state.closed
		})
	}
}

// zeros is an endless state.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A state goes to the client as far as it asks for it, whole, and in turn with
// others; closing it closes it here.
func TestStateByCredit(t *testing.T) {
	s, events := serveStates(t)
	r := greetStates(t, s)
	whole := bytes.Repeat([]byte("0123456789"), 20_000)
	endless, state := newClosing(zeros{}), newClosing(bytes.NewReader(whole))
	events <- member.Event{Kind: member.KindState, State: &member.State{ReadCloser: endless, Size: 1 << 40}}
	events <- member.Event{Kind: member.KindState, State: &member.State{ReadCloser: state, Size: int64(len(whole))}}
	r.await(clientwire.TypeState)
	r.await(clientwire.TypeState)
	r.write(more(1, 1<<30))
	r.await(clientwire.TypePiece)
	events <- member.Event{Kind: member.KindMessage, Msg: member.Message{Order: views.Agreed, Payload: []byte("in between")}}
	r.await(clientwire.TypeMessage)
	var got []byte
	for credit := 0; len(got) < len(whole); {
		if len(got) >= credit {
			r.write(more(2, 50_000))
			credit += 50_000
		}
		p, err := clientwire.ParsePiece(r.await(clientwire.TypePiece))
		if err != nil {
			t.Fatal(err)
		}
		if p.Number == 2 {
			if len(got) >= credit {
				t.Errorf("%d bytes and more for %d", len(got), credit)
			}
			got = append(got, p.Bytes...)
		}
	}
	if e, err := clientwire.ParseEnd(r.await(clientwire.TypeEnd)); err != nil || e.Code != clientwire.CodeNone || !bytes.Equal(got, whole) {
		t.Errorf("%d bytes, end %+v, %v", len(got), e, err)
	}
	r.write(clientwire.AppendStop(nil, 1), clientwire.AppendStop(nil, 2))
	if e, err := clientwire.ParseEnd(r.await(clientwire.TypeEnd)); err != nil || e.Number != 1 || e.Code != clientwire.CodeState {
		t.Errorf("the other ended with %+v, %v", e, err)
	}
	<-endless.closed
	<-state.closed
}

// A client that is too old for states is passed over, and hears nothing of them.
func TestOldClientGivesNoState(t *testing.T) {
	f := membertest.NewFake(2, membertest.FakeOptions{})
	old := greet(t, serve(t, f, 0, nil), 1<<20)
	old.write(bind(0, "g"), join(0, 1))
	old.await(clientwire.TypeDone)
	w := &wires{conns: make(map[member.Port]net.Conn)}
	p := w.dial(t, serve(t, f, 1, nil), "new")
	defer p.Close()
	if err := p.Join(t.Context(), "g", member.Options{State: true}); err != nil {
		t.Fatal(err)
	}
	e := next(t, p, member.KindParted)
	if !errors.Is(e.Err, member.ErrNoDonor) {
		t.Errorf("parted because of %v", e.Err)
	}
	old.write(post(0, 9))
	for {
		switch typ, body, err := old.frame(); {
		case err != nil || typ.Stream() || typ == clientwire.TypeDonate:
			t.Fatalf("type %#x, %v", byte(typ), err)
		case typ == clientwire.TypeMessage && len(body) > 9:
			return
		}
	}
}

// next reads events up to one of a kind.
func next(tb testing.TB, p member.Port, k member.Kind) member.Event {
	tb.Helper()
	for {
		events, err := p.Next(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == k {
				return e
			}
		}
	}
}

// A long state takes no memory, whichever way it goes; what fails at one end says
// why at the other.
func TestStatesThroughTheSocket(t *testing.T) {
	const size = 96 << 20
	s, events := serveStates(t)
	w := &wires{conns: make(map[member.Port]net.Conn)}
	p := w.dial(t, s, "p")
	defer p.Close()
	if err := p.Post(t.Context(), "g", views.Agreed, nil); err != nil { // so that "g" has a number
		t.Fatal(err)
	}
	if err := p.Leave(t.Context(), "g"); err == nil { // and the daemon has read it
		t.Fatal("left what it was not in")
	}
	before := membertest.LiveHeap()
	in := newClosing(&membertest.Weighing{Left: size})
	events <- member.Event{Kind: member.KindState, State: &member.State{ReadCloser: in, Size: size}}
	state := next(t, p, member.KindState).State
	if n, err := io.Copy(io.Discard, state); n != size || err != nil || state.Size != size {
		t.Errorf("read %d bytes of %d: %v", n, state.Size, err)
	}
	if err := state.Close(); err != nil {
		t.Error(err)
	}
	<-in.closed
	flat(t, in.Reader.(*membertest.Weighing), before)

	gift, out := newAsked(), newClosing(&membertest.Weighing{Left: size})
	events <- member.Event{Kind: member.KindDonate, Donation: gift}
	e := next(t, p, member.KindDonate)
	e.Donate(out, size)
	if n, err := io.Copy(io.Discard, <-gift.reader); n != size || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
	<-out.closed
	flat(t, out.Reader.(*membertest.Weighing), before)
	checkStateFaults(t, p, events)
}

func checkStateFaults(t *testing.T, p member.Port, events chan member.Event) {
	broken := func() io.Reader { return io.MultiReader(strings.NewReader("some"), fails{}) }
	in := newClosing(broken())
	events <- member.Event{Kind: member.KindState, State: &member.State{ReadCloser: in, Size: 9}}
	state := next(t, p, member.KindState).State
	if b, err := io.ReadAll(state); string(b) != "some" || !errors.Is(err, member.ErrState) || !strings.Contains(err.Error(), "bad sector") {
		t.Errorf("read %q, %v", b, err)
	}
	_ = state.Close()
	<-in.closed

	gift := newAsked()
	events <- member.Event{Kind: member.KindDonate, Donation: gift}
	e := next(t, p, member.KindDonate)
	e.Donate(broken(), 9)
	e.Donate(strings.NewReader("too late"), 8)
	if b, err := io.ReadAll(<-gift.reader); string(b) != "some" || !errors.Is(err, member.ErrState) || !strings.Contains(err.Error(), "bad sector") {
		t.Errorf("was given %q, %v", b, err)
	}

	// One that gives nothing says so with its next Next.
	gift = newAsked()
	events <- member.Event{Kind: member.KindDonate, Donation: gift}
	next(t, p, member.KindDonate)
	events <- member.Event{Kind: member.KindProgress, Progress: member.Progress{Bytes: 1, Total: 2}}
	if got := next(t, p, member.KindProgress).Progress; got.Bytes != 1 || got.Total != 2 {
		t.Errorf("progress %+v", got)
	}
	if b, err := io.ReadAll(<-gift.reader); len(b) > 0 || !errors.Is(err, member.ErrState) {
		t.Errorf("was given %q, %v", b, err)
	}

	// What the port wants no more of is closed at the client.
	gift = newAsked()
	out := newClosing(zeros{})
	events <- member.Event{Kind: member.KindDonate, Donation: gift}
	e = next(t, p, member.KindDonate)
	e.Donate(out, 0)
	r := <-gift.reader
	if _, err := io.CopyN(io.Discard, r, 1<<20); err != nil {
		t.Error(err)
	}
	_ = r.(io.Closer).Close()
	<-out.closed
}

type fails struct{}

func (fails) Read([]byte) (int, error) { return 0, errors.New("bad sector") }

// flat checks that what was read took no memory that grows.
func flat(t *testing.T, w *membertest.Weighing, before uint64) {
	t.Helper()
	most := slices.Max(w.Heaps)
	t.Logf("%d KiB before, at the most %d", before>>10, most>>10)
	if len(w.Heaps) < 8 || most > before+4<<20 {
		t.Errorf("%d bytes before, then %v", before, w.Heaps)
	}
}

// BenchmarkState is a state through the socket, either way, in pieces of 1 MiB.
func BenchmarkState(b *testing.B) {
	const size = 1 << 20
	s, events := serveStates(b)
	w := &wires{conns: make(map[member.Port]net.Conn)}
	p := w.dial(b, s, "p")
	defer p.Close()
	if err := p.Post(b.Context(), "g", views.Agreed, nil); err != nil {
		b.Fatal(err)
	}
	_ = p.Leave(b.Context(), "g")
	for _, way := range []string{"in", "out"} {
		b.Run(way, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			total := int64(b.N) * size
			if way == "in" {
				r := io.NopCloser(io.LimitReader(zeros{}, total))
				events <- member.Event{Kind: member.KindState, State: &member.State{ReadCloser: r, Size: total}}
				_, _ = io.Copy(io.Discard, next(b, p, member.KindState).State)
				return
			}
			gift := newAsked()
			events <- member.Event{Kind: member.KindDonate, Donation: gift}
			e := next(b, p, member.KindDonate)
			e.Donate(io.LimitReader(zeros{}, total), total)
			_, _ = io.Copy(io.Discard, <-gift.reader)
		})
	}
}
