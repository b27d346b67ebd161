package demo

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
)

// chatterEvery is how often each daemon is given a message, so that every view
// change has something to flush.
const chatterEvery = 100 * time.Millisecond

// chatter sends messages through every daemon that answers, until ctx ends. A
// daemon that does not (killed, frozen) is tried again; losing its message is
// part of the story.
func chatter(ctx context.Context, dir string, hosts int) {
	var all sync.WaitGroup
	for h := 1; h <= hosts; h++ {
		all.Go(func() { chat(ctx, dir, h) })
	}
	all.Wait()
}

func chat(ctx context.Context, dir string, host int) {
	client := admin.NewClient(socketOf(dir, host))
	defer client.Close()
	ticker := time.NewTicker(chatterEvery)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		order := []string{"agreed", "fifo"}[n%2]
		text := fmt.Sprintf("%s says %d", hostName(host), n)
		_, _ = client.Do(ctx, http.MethodPost, "/v1/groups/demo/messages?timeout=5s&order="+order, []byte(text)) // see chatter
	}
}
