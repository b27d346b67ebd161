package gms

import (
	"sync/atomic"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/views"
)

// diskJob is one go at the disk: a seq to sync, or peers to note.
type diskJob struct {
	seq    views.Seq
	tokens []uint64 // whom the seq answers, in order; none: a job of peers
	peers  []stable.Peer
}

// diskDone is a job that has ended.
type diskDone struct {
	diskJob
	err error
}

// disk lets one goroutine write while the loop goes on. What is asked for
// during a write goes into the next one together: the highest seq stands for
// all, and every token is answered in the order of asking.
type disk struct {
	jobs chan diskJob  // capacity 1, at most one job is out
	done chan diskDone // capacity 1
	out  bool
	// next is asked for and not yet out, nextPeers likewise; seqs go first.
	next      diskJob
	nextPeers []stable.Peer
	unsaved   int // tokens not yet answered
	// last is the last sync, nil: there was none.
	last atomic.Pointer[syncTime]
}

func newDisk() *disk {
	return &disk{jobs: make(chan diskJob, 1), done: make(chan diskDone, 1)}
}

// write does jobs until the channel is closed.
func (d *disk) write(s store) {
	for job := range d.jobs {
		if len(job.tokens) > 0 {
			began := time.Now()
			err := s.SaveSeq(job.seq)
			d.last.Store(&syncTime{began, time.Since(began)})
			d.done <- diskDone{diskJob: job, err: err}
		} else {
			d.done <- diskDone{diskJob: job, err: s.SavePeers(job.peers)}
		}
	}
}

// persist asks for a write.
func (d *disk) persist(p engine.Persist) {
	d.next.seq = max(d.next.seq, p.Seq)
	d.next.tokens = append(d.next.tokens, p.Token)
	d.unsaved++
	d.start()
}

// peers asks to note whom the host is with; only the newest matters.
func (d *disk) peers(all []stable.Peer) {
	d.nextPeers = all
	d.start()
}

// ended takes note of a finished job and starts the next one.
func (d *disk) ended(done diskDone) {
	d.out = false
	d.unsaved -= len(done.tokens)
	d.start()
}

// syncTime is when a sync began and how long it took.
type syncTime struct {
	at   time.Time
	took time.Duration
}

// syncKept is how long a sync tells of the disk.
const syncKept = time.Minute

// lastSync is how long the last sync took, 0 where that is long ago: one that is slow
// delays the next view.
func (d *disk) lastSync(now time.Time) time.Duration {
	if s := d.last.Load(); s != nil && now.Sub(s.at) < syncKept {
		return s.took
	}
	return 0
}

// full reports whether the loop must wait for the disk.
func (d *disk) full() bool { return d.room() <= 0 }

// room is how many writes may be asked for yet.
func (d *disk) room() int { return persistsMax - d.unsaved }

func (d *disk) start() {
	switch {
	case d.out:
		return
	case len(d.next.tokens) > 0:
		d.jobs <- d.next
		d.next = diskJob{}
	case d.nextPeers != nil:
		d.jobs <- diskJob{peers: d.nextPeers}
		d.nextPeers = nil
	default:
		return
	}
	d.out = true
}
