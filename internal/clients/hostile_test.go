package clients

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/gms/member/membertest"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views/groups"
)

// Whoever breaks a rule is told which, and cut; the port is aborted, and others
// go on.
func TestRulesBroken(t *testing.T) {
	hello := clientwire.AppendHello(nil, &clientwire.Hello{Low: 1, High: 1, Credit: 1 << 16})
	carrier := clientwire.AppendSend(nil, &clientwire.Send{Parts: true, Handle: 0, Tail: make([]byte, 5)})
	for _, c := range []struct {
		name         string
		fresh, waits bool
		frames       [][]byte
		code         clientwire.Code
		text         string
	}{
		{"nonsense", true, false, [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")}, clientwire.CodeProtocol, "bad frame length"},
		{"no hello", true, false, [][]byte{clientwire.AppendPing(nil, 1)}, clientwire.CodeProtocol, "the first frame"},
		{"other magic", true, false, [][]byte{clientwire.AppendFrame(nil, clientwire.TypeHello, []byte("xmsd\x01\x01\x00\x00\x00"))}, clientwire.CodeProtocol, "not this protocol"},
		{"later version", true, false, [][]byte{clientwire.AppendHello(nil, &clientwire.Hello{Low: 2, High: 3})}, clientwire.CodeVersion, "versions 2 to 3"},
		{"two hellos", false, false, [][]byte{hello}, clientwire.CodeProtocol, "0x01 was not expected"},
		{"empty frame", false, false, [][]byte{{0, 0, 0, 0}}, clientwire.CodeProtocol, "bad frame length"},
		{"long frame", false, false, [][]byte{{0, 1, 0, 1, 0x21}}, clientwire.CodeProtocol, "bad frame length"},
		{"event of a client", false, false, [][]byte{clientwire.AppendBlock(nil, 0)}, clientwire.CodeProtocol, "0x43 was not expected"},
		{"unknown ask", false, false, [][]byte{clientwire.AppendFrame(nil, 0x3f, nil)}, clientwire.CodeProtocol, "0x3f was not expected"},
		{"half a body", false, false, [][]byte{clientwire.AppendFrame(nil, clientwire.TypeJoin, []byte{0})}, clientwire.CodeProtocol, "body too short"},
		{"bytes behind", false, false, [][]byte{clientwire.AppendFrame(nil, clientwire.TypePing, []byte{1, 2})}, clientwire.CodeProtocol, "left over"},
		{"no such number", false, false, [][]byte{post(9, 1)}, clientwire.CodeProtocol, "stands for no group"},
		{"number of another", false, false, [][]byte{bind(0, "a"), join(0, 1), bind(0, "b")}, clientwire.CodeProtocol, "where you are a member"},
		{"group twice", false, false, [][]byte{bind(0, "a"), bind(1, "a")}, clientwire.CodeProtocol, "has the number 0"},
		{"group without a name", false, false, [][]byte{bind(0, "")}, clientwire.CodeProtocol, "too short"},
		{"token 0", false, false, [][]byte{bind(0, "a"), join(0, 0)}, clientwire.CodeProtocol, "gets no word"},
		{"parts too long", false, false, [][]byte{part(1<<24, 9)}, clientwire.CodeProtocol, "payload too long"},
		{"parts that do not fit", false, false, [][]byte{part(100, 9), part(90, 9)}, clientwire.CodeProtocol, "not as long"},
		{"end of parts too soon", false, false, [][]byte{bind(0, "a"), part(100, 9), carrier}, clientwire.CodeProtocol, "not as long"},
		{"end without parts", false, false, [][]byte{bind(0, "a"), carrier}, clientwire.CodeProtocol, "not as long"},
		{"much credit", false, false, [][]byte{clientwire.AppendCredit(nil, 1<<30)}, clientwire.CodeLimit, "more credit"},
		{"many tokens", false, true, [][]byte{requests(40)}, clientwire.CodeLimit, "too many tokens"},
		{"token under way", false, true, [][]byte{requests(1), requests(1)}, clientwire.CodeProtocol, "the token is under way"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := membertest.NewFake(1, membertest.FakeOptions{})
			guard := blocker(t, f)
			s := serve(t, f, 0, func(c *Config) { c.Tokens = 20 })
			r := connect(t, s)
			if !c.fresh {
				r = greet(t, s, 1<<20)
			}
			if c.waits {
				// A request waits for a member that does not answer.
				if err := guard.Join(t.Context(), "mute", member.Options{}); err != nil {
					t.Fatal(err)
				}
				r.write(bind(0, "mute"), join(0, 1))
				r.await(clientwire.TypeDone)
			}
			r.write(c.frames...)
			r.cut(c.code, c.text)
			if got := s.Stats().Errors[c.code.String()]; got != 1 {
				t.Errorf("%d errors counted", got)
			}
			other := greet(t, s, 1<<20)
			other.write(bind(0, "x"), join(0, 1))
			other.await(clientwire.TypeDone)
		})
	}
}

// blocker gives a port whose group "block" changes only when it says so.
func blocker(t *testing.T, f *membertest.Fake) *membertest.FakePort {
	p, err := f.Open(0, "guard")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Join(t.Context(), "block", member.Options{Block: true, BlockFor: time.Hour}); err != nil {
		t.Fatal(err)
	}
	return p
}

// requests wants an answer of all members so many times.
func requests(n int) (b []byte) {
	for i := range n {
		b = clientwire.AppendRequest(b, &clientwire.Request{Token: uint64(i + 2)}) //nolint:gosec // small
	}
	return b
}

// One who sends more than it was granted is cut; who waits for credit is served.
func TestCreditOfClient(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	full := fill(t, f, "full")
	s := serve(t, f, 0, func(c *Config) { c.Window = 1 << 16 })
	r := greet(t, s, 1<<20)
	r.write(bind(0, "full"))
	_, _ = r.conn.Write(bytes.Repeat(post(0, 1000), 70)) // cut before the end of it
	r.cut(clientwire.CodeCredit, "more than you had credit for")
	// The pings of one whose posts wait are answered.
	r = greet(t, s, 1<<20)
	r.write(bind(0, "full"), post(0, 60_000), clientwire.AppendPing(nil, 77))
	if n, err := clientwire.ParseNumber(r.await(clientwire.TypePong)); n != 77 || err != nil {
		t.Errorf("pong %d, %v", n, err)
	}
	// And when the member reads, the credit comes.
	if _, err := full.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := clientwire.ParseNumber(r.await(clientwire.TypeCredit)); n < 60_000 || err != nil {
		t.Errorf("credit %d, %v", n, err)
	}
}

// fill gives a member that does not read, whose queue is full.
func fill(t *testing.T, f *membertest.Fake, group string) *membertest.FakePort {
	p, err := f.Open(0, "full")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Join(t.Context(), group, member.Options{}); err != nil {
		t.Fatal(err)
	}
	for p.TryPost(group, 1, make([]byte, 4096)) == nil {
	}
	return p
}

// Events stop where the credit of the client ends, and go on with more.
func TestCreditOfEvents(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	s := serve(t, f, 0, nil)
	r := greet(t, s, 1)
	r.write(bind(0, "g"), join(0, 1))
	r.await(clientwire.TypeView)
	r.write(post(0, 10), post(0, 11), clientwire.AppendPing(nil, 1))
	for {
		typ, _, err := r.frame()
		if typ == clientwire.TypePong {
			break
		}
		if err != nil || typ.Event() {
			t.Fatalf("without credit came type %#x, %v", byte(typ), err)
		}
	}
	r.write(clientwire.AppendCredit(nil, 1<<10))
	for _, size := range []int{10, 11} {
		if m, err := clientwire.ParseMessage(r.await(clientwire.TypeMessage)); err != nil || len(m.Tail) != size {
			t.Errorf("got %+v, %v", m, err)
		}
	}
}

func TestTimeouts(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	s := serve(t, f, 0, func(c *Config) { c.HelloTimeout, c.PartTimeout = 20*time.Millisecond, 20*time.Millisecond })
	connect(t, s).cut(clientwire.CodeTimeout, "hello")
	r := greet(t, s, 1<<20)
	r.write(part(100, 50))
	r.cut(clientwire.CodeTimeout, "long message")
}

// Nor is the rest of a long message waited for where other frames came behind its
// pieces, or the credit ran out for a moment: it holds what all clients share.
func TestPartsAreNotWaitedForWhateverCame(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	s := serve(t, f, 0, func(c *Config) { c.PartTimeout, c.Window = 20*time.Millisecond, 1<<12 })
	r := greet(t, s, 1<<20)
	r.write(part(100, 50), bind(0, "g"))
	r.cut(clientwire.CodeTimeout, "long message")
	r = greet(t, s, 1<<20)
	r.write(part(100, 1<<12))
	r.await(clientwire.TypeCredit)
	r.cut(clientwire.CodeTimeout, "long message")
	// The time ends with the message: another's, which began later, is over first.
	r = greet(t, s, 1<<20)
	r.write(bind(0, "g"), part(5, 50), clientwire.AppendSend(nil, &clientwire.Send{Parts: true, Token: 1, Tail: make([]byte, 5)}))
	r.await(clientwire.TypeReceipt)
	other := greet(t, s, 1<<20)
	other.write(part(100, 50))
	other.cut(clientwire.CodeTimeout, "long message")
	r.write(clientwire.AppendPing(nil, 1))
	r.await(clientwire.TypePong)
}

// One who sends a little now and then does not hold the budget for longer.
func TestATrickleIsNotWaitedFor(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	s := serve(t, f, 0, func(c *Config) { c.PartTimeout = 50 * time.Millisecond })
	r := greet(t, s, 1<<20)
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for left := uint32(1 << 20); ; left-- {
			if _, err := r.conn.Write(part(left, 1)); err != nil {
				return
			}
			<-tick.C
		}
	}()
	r.told(clientwire.CodeTimeout, "long message")
	r.conn.Close()
	<-over
}

// Who waits for much of the budget is not passed by those who want little.
func TestTheBudgetIsTakenInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b budget
		b.init(100)
		want := func(n int) {
			go func() {
				if err := b.take(t.Context(), n); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		for _, step := range []struct {
			what string
			do   func()
			left int
		}{
			{"60 taken", func() { want(60) }, 40},
			{"100 wait", func() { want(100) }, 40},
			{"10 wait behind them", func() { want(10) }, 40},
			{"60 given back", func() { b.give(60) }, 0},
			{"100 given back", func() { b.give(100) }, 90},
		} {
			step.do()
			synctest.Wait()
			if b.rest() != step.left {
				t.Errorf("%s: %d left, want %d", step.what, b.rest(), step.left)
			}
		}
	})
}

// Long requests that cannot go out are bounded as long messages are; those that wait
// for answers alone take no room from others.
func TestLongRequestsCount(t *testing.T) {
	long := clientwire.AppendRequest(nil, &clientwire.Request{Parts: true, Token: 2, Tail: make([]byte, 5)})
	f := membertest.NewFake(1, membertest.FakeOptions{})
	fill(t, f, "full")
	s := serve(t, f, 0, nil)
	r := greet(t, s, 1<<20)
	r.write(bind(0, "full"), join(0, 1))
	r.await(clientwire.TypeDone)
	r.write(part(5, 50), long, bind(1, "other"), join(1, 3))
	r.await(clientwire.TypeDone) // so the request before was taken
	if got := s.Stats().LargeBytes; got != 55 {
		t.Errorf("a long request that waits to be sent counts as %d bytes", got)
	}
	h := hosts(t, 1)[0]
	s = serve(t, nil, 0, func(c *Config) {
		c.Open = func(name string) (member.Port, error) { return h.OpenPort(name) }
	})
	r = greet(t, s, 1<<20)
	r.write(bind(0, "g"), join(0, 1))
	r.await(clientwire.TypeDone)
	r.write(part(5, 50), long)
	for r.await(clientwire.TypeMessage)[0]&0x08 == 0 { // until the request comes
	}
	ctx, cancel := context.WithTimeout(t.Context(), membertest.Patience)
	defer cancel()
	if err := s.large.take(ctx, s.config.LargeBytes); err != nil { // it waits until all is there
		t.Errorf("a long request that was sent still counts: %v", err)
	}
}

// One who grants credit and does not read its socket is cut, and its port with it.
func TestSocketNotRead(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{})
	s := serve(t, f, 0, func(c *Config) { c.WriteTimeout = 50 * time.Millisecond })
	r := greet(t, s, 1<<29)
	other, err := f.Open(0, "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	r.write(bind(0, "g"), join(0, 1))
	r.await(clientwire.TypeView)
	if err := other.Join(t.Context(), "g", member.Options{}); err != nil {
		t.Fatal(err)
	}
	for {
		if err := other.Post(t.Context(), "g", 1, make([]byte, 1<<16)); err != nil {
			t.Fatal(err)
		}
		events, err := other.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == member.KindView && len(e.View.Left) == 1 {
				if e.View.Left[0].Why != groups.Crashed {
					t.Errorf("left as %v", e.View.Left[0].Why)
				}
				return
			}
		}
	}
}

// One that does not read its events is cut by the port, and told so.
func TestSlowClientIsTold(t *testing.T) {
	f := membertest.NewFake(1, membertest.FakeOptions{SlowAfter: 20 * time.Millisecond})
	s := serve(t, f, 0, nil)
	r := greet(t, s, 1)
	r.write(bind(0, "g"), join(0, 1))
	r.await(clientwire.TypeView)
	other, err := f.Open(0, "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	told := make(chan struct{})
	go func() {
		defer close(told)
		r.cut(clientwire.CodeSlow, member.ErrSlow.Error())
	}()
	for range 4096 {
		if err := other.Post(t.Context(), "g", 1, make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
	<-told
}
