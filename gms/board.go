package gms

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gmsd/gmsd/views"
)

// States of a host, as [Snapshot] gives them.
const (
	// StateJoining: before the first view.
	StateJoining = "joining"
	// StateZombie: in a view, and no cluster was initialised yet; views are
	// agreed, messages flow, databases and services stay off.
	StateZombie = "zombie"
	// StateDenied: the group refused this host, which stopped.
	StateDenied = "denied"
	// StateLeft: it left.
	StateLeft = "left"
	// StateStopped: it stopped otherwise.
	StateStopped = "stopped"
)

// Snapshot is a view as this host saw it. It is immutable.
type Snapshot struct {
	// View has the bits and attributes as of position K.
	View *views.View
	// Prev is the view this host was in before; zero for the first.
	Prev views.ViewID
	// Trans are those who came along from Prev, sorted.
	Trans []views.HostID
	// K is the place of the last change of bits or attributes; 0: none since
	// the install.
	K views.Position
	// Installed is when, by the wall clock of this host; for people.
	Installed time.Time
	// State is one of the State constants.
	State string
}

// board shows the current view and the last ones. The loop writes; any
// goroutine reads.
type board struct {
	mu      sync.Mutex
	history []*Snapshot   // at most HistoryMax, oldest first
	changed chan struct{} // made by the first who waits, closed by the next install
	closed  bool
}

// current gives the newest snapshot, nil before the first.
func (b *board) current() *Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.history) == 0 {
		return nil
	}
	return b.history[len(b.history)-1]
}

// install adds a snapshot of a new view.
func (b *board) install(s *Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.history) == HistoryMax {
		copy(b.history, b.history[1:])
		b.history = b.history[:HistoryMax-1]
	}
	b.history = append(b.history, s)
	b.wake()
}

// amend replaces the newest snapshot by one of the same view.
func (b *board) amend(s *Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.history[len(b.history)-1] = s
}

// close ends all who wait.
func (b *board) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.wake()
}

func (b *board) wake() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

func (b *board) all() []*Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.history)
}

// wait blocks until a view above seq is there; nil without an error means that
// the host has stopped.
func (b *board) wait(ctx context.Context, above views.Seq) (*Snapshot, error) {
	for {
		s, changed := b.look(above)
		if s != nil || changed == nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (b *board) look(above views.Seq) (*Snapshot, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.history); n > 0 && b.history[n-1].View.ID.Seq > above {
		return b.history[n-1], nil
	}
	if b.closed {
		return nil, nil
	}
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return nil, b.changed
}
