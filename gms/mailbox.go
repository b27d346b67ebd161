package gms

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// backlog counts the bytes of what was delivered and not read yet. Once the loop
// has told how much it is, freed says that it fell.
type backlog struct {
	bytes atomic.Int64
	told  atomic.Bool
	freed chan struct{}
}

// giveBack notes that bytes were read or dropped.
func (b *backlog) giveBack(bytes int) {
	if bytes == 0 {
		return
	}
	b.bytes.Add(-int64(bytes))
	if b.told.Load() {
		select {
		case b.freed <- struct{}{}:
		default:
		}
	}
}

// unread gives the backlog. From much on, freed tells when it falls: that is
// switched on before looking, so that no reader comes between.
func (b *backlog) unread(much int) int {
	if now := int(b.bytes.Load()); now < much {
		b.told.Store(false)
		return now
	}
	b.told.Store(true)
	return int(b.bytes.Load())
}

// mailbox is what one reader has not read yet, in chunks that are used again: so
// a reader far behind costs no copying. The loop fills it and never waits; one
// goroutine reads.
type mailbox[E any] struct {
	backlog *backlog
	cost    func(*E) int

	mu sync.Mutex
	// queue holds the chunks that wait, the last of which is being filled; hand is
	// what the reader has.
	queue    []chunk[E]
	first    int // of queue
	hand     chunk[E]
	spare    []chunk[E]
	bytes    int   // of all that waits and of hand
	ended    error // nothing more will come
	quitting bool
	quit     chan struct{} // closed when what was not read is dropped
	ready    chan struct{} // capacity 1: there is something, or the end

	// read is set by reading, and taken away at each look; stale counts the looks
	// in a row that have not found it.
	read  atomic.Bool
	stale int
	// watchers are told when something was read.
	watchers []chan struct{}
}

// chunk is some events in a row.
type chunk[E any] struct {
	list  []E
	bytes int
}

const (
	// chunkMost is how many events are in a chunk, and how many next gives at most:
	// what is done with counts as read before all is done with.
	chunkMost = 256
	// spareMost is how many empty chunks a mailbox keeps.
	spareMost = 8
)

func newMailbox[E any](b *backlog, cost func(*E) int) *mailbox[E] {
	return &mailbox[E]{backlog: b, cost: cost, quit: make(chan struct{}), ready: make(chan struct{}, 1)}
}

// next waits for events and gives some, oldest first; they are the reader's
// until the next call, and count as unread until then. At the end, once all was
// read, the error says why.
func (m *mailbox[E]) next(ctx context.Context) ([]E, error) {
	for {
		got, ended := m.take()
		switch {
		case len(got) > 0:
			return got, nil
		case ended != nil:
			return nil, ended
		}
		select {
		case <-m.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take gives what comes next, or says that nothing will come any more. What it
// gave before counts as read.
func (m *mailbox[E]) take() (got []E, ended error) {
	m.read.Store(true)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putDown()
	if m.first == len(m.queue) {
		return nil, m.ended
	}
	m.hand, m.queue[m.first] = m.queue[m.first], chunk[E]{}
	m.first++
	if m.first == len(m.queue) {
		m.queue, m.first = m.queue[:0], 0
	}
	return slices.Clip(m.hand.list), nil
}

// putDown counts what the reader had in hand as read, and keeps its memory.
func (m *mailbox[E]) putDown() {
	m.bytes -= m.hand.bytes
	m.backlog.giveBack(m.hand.bytes)
	if cap(m.hand.list) > 0 && len(m.spare) < spareMost {
		clear(m.hand.list)
		m.spare = append(m.spare, chunk[E]{list: m.hand.list[:0]})
	}
	m.hand = chunk[E]{}
	for _, w := range m.watchers {
		wake(w)
	}
}

// tail gives the chunk that is being filled.
func (m *mailbox[E]) tail() *chunk[E] {
	if last := len(m.queue) - 1; last >= m.first && len(m.queue[last].list) < chunkMost {
		return &m.queue[last]
	}
	var next chunk[E]
	if last := len(m.spare) - 1; last >= 0 {
		next, m.spare = m.spare[last], m.spare[:last]
	}
	if m.first >= spareMost && 2*m.first >= len(m.queue) { // what was read makes room
		n := copy(m.queue, m.queue[m.first:])
		clear(m.queue[n:])
		m.queue, m.first = m.queue[:n], 0
	}
	m.queue = append(m.queue, next)
	return &m.queue[len(m.queue)-1]
}

// give appends one event.
func (m *mailbox[E]) give(event E) {
	m.giveAll(1, func(int) (E, bool) { return event, true })
}

// giveAll appends those of n events for which pick makes one; it is called under
// the lock, so that many cost one.
func (m *mailbox[E]) giveAll(n int, pick func(i int) (E, bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	total := 0
	var t *chunk[E]
	for i := range n {
		e, ok := pick(i)
		if !ok {
			continue
		}
		if t == nil || len(t.list) == chunkMost {
			t = m.tail()
		}
		t.list = append(t.list, e)
		cost := m.cost(&t.list[len(t.list)-1]) // in its place: one of the stack would go to the heap for it
		t.bytes += cost
		total += cost
	}
	if total > 0 {
		m.bytes += total
		m.backlog.bytes.Add(int64(total))
		m.signal()
	}
}

// end says that nothing more comes.
func (m *mailbox[E]) end(why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended == nil {
		m.ended = why
		m.signal()
	}
}

// drop throws away what was not read.
func (m *mailbox[E]) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.backlog.giveBack(m.bytes)
	m.queue, m.spare, m.hand = nil, nil, chunk[E]{}
	m.first, m.bytes = 0, 0
	if !m.quitting {
		m.quitting = true
		close(m.quit)
	}
}

// signal wakes the reader.
func (m *mailbox[E]) signal() {
	wake(m.ready)
}

// wake makes one who waits at c look again; c has room for one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// unread gives the bytes that were not read.
func (m *mailbox[E]) unread() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes
}

// watch tells c, which has room for one, whenever something was read, until
// unwatch.
func (m *mailbox[E]) watch(c chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers = append(m.watchers, c)
}

func (m *mailbox[E]) unwatch(c chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers = slices.DeleteFunc(m.watchers, func(o chan struct{}) bool { return o == c })
}

// isStale counts the looks at which it was not read and held more than least
// bytes, and reports whether there were too many in a row.
func (m *mailbox[E]) isStale(least int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.read.Swap(false) || m.bytes < least {
		m.stale = 0
		return false
	}
	m.stale++
	return m.stale >= staleLooks
}

func (m *mailbox[E]) forgive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stale = 0
}
