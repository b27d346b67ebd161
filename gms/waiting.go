package gms

import (
	"bytes"
	"errors"
	"slices"
	"sync"

	"github.com/gmsd/gmsd/gms/member"
)

const (
	// spoolFrom is how many bytes of messages wait in memory for one port's state;
	// beyond it they go to a file.
	spoolFrom = 1 << 20
	// feedFrom is up to how much unread the reader is given what was in the file.
	feedFrom = 256 << 10
)

// waiting is what happens in a group while a port waits for its state: behind the
// state it is given to the port, in its order. Much of it goes to a file, and where
// that is full, too, it counts as unread, so that the group slows down. The loop
// adds; a goroutine of its own, if there is much, writes and reads the file.
type waiting struct {
	box   *mailbox[member.Event]
	group string
	dir   string
	max   int64
	// failed is told once, by the goroutine, that the file is no good.
	failed func(error)
	done   *sync.WaitGroup

	mu sync.Mutex
	// list is in memory, behind what is in the file; bytes is what it takes, with
	// what is being written, counted the part of it that counts as unread.
	list    []member.Event
	bytes   int
	counted int
	// spooled are the events, no messages, whose place is among those in the file.
	spooled []placed
	// file counts the messages in the file that were not read back; fileBytes what
	// was written since it was empty.
	file      int
	fileBytes int64
	// gen counts the cuts: what is on its way to the file is of none but the last.
	gen     int
	open    bool // the state was given
	through bool // nothing waits any more
	ended   bool
	running bool
	// useless: a later cut comes, before which nothing counts.
	useless bool
	// full counts the looks in a row at which the file had no room.
	full   int
	broken bool
	signal chan struct{}
}

// placed is an event, no message, that stands behind so many messages of the file.
type placed struct {
	behind int
	event  member.Event
}

func newWaiting(box *mailbox[member.Event], group, dir string, most int64, done *sync.WaitGroup, failed func(error)) *waiting {
	return &waiting{box: box, group: group, dir: dir, max: most, done: done, failed: failed, signal: make(chan struct{}, 1)}
}

// add appends an event. It never waits.
func (w *waiting) add(e member.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.ended || (w.useless && e.Kind == member.KindMessage):
		return
	case w.through || w.useless:
		w.box.give(e)
		return
	}
	e.Msg.Payload = bytes.Clone(e.Msg.Payload) // it would keep much around it
	w.list = append(w.list, e)
	w.bytes += costOfPortEvent(&e)
	w.count()
	if w.bytes > spoolFrom && !w.running {
		w.start()
	}
	if w.running {
		wake(w.signal)
	}
}

// count lets what is too much in memory count as unread.
func (w *waiting) count() {
	over := max(0, w.bytes-spoolFrom)
	if w.ended || w.through {
		over = 0
	}
	if d := over - w.counted; d > 0 {
		w.box.backlog.bytes.Add(int64(d))
	} else {
		w.box.backlog.giveBack(-d)
	}
	w.counted = over
}

// cut forgets the messages so far: they are in the state that comes. Views and the
// like are shown now. It gives what was not shown for good. Where the cut is still
// to come, what is added before it is not kept either: the word that brings it about
// must not wait for room here.
func (w *waiting) cut(toCome bool) (donations []member.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	show := func(e *member.Event) {
		switch e.Kind {
		case member.KindMessage:
		case member.KindDonate:
			donations = append(donations, *e)
		default:
			w.box.give(*e)
		}
	}
	for i := range w.spooled {
		show(&w.spooled[i].event)
	}
	for i := range w.list {
		show(&w.list[i])
	}
	w.forget()
	w.open, w.through, w.useless = false, false, toCome
	wake(w.signal)
	return donations
}

// forget drops all that waits.
func (w *waiting) forget() {
	w.gen++
	w.list, w.spooled, w.bytes, w.file = nil, nil, 0, 0
	w.count()
}

// pass gives the state, and then what waits.
func (w *waiting) pass(state member.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.box.give(state)
	w.open = true
	if w.running {
		wake(w.signal)
		return
	}
	w.box.giveAll(len(w.list), func(i int) (member.Event, bool) { return w.list[i], true })
	w.list, w.bytes, w.through = nil, 0, true
	w.count()
}

// end drops all.
func (w *waiting) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget()
	w.ended = true
	w.count()
	wake(w.signal)
}

func (w *waiting) start() {
	w.running = true
	w.done.Go(w.run)
}

// run serves the file until nothing waits any more.
func (w *waiting) run() {
	var s spool
	w.box.watch(w.signal)
	defer w.box.unwatch(w.signal)
	for gen := 0; ; {
		w.mu.Lock()
		if w.gen != gen {
			gen = w.gen
			w.fileBytes = 0
			w.report(s.empty())
		}
		if w.ended || w.settle() {
			w.running = false
			w.mu.Unlock()
			_ = s.remove() // what stays is swept at the next start
			return
		}
		switch {
		case w.broken:
			w.mu.Unlock()
			<-w.signal
		case w.open && w.file > 0 && w.box.unread() < feedFrom:
			w.mu.Unlock()
			list, err := s.next(w.group)
			w.mu.Lock()
			w.feed(gen, list, err)
			if w.file == 0 && w.gen == gen && err == nil {
				w.fileBytes, err = 0, s.empty()
				w.report(err)
			}
			w.mu.Unlock()
		case w.bytes > spoolFrom && w.fileBytes < w.max:
			list, size := w.takeList()
			w.mu.Unlock()
			err := s.write(w.dir, list)
			w.mu.Lock()
			w.wrote(gen, len(list), size, s.written, err)
			w.mu.Unlock()
		default:
			w.mu.Unlock()
			<-w.signal
		}
	}
}

// isThrough reports whether nothing waits any more: what comes can be given at once.
func (w *waiting) isThrough() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.through
}

// isStuck counts the looks at which the group waited for room here, and reports
// whether there were too many in a row.
func (w *waiting) isStuck() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.counted == 0 {
		w.full = 0
		return false
	}
	w.full++
	return w.full >= staleLooks
}

// settle gives what is in memory once the file is empty, and reports whether all
// was given.
func (w *waiting) settle() bool {
	if !w.open || w.file > 0 {
		return false
	}
	for i := range w.spooled {
		w.box.give(w.spooled[i].event)
	}
	w.spooled = nil
	w.box.giveAll(len(w.list), func(i int) (member.Event, bool) { return w.list[i], true })
	w.list, w.bytes, w.through = nil, 0, true
	w.count()
	return true
}

// takeList takes the messages in memory, which still count, to be written; other
// events stay, with their place.
func (w *waiting) takeList() (list []member.Event, size int) {
	behind := w.file
	for i := range w.list {
		e := &w.list[i]
		size += costOfPortEvent(e)
		if e.Kind != member.KindMessage {
			w.spooled = append(w.spooled, placed{behind + len(list), *e})
			continue
		}
		list = append(list, *e)
	}
	w.list = nil
	return list, size
}

// wrote notes what is in the file now.
func (w *waiting) wrote(gen, messages, size int, fileBytes int64, err error) {
	if w.gen != gen {
		return // it was forgotten meanwhile
	}
	w.bytes -= size
	w.file += messages
	w.fileBytes = fileBytes
	w.count()
	w.report(err)
}

// feed gives what was read back, with what stands between.
func (w *waiting) feed(gen int, list []member.Event, err error) {
	if w.gen != gen {
		return
	}
	if err == nil && len(list) == 0 {
		err = errors.New("spool: it has less than was written")
	}
	for i := range list {
		w.givePlaced(i)
		w.box.give(list[i])
	}
	w.givePlaced(len(list))
	w.file -= len(list)
	for i := range w.spooled {
		w.spooled[i].behind -= len(list)
	}
	w.report(err)
}

func (w *waiting) givePlaced(n int) {
	at := slices.IndexFunc(w.spooled, func(p placed) bool { return p.behind > n })
	if at < 0 {
		at = len(w.spooled)
	}
	for _, p := range w.spooled[:at] {
		w.box.give(p.event)
	}
	w.spooled = w.spooled[at:]
}

// report says once that the file is no good.
func (w *waiting) report(err error) {
	if err != nil && !w.broken {
		w.broken = true
		w.failed(err)
	}
}
