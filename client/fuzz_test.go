package client_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views/groups"
)

// Whatever a daemon sends, the client ends with an error, and never panics.
func FuzzDaemon(f *testing.F) {
	view := clientwire.AppendView(nil, &clientwire.View{Tail: clientwire.AppendGroupView(nil, &groups.GroupView{Members: make([]groups.Member, 2)})})
	message := clientwire.AppendMessage(nil, &clientwire.Message{Order: 1, N: 1, K: 1, Tail: []byte("x")})
	f.Add([]byte{})
	f.Add(clientwire.AppendDone(view, 1))
	f.Add(append(clientwire.AppendSender(nil, &clientwire.Sender{}), message...))
	f.Add(clientwire.AppendFailed(clientwire.AppendParted(nil, &clientwire.Parted{Why: 1}), &clientwire.Failed{Token: 1}))
	f.Add(clientwire.AppendPart(nil, clientwire.TypeEventPart, &clientwire.Part{Left: 9, Bytes: []byte("x")}))
	f.Add(clientwire.AppendAnswer(clientwire.AppendCredit(nil, 9), &clientwire.Answer{Token: 1}))
	f.Add(clientwire.AppendError(clientwire.AppendPing(nil, 1), &clientwire.Error{Code: 7}))
	state := clientwire.AppendDone(clientwire.AppendState(view, &clientwire.State{Number: 1, Size: 5}), 1)
	piece := clientwire.AppendPiece(nil, &clientwire.Piece{Number: 1, Bytes: []byte("abc")})
	f.Add(append(state, piece...))
	f.Add(clientwire.AppendEnd(state, &clientwire.End{Number: 1, Code: clientwire.CodeState}))
	f.Add(append(clientwire.AppendDonate(view, &clientwire.Donate{Number: 1}), clientwire.AppendMore(nil, &clientwire.More{Number: 1, Bytes: 9})...))
	f.Add(clientwire.AppendStop(clientwire.AppendDonate(view, &clientwire.Donate{Number: 1}), 1))
	f.Add(clientwire.AppendProgress(clientwire.AppendState(view, &clientwire.State{}), &clientwire.Progress{Bytes: 1}))
	welcome := clientwire.AppendWelcome(nil, &clientwire.Welcome{Version: 1, Features: clientwire.FeaturesKnown, Credit: 1 << 16, Tokens: 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		near, far := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		go func() {
			_, _ = far.Write(welcome)
		}()
		c, err := client.Dial(patience(t), "tcp:fuzz", client.Options{
			NoReconnect: true,
			Connect:     func(context.Context, string, string) (net.Conn, error) { return near, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = c.Join(context.Background(), "g", member.Options{State: true}) }()
		go func() {
			_, _ = far.Write(b)
			_ = far.Close()
		}()
		var reads sync.WaitGroup
		for err == nil {
			var events []member.Event
			events, err = c.Next(patience(t))
			for i := range events {
				events[i].Donate(strings.NewReader("a state"), 7)
				if s := events[i].State; s != nil {
					reads.Go(func() {
						_, _ = io.Copy(io.Discard, s)
						_ = s.Close()
					})
				}
			}
		}
		reads.Wait()
		_ = c.Close()
	})
}
