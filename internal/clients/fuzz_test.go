package clients

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// Whatever a client sends, its session ends when it does, its port with it, and
// nothing of it stays.
func FuzzSession(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(append(bind(0, "g"), join(0, 1)...), post(0, 10)...))
	f.Add(append(append(bind(0, "g"), part(7, 100)...), clientwire.AppendSend(nil, &clientwire.Send{Parts: true, Token: 3, Tail: make([]byte, 7)})...))
	f.Add(append(append(bind(0, "g"), join(0, 1)...), clientwire.AppendRequest(nil, &clientwire.Request{Token: 2, Need: 2})...))
	f.Add(append(append(bind(0, "g"), clientwire.AppendLeave(nil, &clientwire.Leave{Token: 2})...), clientwire.AppendBye(nil)...))
	f.Add(append(bind(0, "g"), clientwire.AppendReply(nil, &clientwire.Reply{Token: 2, Request: 1})...))
	into := append(bind(0, "g"), join(0, 1)...)
	f.Add(slices.Concat(into, give(2), endStream(2)))
	f.Add(slices.Concat(into, more(1, 1<<20), clientwire.AppendStop(nil, 1)))
	f.Add(slices.Concat(into, give(2), piece(2, 100), piece(2, 1)))
	f.Add(slices.Concat(into, endStream(2), clientwire.AppendLeave(nil, &clientwire.Leave{Token: 2})))
	f.Add(append(bind(0, "g"), clientwire.AppendJoin(nil, &clientwire.Join{State: true, Token: 1})...))
	fake := membertest.NewFake(1, membertest.FakeOptions{})
	s, err := Listen(Config{Open: func(name string) (member.Port, error) {
		p, err := fake.Open(0, name)
		return &fuzzPort{p}, err
	}})
	if err != nil {
		f.Fatal(err)
	}
	hello := clientwire.AppendHello(nil, &clientwire.Hello{Low: 1, High: 1, Features: clientwire.FeaturesKnown, Credit: 1 << 20})
	f.Fuzz(func(t *testing.T, b []byte) {
		near, far := net.Pipe()
		near.SetDeadline(time.Now().Add(membertest.Patience))
		s.admit(far)
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, near)
			ended <- err
		}()
		// The zeros end a frame that has begun, and are none themselves.
		end := append(clientwire.AppendBye(nil), make([]byte, clientwire.FrameMax+clientwire.HeadSize)...)
		_, _ = near.Write(slices.Concat(hello, b, end)) // it is cut before the end of it
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if used := s.config.LargeBytes - s.large.rest(); s.Stats().Clients == 0 && used != 0 {
			t.Fatalf("%d bytes of a long message stay", used)
		}
	})
}

// fuzzPort has a state, and wants one, behind each view.
type fuzzPort struct{ *membertest.FakePort }

func (p *fuzzPort) Next(ctx context.Context) ([]member.Event, error) {
	events, err := p.FakePort.Next(ctx)
	for _, e := range events {
		if e.Kind == member.KindView {
			state := &member.State{ReadCloser: io.NopCloser(io.LimitReader(zeros{}, 1<<20)), Size: 1 << 20}
			return append(slices.Clone(events),
				member.Event{Kind: member.KindState, Group: e.Group, State: state},
				member.Event{Kind: member.KindDonate, Group: e.Group, Donation: discard{}}), err
		}
	}
	return events, err
}

// discard reads what it is given.
type discard struct{}

func (discard) Donate(r io.Reader, _ int64) {
	go func() {
		_, _ = io.Copy(io.Discard, r)
		_ = r.(io.Closer).Close()
	}()
}
