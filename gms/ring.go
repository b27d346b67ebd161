package gms

import (
	"context"
	"iter"
	"sync"

	"github.com/gmsd/gmsd/views/trace"
)

// ring keeps the last EventsMax records and wakes those who follow them. The
// loop writes; any goroutine reads. Records are numbered without a gap, so the
// place of record n is n-1 modulo the capacity.
type ring struct {
	mu      sync.Mutex
	records []trace.Record // grows to its capacity, then turns
	last    uint64         // N of the newest; 0: none yet
	limit   uint64
	grown   chan struct{} // made by the first who waits, closed by the next record
	closed  bool
}

func newRing(limit int) *ring { return &ring{limit: uint64(limit)} }

// append takes records numbered last+1, last+2 and so on.
func (r *ring) append(records []trace.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range records {
		if uint64(len(r.records)) < r.limit {
			r.records = append(r.records, records[i])
		} else {
			r.records[r.last%r.limit] = records[i]
		}
		r.last++
	}
	r.wake()
}

// close ends all who follow, once they have read what is there.
func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.wake()
}

func (r *ring) wake() {
	if r.grown != nil {
		close(r.grown)
		r.grown = nil
	}
}

// page appends to page up to limit records after since. Gap says that those
// right after since are gone, or that since was never reached. Wait, where
// there is nothing, is closed when there may be; nil then means the end.
func (r *ring) page(page []trace.Record, since uint64, limit int) (got []trace.Record, gap bool, wait <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since > r.last || since < r.last-uint64(len(r.records)) {
		return page, true, nil
	}
	for n := since + 1; n <= r.last && len(page) < limit; n++ {
		page = append(page, r.records[(n-1)%r.limit])
	}
	if len(page) == 0 && !r.closed {
		if r.grown == nil {
			r.grown = make(chan struct{})
		}
		wait = r.grown
	}
	return page, false, wait
}

// oldest gives the since with which page begins at the oldest record left.
func (r *ring) oldest() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last - uint64(len(r.records))
}

// follow yields the records after since until ctx ends or the host does.
func (r *ring) follow(ctx context.Context, since uint64) iter.Seq2[trace.Record, error] {
	return func(yield func(trace.Record, error) bool) {
		var page []trace.Record
		for ctx.Err() == nil {
			got, gap, wait := r.page(page[:0], since, eventsPage)
			switch {
			case gap:
				yield(trace.Record{}, ErrGap)
				return
			case len(got) > 0:
				for _, rec := range got {
					if !yield(rec, nil) {
						return
					}
				}
				since, page = got[len(got)-1].N, got
			case wait == nil:
				return
			default:
				select {
				case <-wait:
				case <-ctx.Done():
				}
			}
		}
	}
}

// since gives all records after n that are left.
func (r *ring) since(n uint64) []trace.Record {
	n = max(n, r.oldest())
	got, gap, _ := r.page(nil, n, EventsMax)
	if gap {
		return nil
	}
	return got
}

// observe calls fn for every record from the oldest left, in order, and for
// skipped where records were overwritten before fn was ready for them.
func (r *ring) observe(fn func(trace.Record), skipped func(count uint64)) {
	since := uint64(0)
	for {
		for rec, err := range r.follow(context.Background(), since) {
			if err != nil {
				oldest := r.oldest()
				skipped(oldest - since)
				since = oldest
				break
			}
			fn(rec)
			since = rec.N
		}
		if r.ended(since) {
			return
		}
	}
}

func (r *ring) ended(since uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed && since >= r.last
}
