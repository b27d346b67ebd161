package admin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views/trace"
)

// flushDelay is how long a line may wait for others to travel with it.
const flushDelay = 5 * time.Millisecond

// lineWriter writes NDJSON to a client. Lines are gathered for flushDelay, so
// that a busy group does not cost a system call a line; while nothing happens
// no timer runs. It is used by one goroutine, beside its own timer.
type lineWriter struct {
	mu    sync.Mutex
	w     http.ResponseWriter
	rc    *http.ResponseController
	buf   *bufio.Writer
	timer *time.Timer
	err   error
}

func newLineWriter(w http.ResponseWriter) *lineWriter {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	l := &lineWriter{w: w, rc: http.NewResponseController(w), buf: bufio.NewWriterSize(w, 16<<10)}
	l.flush() // the client learns at once that it is connected
	return l
}

// line adds one line; false says that the client is gone.
func (l *lineWriter) line(b []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return false
	}
	_ = l.rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // as in answer
	_, l.err = l.buf.Write(b)
	if n := len(b); l.err == nil && (n == 0 || b[n-1] != '\n') {
		l.err = l.buf.WriteByte('\n')
	}
	if l.timer == nil && l.err == nil {
		l.timer = time.AfterFunc(flushDelay, l.flush)
	}
	return l.err == nil
}

func (l *lineWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	if l.err == nil {
		l.err = l.buf.Flush()
	}
	if l.err == nil {
		l.err = l.rc.Flush()
	}
}

// close writes what waits; after it the timer never touches the response again.
func (l *lineWriter) close() {
	l.mu.Lock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.mu.Unlock()
	l.flush()
	l.mu.Lock()
	l.err = http.ErrHandlerTimeout
	l.mu.Unlock()
}

func (l *lineWriter) json(v any) bool {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal(errorBody{explain(err)})
	}
	return l.line(b)
}

// record adds an event as the event log writes it.
func (l *lineWriter) record(r trace.Record) bool { return l.line(trace.AppendJSON(nil, r)) }

// fail ends a stream with a line that says why.
func (l *lineWriter) fail(err error) { l.json(errorBody{explain(err)}) }

func (s *Server) handleEvents(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	var since uint64
	if v := q.Get("since"); v != "" {
		var err error
		if since, err = strconv.ParseUint(v, 10, 64); err != nil {
			return failure(CodeBadRequest, "since="+v+" is no event's n", "give the n of the last event you have")
		}
	}
	records := s.group.LastEvents(since)
	if err := s.checkGap(since, records); err != nil {
		return err
	}
	widen(w, writeTimeout)
	out := newLineWriter(w)
	defer out.close()
	if r.Method == http.MethodHead {
		return nil
	}
	for i := range records {
		since = records[i].N
		if !out.record(records[i]) {
			return nil
		}
	}
	if q.Get("follow") == "1" {
		s.follow(r, out, since)
	}
	return nil
}

// handleChanges gives what led to the views of the history.
func (s *Server) handleChanges(w http.ResponseWriter, r *http.Request) error {
	records := s.group.Changes()
	widen(w, writeTimeout)
	out := newLineWriter(w)
	defer out.close()
	for i := range records {
		if r.Method == http.MethodHead || !out.record(records[i]) {
			break
		}
	}
	return nil
}

// checkGap tells a client that resumes of events that are gone, or that it
// counts in another incarnation. Since 0 takes whatever is left.
func (s *Server) checkGap(since uint64, records []trace.Record) error {
	switch {
	case since == 0:
		return nil
	case len(records) > 0 && records[0].N == since+1:
		return nil
	case len(records) > 0:
		return gms.ErrGap
	}
	last := uint64(0)
	if all := s.group.LastEvents(0); len(all) > 0 {
		last = all[len(all)-1].N
	}
	if last < since {
		return failure(CodeGap, fmt.Sprintf("since=%d is ahead of this daemon: its last event is %d", since, last),
			"every start of a daemon counts from 1 again: begin without since")
	}
	return nil
}

// follow writes what happens after since until the client, the server or the
// host ends.
func (s *Server) follow(r *http.Request, out *lineWriter, since uint64) {
	ctx, cancel := s.streamContext(r)
	defer cancel()
	for rec, err := range s.group.Events(ctx, since) {
		if err != nil {
			if ctx.Err() == nil {
				out.fail(err)
			}
			return
		}
		if !out.record(rec) {
			return
		}
	}
}
