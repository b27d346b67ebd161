package evidence

import (
	"testing"
	"testing/synctest"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

func process(n byte) views.Process {
	return views.Process{Host: views.HostID{n}, Incarnation: 1}
}

func drain(q *Queue) (got []transport.Evidence) {
	for {
		synctest.Wait()
		select {
		case e := <-q.Out():
			got = append(got, e)
		default:
			return got
		}
	}
}

func TestLatestFindingWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		defer q.Close()
		a, b := process(1), process(2)
		q.Report(a, message.EvidenceClosed)
		synctest.Wait() // the closed socket is already on offer
		q.Report(b, message.EvidenceClosed)
		q.Report(a, message.EvidenceRefused)

		got := drain(q)
		want := []transport.Evidence{{Process: a, Found: message.EvidenceRefused}, {Process: b, Found: message.EvidenceClosed}}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestForgetsUnwatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		defer q.Close()
		a, b := process(1), process(2)
		q.Report(a, message.EvidenceClosed)
		q.Report(b, message.EvidenceClosed)
		synctest.Wait()
		q.Retain(func(p views.Process) bool { return p == b })
		if got := drain(q); len(got) != 1 || got[0].Process != b {
			t.Fatalf("got %v, want only %v", got, b)
		}
	})
}

func TestCloseEndsTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		q.Report(process(1), message.EvidenceClosed)
		q.Close()
		q.Close()
		for range q.Out() {
			t.Log("what was reported before the end")
		}
		q.Report(process(2), message.EvidenceClosed)
	})
}

// That a detour has lost a process says less than what its kernel said, and less than that
// it answers.
func TestLossByADetourReplacesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		defer q.Close()
		a, b := process(1), process(2)
		q.Report(a, message.EvidenceClosed)
		q.Report(a, message.EvidenceSilent)
		q.Report(b, message.EvidenceSilent)
		q.Report(b, message.EvidenceNone)
		got := drain(q)
		if len(got) != 2 || got[0].Found != message.EvidenceClosed || got[1].Found != message.EvidenceNone {
			t.Fatalf("got %v", got)
		}
	})
}
