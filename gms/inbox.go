package gms

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// batch is a set of receive buffers. It belongs to the receiving goroutine,
// then to the loop, then goes back.
type batch struct {
	frames []transport.Inbound
	n      int // frames[:n] have arrived
}

func newBatch() *batch {
	b := &batch{frames: make([]transport.Inbound, batchFrames)}
	// One block, fresh from the system: pages that no datagram reaches stay untouched.
	block := make([]byte, batchFrames*views.DatagramMax)
	for i := range b.frames {
		b.frames[i].Buf = block[i*views.DatagramMax : (i+1)*views.DatagramMax : (i+1)*views.DatagramMax]
	}
	return b
}

// inbox is between the socket and the loop. At most batchesMax batches exist;
// when all are waiting for the loop, datagrams wait in the kernel.
type inbox struct {
	full chan *batch // capacity batchesMax: giving never blocks
	free chan *batch // capacity batchesMax: giving back never blocks
	quit <-chan struct{}
	made int // only the receiving goroutine looks
	// waiting is how many batches were given and not yet handled.
	waiting atomic.Int32
	// failed is written before full is closed.
	failed error
}

func newInbox(quit <-chan struct{}) *inbox {
	return &inbox{full: make(chan *batch, batchesMax), free: make(chan *batch, batchesMax), quit: quit}
}

// receive moves frames from tr to full, but for those that straight handles, until tr
// is closed or broken; then it closes full.
func (in *inbox) receive(tr transport.Transport, straight func(*batch) bool, failed func()) {
	defer close(in.full)
	inARow := 0
	for b := in.take(); b != nil; {
		n, err := tr.Receive(b.frames)
		switch {
		case errors.Is(err, transport.ErrClosed):
			return
		case err != nil:
			failed()
			if inARow++; inARow == receiveErrorsMax {
				in.failed = fmt.Errorf("receive, %d times in a row: %w", inARow, err)
				return
			}
		default:
			inARow, b.n = 0, n
			if n == 0 || straight(b) {
				continue
			}
			in.waiting.Add(1)
			in.full <- b
			b = in.take()
		}
	}
}

// take gives an empty batch, nil at the end.
func (in *inbox) take() *batch {
	select {
	case b := <-in.free:
		return b
	default:
	}
	if in.made < batchesMax {
		in.made++
		return newBatch()
	}
	select {
	case b := <-in.free:
		return b
	case <-in.quit:
		return nil
	}
}
