package attack

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/netlab"
)

// askEvery is how often each daemon is asked; one time in scrapeOf all it counts.
const (
	askEvery = 200 * time.Millisecond
	scrapeOf = 5
)

// Watched is what asking a daemon over and over came to.
type Watched struct {
	// Answers came, the slowest after Slowest. Unanswered are questions to a daemon
	// that should have been there.
	Answers, Unanswered int
	Slowest             time.Duration
	// Most is the most that was resident, in bytes.
	Most uint64
}

// watch asks daemons until it is ended.
type watch struct {
	quit context.CancelFunc
	all  sync.WaitGroup
	mu   sync.Mutex
	seen map[int]*Watched
	away map[int]bool
}

func beginWatch(l *netlab.Lab, hosts []int) *watch {
	ctx, quit := context.WithCancel(context.Background())
	w := &watch{quit: quit, seen: map[int]*Watched{}, away: map[int]bool{}}
	for _, i := range hosts {
		w.seen[i] = &Watched{}
		client := l.Admin(i)
		w.all.Go(func() { w.ask(ctx, client, i) })
	}
	return w
}

// end ends it; then what was seen may be read.
func (w *watch) end() map[int]*Watched {
	w.quit()
	w.all.Wait()
	return w.seen
}

// expect says whether a daemon should be there.
func (w *watch) expect(host int, there bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away[host] = !there
}

func (w *watch) ask(ctx context.Context, client *admin.Client, host int) {
	defer client.Close()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		w.askOnce(ctx, client, host, n%scrapeOf == 0)
	}
}

func (w *watch) askOnce(ctx context.Context, client *admin.Client, host int, all bool) {
	began := time.Now()
	var rss uint64
	var err error
	if all {
		var c *counts
		if c, err = scrape(client); err == nil {
			rss = c.rss
		}
	} else {
		var status admin.StatusAnswer
		err = client.Read(ctx, "/v1/status", &status)
	}
	took := time.Since(began)
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen[host]
	switch {
	case errors.Is(err, context.Canceled), w.away[host]:
	case err != nil:
		s.Unanswered++
	default:
		s.Answers++
		s.Slowest, s.Most = max(s.Slowest, took), max(s.Most, rss)
	}
}
