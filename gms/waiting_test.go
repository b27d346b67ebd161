package gms

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/trace"
)

// Whatever waits comes out in its order and whole: from memory, from the file, and
// with views in between; what stands before a cut does not, but for the views.
func TestWaitingKeepsTheOrder(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		var done sync.WaitGroup
		list := &backlog{freed: make(chan struct{}, 1)}
		box := newMailbox(list, costOfPortEvent)
		w := newWaiting(box, "g", dir, 4<<20, &done, func(err error) { t.Error(err) })
		var want []uint64
		n := uint64(0)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
				w.cut(false)
				kept := want[:0]
				for _, k := range want {
					if k%100 == 0 {
						kept = append(kept, k)
					}
				}
				want = kept
			}
			size := rapid.SampledFrom([]int{0, 10, 3000, 100_000}).Draw(t, "size")
			for range rapid.IntRange(1, 20).Draw(t, "messages") {
				n++
				want = append(want, n)
				w.add(numbered(n, size))
			}
		}
		w.pass(member.Event{Kind: member.KindState})
		var got []uint64
		for seen := 0; seen < len(want)+1; {
			events, err := box.next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for i := range events {
				seen++
				if e := &events[i]; e.Kind != member.KindState {
					got = append(got, numberOf(t, e))
				}
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d of %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%d at place %d, want %d", got[i], i, want[i])
			}
		}
		w.end()
		done.Wait()
		box.drop()
		if left := list.bytes.Load(); left != 0 {
			t.Fatalf("%d bytes count as unread for ever", left)
		}
	})
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) > 0 {
		t.Errorf("left over: %v", names)
	}
}

// numbered makes a message, or a view where the number is a hundred.
func numbered(n uint64, size int) member.Event {
	if n%100 == 0 {
		return member.Event{Kind: member.KindView, Group: "g", View: &groups.GroupView{ID: groups.GroupViewID{K: views.Position(n)}}}
	}
	return member.Event{Kind: member.KindMessage, Group: "g", Msg: member.Message{
		ID:   trace.MsgID{From: views.Process{Host: views.HostID{3}, Incarnation: 5}, N: n},
		Port: 7, Order: views.Safe, K: views.Position(n + 1), Transitional: n%2 == 0, Request: n + 2,
		Payload: bytes.Repeat([]byte{byte(n)}, size),
	}}
}

func numberOf(t *rapid.T, e *member.Event) uint64 {
	if e.Kind == member.KindView {
		return uint64(e.View.ID.K)
	}
	want := numbered(e.Msg.ID.N, len(e.Msg.Payload))
	if e.Group != "g" || e.Msg.ID != want.Msg.ID || e.Msg.Port != 7 || e.Msg.Order != want.Msg.Order || e.Msg.K != want.Msg.K ||
		e.Msg.Transitional != want.Msg.Transitional || e.Msg.Request != want.Msg.Request || !bytes.Equal(e.Msg.Payload, want.Msg.Payload) {
		t.Fatalf("it came back as %+v", e.Msg)
	}
	return e.Msg.ID.N
}

// A file that cannot be written is told once, and nothing is left.
func TestWaitingWithoutADisk(t *testing.T) {
	var done sync.WaitGroup
	told := make(chan error, 9)
	box := newMailbox(&backlog{freed: make(chan struct{}, 1)}, costOfPortEvent)
	w := newWaiting(box, "g", filepath.Join(t.TempDir(), "none"), 1<<30, &done, func(err error) { told <- err })
	for n := range uint64(99) {
		w.add(numbered(n+1, 50_000))
	}
	if err := <-told; !os.IsNotExist(err) {
		t.Errorf("told %v", err)
	}
	w.end()
	done.Wait()
	if len(told) > 0 || box.backlog.bytes.Load() != 0 {
		t.Errorf("told %d times more, %d bytes", len(told), box.backlog.bytes.Load())
	}
}
