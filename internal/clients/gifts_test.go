package clients

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/gmsd/gmsd/internal/clientwire"
)

// written gives the types of the frames that wait to be flushed.
func written(t *testing.T, o *outbox) (types []clientwire.Type) {
	t.Helper()
	o.lock()
	rest := bytes.Clone(o.pending)
	o.unlock()
	for len(rest) > 0 {
		kind, _, size, err := clientwire.Cut(rest)
		if err != nil || size == 0 {
			t.Fatalf("%d bytes that are no frame: %v", len(rest), err)
		}
		types, rest = append(types, kind), rest[size:]
	}
	return types
}

func newGift(t *testing.T) (*gifts, *gift) {
	t.Helper()
	o, a := &outbox{}, &gifts{known: true}
	o.init(nil, &counters{})
	a.init(o)
	g := a.add(1)
	if g == nil {
		t.Fatal("no gift")
	}
	return a, g
}

// reading reads some of a gift, and gives how that ends.
func reading(g *gift) <-chan error {
	read := make(chan error, 1)
	go func() {
		_, err := g.Read(make([]byte, 10))
		read <- err
	}()
	return read
}

// TestNothingIsSaidOfAGiftBeforeItsDonate: a port reads the state as soon as it has
// the reader, and the client does not know the stream before the donate frame.
func TestNothingIsSaidOfAGiftBeforeItsDonate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, g := newGift(t)
		read := reading(g)
		synctest.Wait()
		if got := written(t, a.out); len(got) > 0 {
			t.Errorf("before the donate: %v", got)
		}
		g.tell()
		synctest.Wait()
		if got := written(t, a.out); len(got) != 1 || got[0] != clientwire.TypeMore {
			t.Errorf("behind it: %v, want more", got)
		}
		a.stop()
		if err := <-read; err == nil {
			t.Error("the client has gone, and the state is whole")
		}
	})
}

// TestAGiftThatNobodyWantsAnyMore is stopped behind its donate.
func TestAGiftThatNobodyWantsAnyMore(t *testing.T) {
	a, g := newGift(t)
	_ = g.Close()
	_ = g.Close()
	if got := written(t, a.out); len(got) > 0 {
		t.Errorf("before the donate: %v", got)
	}
	g.tell()
	_ = g.Close()
	if got := written(t, a.out); len(got) != 1 || got[0] != clientwire.TypeStop {
		t.Errorf("behind it: %v, want one stop", got)
	}
}

// TestAGiftEndsWithItsClient, also where the client was never asked.
func TestAGiftEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, g := newGift(t)
		read := reading(g)
		synctest.Wait()
		a.stop()
		if err := <-read; err == nil {
			t.Error("no error")
		}
	})
}
