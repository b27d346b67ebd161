package admin

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/gmsd/gmsd/views"
)

// held is a body of which n bytes have come and the rest never does, until the
// test lets it end.
type held struct {
	n    int
	here *sync.WaitGroup
	end  chan struct{}
}

func (h *held) Read(p []byte) (int, error) {
	if h.n == 0 {
		h.here.Done()
		<-h.end
		return 0, io.ErrUnexpectedEOF
	}
	n := min(len(p), h.n)
	h.n -= n
	return n, nil
}

// TestBodiesAreBoundedTogether: 64 long messages at once must not take 1 GiB.
func TestBodiesAreBoundedTogether(t *testing.T) {
	var b bodies
	var here, done sync.WaitGroup
	end := make(chan struct{})
	refused := make(chan error, socketConnsMax)
	for range socketConnsMax {
		here.Add(1)
		done.Go(func() {
			body := &held{n: views.PayloadMax - 1, here: &here, end: end}
			_, _, err := b.read(body)
			refused <- err
			if body.n > 0 {
				here.Done() // refused before it had all come
			}
		})
	}
	here.Wait() // all were refused or are held
	if got := b.bytes.Load(); got > bodiesMax {
		t.Errorf("%d bytes are taken, want at most %d", got, bodiesMax)
	}
	close(end)
	done.Wait()
	full := 0
	for range socketConnsMax {
		var e *Error
		switch err := <-refused; {
		case !errors.As(err, &e) || e.Hint == "":
			t.Errorf("ended with %v", err)
		case e.Code == CodeFull && statusOf[e.Code] == 503:
			full++
		case e.Code != CodeBadRequest: // what did not come whole is the client's fault
			t.Errorf("ended with %+v", e)
		}
	}
	if least := socketConnsMax - bodiesMax/views.PayloadMax; full < least {
		t.Errorf("%d were refused, want %d or more", full, least)
	}
	if got := b.bytes.Load(); got != 0 {
		t.Errorf("%d bytes are still counted", got)
	}
}

func TestABodyIsReadWhole(t *testing.T) {
	var b bodies
	for _, size := range []int{0, 1, bodyFirst - 1, bodyFirst, bodyFirst + 1, 1 << 20} {
		want := bytes.Repeat([]byte{7}, size)
		got, release, err := b.read(bytes.NewReader(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
		if taken := int(b.bytes.Load()); taken < size || taken > max(bodyFirst, 4*size) {
			t.Errorf("%d bytes count as %d", size, taken)
		}
		release()
	}
	if got := b.bytes.Load(); got != 0 {
		t.Errorf("%d bytes are still counted", got)
	}
}
