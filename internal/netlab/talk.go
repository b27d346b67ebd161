package netlab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
)

// talk sends messages through every daemon that answers.
type talk struct {
	quit context.CancelFunc
	all  sync.WaitGroup
}

// payloadMax bounds what a talker says: some need more than one frame.
const payloadMax = 3000

// Talk has every daemon that runs, now or later, given a message each time
// every has passed, fifo and agreed in turn, until Quiet or Close. What a daemon
// does not take (killed, frozen) is lost. The lengths follow from seed.
func (l *Lab) Talk(every time.Duration, seed uint64) {
	l.Quiet()
	ctx, quit := context.WithCancel(context.Background())
	l.talk = &talk{quit: quit}
	for i := range l.hosts {
		client := l.Admin(i + 1)
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		l.talk.all.Go(func() { chat(ctx, client, Name(i+1), every, random) })
	}
}

// Quiet ends the talk.
func (l *Lab) Quiet() {
	if l.talk != nil {
		l.talk.quit()
		l.talk.all.Wait()
		l.talk = nil
	}
}

func chat(ctx context.Context, client *admin.Client, name string, every time.Duration, random *rand.Rand) {
	defer client.Close()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		text := fmt.Sprintf("%s says %d ", name, n)
		if random.IntN(8) == 0 {
			text += strings.Repeat("x", random.IntN(payloadMax))
		}
		order := [...]string{"fifo", "agreed"}[n%2]
		// See Talk: what is not taken is lost.
		_, _ = client.Do(ctx, http.MethodPost, "/v1/groups/lab/messages?timeout=2s&order="+order, []byte(text))
	}
}
