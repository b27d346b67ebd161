package greeting

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func process(n byte, incarnation views.Incarnation) views.Process {
	return views.Process{Host: views.HostID{n}, Incarnation: incarnation}
}

var sample = Peer{Process: process(9, 4_000_000_000), Nonce: 1<<63 + 5, Addr: netip.MustParseAddrPort("10.1.2.3:7749"), Use: Frames}

func TestRoundTrip(t *testing.T) {
	for _, want := range []Peer{sample, {Process: process(1, 1), Use: Frames}} {
		g := Plain{Use: Frames, Group: 1 << 60, Self: want}
		b := g.Append(nil)
		if len(b) != Size {
			t.Fatalf("a greeting has %d bytes, want %d", len(b), Size)
		}
		if got, err := g.parse([Size]byte(b)); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if _, err := (Plain{Use: Frames, Group: 3}).parse([Size]byte(b)); err != ErrOtherGroup {
			t.Errorf("another group: %v", err)
		}
		if _, err := (Plain{Use: Tether, Group: 1 << 60}).parse([Size]byte(b)); err != ErrOtherUse {
			t.Errorf("another use: %v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	g := Plain{Use: Frames, Group: 7, Self: sample}
	f.Add(g.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != Size {
			return
		}
		p, err := g.parse([Size]byte(b))
		if err != nil || !p.Addr.IsValid() {
			return
		}
		if again := (Plain{Use: p.Use, Group: 7, Self: p}).Append(nil); string(again) != string(b) {
			t.Error("a greeting that was accepted is written differently")
		}
	})
}

// greet exchanges greetings over a pipe in memory.
func greet(t *testing.T, dialler, acceptor Plain, keep func(Peer) error) (answered, dialled Peer, dialErr, acceptErr error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	_ = near.SetDeadline(time.Now().Add(20 * time.Second))
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		dialled, acceptErr = acceptor.Answer(far, keep)
	}()
	answered, dialErr = dialler.Greet(near)
	<-done
	return answered, dialled, dialErr, acceptErr
}

func TestExchange(t *testing.T) {
	other := Peer{Process: process(1, 1), Nonce: 3, Use: Frames}
	a, b := Plain{Use: Frames, Group: 7, Self: sample}, Plain{Use: Frames, Group: 7, Self: other}
	answered, dialled, err1, err2 := greet(t, a, b, func(p Peer) error {
		if p != sample {
			t.Errorf("asked to keep %+v", p)
		}
		return nil
	})
	if answered != other || dialled != sample || err1 != nil || err2 != nil {
		t.Errorf("met %+v and %+v: %v, %v", answered, dialled, err1, err2)
	}
	full := errors.New("full")
	_, _, err1, err2 = greet(t, a, b, func(Peer) error { return full })
	if err1 == nil || Refused(err1) || !errors.Is(err2, full) {
		t.Errorf("one that is not kept: %v, %v", err1, err2)
	}
	b.Group = 8
	_, _, err1, err2 = greet(t, a, b, func(Peer) error { t.Error("asked to keep a stranger"); return nil })
	if !errors.Is(err1, ErrOtherGroup) || !errors.Is(err2, ErrOtherGroup) {
		t.Errorf("another group: %v, %v: want both to know", err1, err2)
	}
}

func TestJudge(t *testing.T) {
	who := process(2, 3)
	tests := []struct {
		name    string
		reached bool
		answer  Peer
		want    Outcome
	}{
		{"first greeting", false, Peer{Process: who, Nonce: 9}, Alive},
		{"same process", true, Peer{Process: who, Nonce: 5}, Alive},
		{"other nonce", true, Peer{Process: who, Nonce: 6}, Replaced},
		{"next incarnation, never reached", false, Peer{Process: process(2, 4)}, Replaced},
		{"next incarnation", true, Peer{Process: process(2, 4)}, Replaced},
		{"earlier incarnation, never reached", false, Peer{Process: process(2, 2)}, Unknown},
		{"earlier incarnation", true, Peer{Process: process(2, 2)}, Replaced},
		{"another host", true, Peer{Process: process(3, 3), Nonce: 5}, Unknown},
	}
	for _, test := range tests {
		s := Subject{Process: who, reached: test.reached, nonce: 5}
		if got := s.Judge(test.answer); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// Only news is told, and a port that never greeted us may refuse.
func TestSubjectTellsNews(t *testing.T) {
	who := Peer{Process: process(2, 3), Nonce: 5}
	s := Subject{Process: who.Process}
	greeted := func(p Peer, want message.Evidence, wantNews bool) {
		t.Helper()
		if _, found, news := s.Greeted(p); found != want || news != wantNews {
			t.Errorf("greeted: %v, news %v; want %v, %v", found, news, want, wantNews)
		}
	}
	if s.Refused() {
		t.Error("one that was never reached refuses, and that is told")
	}
	greeted(who, message.EvidenceNone, true)
	greeted(who, message.EvidenceNone, false)
	if !s.Closed() || s.Closed() || !s.Refused() || s.Refused() || s.Told() != message.EvidenceRefused {
		t.Error("closed and refused are each news once")
	}
	greeted(who, message.EvidenceNone, true)
	greeted(Peer{Process: process(2, 4)}, message.EvidenceReplaced, true)
	greeted(Peer{Process: process(2, 4)}, message.EvidenceReplaced, false)
}

func TestSteps(t *testing.T) {
	none := func(int64) int64 { return 0 }
	s := Steps{}
	want := []time.Duration{0, 5, 20, 80, 320, 1280, 5120, 10_000, 10_000}
	for _, ms := range want {
		if got := s.Next(StepMax, none); got != ms*time.Millisecond {
			t.Fatalf("waits %v, want %v ms", got, ms)
		}
	}
	if got := s.Next(300*time.Millisecond, func(n int64) int64 { return n - 1 }); got != 330*time.Millisecond {
		t.Errorf("bounded by 300 ms it waits %v", got)
	}
	s.Reset()
	if s.Next(StepMax, Jitter) != 0 {
		t.Error("after a reset it waits")
	}
	if got := FirstSteps(); got.Next(StepMax, none) != FirstStep {
		t.Error("one that was never met is dialled again at once")
	}
}
