package netlab_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gmsd/gmsd/client"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/netlab"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

// chat is the group of the clients.
const chat = "chat"

var orders = [...]views.Order{views.FIFO, views.Agreed, views.Safe}

// line is one thing a client was given.
type line struct {
	Kind string `json:"kind"`
	// ID and Prev name views, ID and Order, K and Text a message.
	ID    string `json:"id"`
	Prev  string `json:"prev"`
	Size  int    `json:"size"`
	Order string `json:"order"`
	K     uint64 `json:"k"`
	Text  string `json:"text"`
}

// tape is what a client was given, in order.
type tape struct {
	name  string
	mu    sync.Mutex
	lines []line
	grown chan struct{} // capacity 1
	end   func()        // posts its marks
}

func newTape(name string) *tape { return &tape{name: name, grown: make(chan struct{}, 1)} }

func (t *tape) add(l line) {
	t.mu.Lock()
	t.lines = append(t.lines, l)
	t.mu.Unlock()
	select {
	case t.grown <- struct{}{}:
	default:
	}
}

// await waits until the tape fits.
func (t *tape) await(s *stage, what string, fits func([]line) bool) {
	s.Helper()
	late := time.NewTimer(generous)
	defer late.Stop()
	for {
		t.mu.Lock()
		ok := fits(t.lines)
		t.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-t.grown:
		case <-late.C:
			t.mu.Lock()
			defer t.mu.Unlock()
			s.Fatalf("%s waits in vain for %s; its last lines: %v", t.name, what, t.lines[max(0, len(t.lines)-5):])
		}
	}
}

// inViewOf reports whether the last view is one of n.
func inViewOf(n int) func([]line) bool {
	return func(lines []line) bool {
		for i := len(lines) - 1; i >= 0; i-- {
			if lines[i].Kind == "view" {
				return lines[i].Size == n
			}
		}
		return false
	}
}

// marked reports whether the marks of n clients came since the last view.
func marked(n int) func([]line) bool {
	return func(lines []line) bool {
		marks := 0
		for i := len(lines) - 1; i >= 0 && lines[i].Kind != "view"; i-- {
			if lines[i].Text == "end" {
				marks++
			}
		}
		return marks == n*len(orders)
	}
}

func idOf(id groups.GroupViewID) string {
	if id.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d/%s/%d/%d", id.View.Seq, id.View.Coordinator, id.K, id.Side)
}

func lineOf(e *member.Event) line {
	switch e.Kind {
	case member.KindView:
		return line{Kind: "view", ID: idOf(e.View.ID), Prev: idOf(e.View.Prev), Size: len(e.View.Members)}
	case member.KindMessage:
		return line{
			Kind: "message", ID: fmt.Sprintf("%s/%d/%d", e.Msg.ID.From.Host, e.Msg.ID.From.Incarnation, e.Msg.ID.N),
			Order: e.Msg.Order.String(), K: uint64(e.Msg.K), Text: string(e.Msg.Payload),
		}
	default:
		return line{Kind: e.Kind.String()}
	}
}

// goClient is a client of a host's daemon that posts until it is to end, and
// reconnects where the daemon dies.
func (s *stage) goClient(host int) *tape {
	s.Helper()
	t := newTape(fmt.Sprint("go", host))
	ctx, cancel := context.WithCancel(context.Background())
	c, err := client.Dial(ctx, filepath.Join(s.DataDir(host), "clients.sock"), client.Options{Name: t.name})
	s.must(err)
	var running sync.WaitGroup
	s.Cleanup(func() {
		s.must(s.Disturb())
		cancel()
		_ = c.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			events, err := c.Next(ctx)
			if err != nil {
				t.add(line{Kind: "lost", Text: err.Error()})
				return
			}
			for i := range events {
				t.add(lineOf(&events[i]))
			}
		}
	})
	s.must(c.Join(ctx, chat, member.Options{}))
	ending := make(chan struct{})
	t.end = sync.OnceFunc(func() { close(ending) })
	running.Go(func() { postUntil(ctx, c, t.name, ending) })
	return t
}

// postUntil posts every few milliseconds, and marks at the end. What cannot be
// sent is lost with the daemon.
func postUntil(ctx context.Context, c *client.Client, name string, ending <-chan struct{}) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			_ = c.Post(ctx, chat, orders[i%len(orders)], fmt.Appendf(nil, "%s %d", name, i))
		case <-ctx.Done():
			return
		case <-ending:
			for _, o := range orders {
				_ = c.Post(ctx, chat, o, []byte("end"))
			}
			return
		}
	}
}

// pythonClient is the same in Python; it does not reconnect.
func (s *stage) pythonClient(host int) *tape {
	s.Helper()
	t := newTape(fmt.Sprint("python", host))
	clients, err := filepath.Abs("../../clients/python")
	s.must(err)
	cmd := exec.Command("python3", "testdata/member.py", clients, filepath.Join(s.DataDir(host), "clients.sock"), chat)
	in, err := cmd.StdinPipe()
	s.must(err)
	out, err := cmd.StdoutPipe()
	s.must(err)
	var said strings.Builder
	cmd.Stderr = &said
	s.must(cmd.Start())
	var running sync.WaitGroup
	running.Go(func() {
		for scan := bufio.NewScanner(out); scan.Scan(); {
			var l line
			if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
				l = line{Kind: "lost", Text: err.Error()}
			}
			t.add(l)
		}
	})
	s.Cleanup(func() {
		s.must(s.Disturb())
		_ = cmd.Process.Kill()
		running.Wait()
		_ = cmd.Wait() // it was killed
		if strings.Contains(said.String(), "Traceback") {
			s.Errorf("%s: %s", t.name, said.String())
		}
	})
	t.end = sync.OnceFunc(func() { _ = in.Close() })
	return t
}

// Clients in two languages go through a pause, a kill and a partition: what any
// two of them are given between two views that both went through is the same, and
// in the end all are in one view and hear each other.
func TestClientsInTwoLanguages(t *testing.T) { onEach(t, clientsInTwoLanguagesOn) }

func clientsInTwoLanguagesOn(t *testing.T, transport string) {
	s := groupOn(t, transport, 4)
	s.changes(10)
	tapes := []*tape{s.goClient(1), s.goClient(2), s.goClient(3), s.pythonClient(4)}
	all := func(what string, fits func([]line) bool) {
		for _, tp := range tapes {
			tp.await(s, what, fits)
		}
	}
	all("a view of all", inViewOf(4))

	_, err := s.Freeze(2)
	s.must(err)
	s.must(s.Hold(300 * time.Millisecond))
	_, err = s.Thaw(2)
	s.must(err)
	s.serves(netlab.All(4))

	s.kill(3)
	s.serves(without(4, 3))
	for _, i := range []int{0, 1, 3} {
		tapes[i].await(s, "a view without the killed host", inViewOf(3))
	}
	s.start(3)
	s.serves(netlab.All(4))
	all("a view of all again", inViewOf(4))

	cut := &netlab.Partition{Sides: [][]int{{1, 2}, {3, 4}}}
	s.impose(cut)
	s.serves([]int{1, 2}, []int{3, 4})
	all("a view of two", inViewOf(2))
	s.lift(cut)
	s.serves(netlab.All(4))
	all("a view of all at last", inViewOf(4))

	for _, tp := range tapes {
		tp.end()
	}
	all("everybody's marks", marked(4))
	judgeTapes(t, tapes)
}

// step is what a client was given between two views.
type step struct {
	placed, fifo []string
	who          string
}

// judgeTapes holds the tapes against each other.
func judgeTapes(t *testing.T, tapes []*tape) {
	steps, shared, messages := map[string]step{}, 0, 0
	for _, tp := range tapes {
		tp.mu.Lock()
		defer tp.mu.Unlock()
		seen := map[string]bool{}
		var from string
		var now step
		for _, l := range tp.lines {
			switch l.Kind {
			case "message":
				messages++
				if seen[l.ID] {
					t.Errorf("%s was given %s twice", tp.name, l.ID)
				}
				seen[l.ID] = true
				if l.Order == "fifo" {
					now.fifo = append(now.fifo, l.ID)
				} else {
					now.placed = append(now.placed, fmt.Sprint(l.K, " ", l.ID))
				}
			case "view":
				if key := from + " -> " + l.ID; l.Prev != "" && l.Prev == from {
					slices.Sort(now.fifo)
					now.who = tp.name
					if other, ok := steps[key]; ok {
						shared++
						compare(t, key, other, now)
					}
					steps[key] = now
				}
				from, now = l.ID, step{}
			case "gap", "lost":
				from, now = "", step{}
			}
		}
	}
	if shared < 4 || messages < 500 {
		t.Errorf("%d steps were taken together, %d messages given: that proves little", shared, messages)
	}
	t.Logf("%d messages, %d steps taken together", messages, shared)
}

// compare: placed messages are the same in the same order, FIFO messages the same.
func compare(t *testing.T, key string, a, b step) {
	if !slices.Equal(a.placed, b.placed) {
		t.Errorf("%s: %s was given %d placed messages, %s %d, or others", key, a.who, len(a.placed), b.who, len(b.placed))
	}
	if !slices.Equal(a.fifo, b.fifo) {
		t.Errorf("%s: %s was given %d fifo messages, %s %d, or others", key, a.who, len(a.fifo), b.who, len(b.fifo))
	}
}
