package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
)

// donor is a member that lives in the daemon's place, and gives so many bytes.
func (d *daemon) donor(t *testing.T, size int) {
	p, err := d.fake.Open(0, "donor")
	must(t, err)
	must(t, p.Join(patience(t), "g", member.Options{}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			events, err := p.Next(context.Background())
			if err != nil {
				return
			}
			for i := range events {
				events[i].Donate(bytes.NewReader(make([]byte, size)), int64(size))
			}
		}
	}()
	t.Cleanup(func() { _ = p.Close(); <-ended })
}

// A state under way when the connection is lost ends with an error; with the
// rejoin it comes again, whole.
func TestStateOverALoss(t *testing.T) {
	const size = 4 << 20
	d := newDaemon(t)
	d.donor(t, size)
	c := d.dial(client.Options{Name: "a"})
	must(t, c.Join(patience(t), "g", member.Options{State: true}))
	first := until(t, c, "the state", kind(member.KindState)).State
	_, err := io.CopyN(io.Discard, first, 100)
	must(t, err)
	d.stop()
	n, err := io.Copy(io.Discard, first)
	if !errors.Is(err, member.ErrLost) || !errors.Is(err, member.ErrState) || n >= size {
		t.Errorf("read %d bytes more, then %v", n, err)
	}
	must(t, first.Close())
	d.start()
	until(t, c, "the gap", func(e *member.Event) bool { return e.Kind == member.KindGap })
	second := until(t, c, "the state again", kind(member.KindState)).State
	n, err = io.Copy(io.Discard, second)
	if n != size || err != nil {
		t.Errorf("read %d bytes: %v", n, err)
	}
	must(t, second.Close())
}

// What a client gives when the connection is lost is closed.
func TestDonationOverALoss(t *testing.T) {
	d := newDaemon(t)
	c := d.dial(client.Options{Name: "a"})
	must(t, c.Join(patience(t), "g", member.Options{}))
	joiner, err := d.fake.Open(0, "joiner")
	must(t, err)
	defer joiner.Close()
	must(t, joiner.Join(patience(t), "g", member.Options{State: true}))
	e := until(t, c, "the question", kind(member.KindDonate))
	r := &endless{read: make(chan struct{}, 1), closed: make(chan struct{})}
	e.Donate(r, 0)
	<-r.read
	d.stop()
	<-r.closed
	// The joiner learns that there is nobody else.
	for {
		events, err := joiner.Next(patience(t))
		must(t, err)
		for i := range events {
			if events[i].Kind == member.KindParted {
				if !errors.Is(events[i].Err, member.ErrNoDonor) {
					t.Errorf("parted because of %v", events[i].Err)
				}
				return
			}
		}
	}
}

// endless gives a byte at a time, and tells of the first.
type endless struct{ read, closed chan struct{} }

func (r *endless) Read(p []byte) (int, error) {
	select {
	case r.read <- struct{}{}:
	default:
	}
	return 1, nil
}

func (r *endless) Close() error { close(r.closed); return nil }

// A daemon that is too old for states is named as such.
func TestDaemonWithoutStates(t *testing.T) {
	near, far := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	go func() {
		_, _ = far.Write(clientwire.AppendWelcome(nil, &clientwire.Welcome{Version: 1, Credit: 1 << 16, Tokens: 9}))
	}()
	c, err := client.Dial(patience(t), "tcp:old", client.Options{
		NoReconnect: true,
		Connect:     func(context.Context, string, string) (net.Conn, error) { return near, nil },
	})
	must(t, err)
	if err := c.Join(patience(t), "g", member.Options{State: true}); !errors.Is(err, client.ErrNoStates) {
		t.Errorf("join: %v", err)
	}
	_ = far.Close()
	_ = c.Close()
}
