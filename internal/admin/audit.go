package admin

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// auditBytes bounds each word of a peer in a line of the audit.
	auditBytes = 200
	// linesBurst and linesWait bound how many lines of one kind are logged: so many at
	// once, and one more after each wait.
	linesBurst = 20
	linesWait  = 500 * time.Millisecond
)

// lines lets so many lines of a kind be logged, and counts the others.
type lines struct {
	now func() time.Time

	mu       sync.Mutex
	free     int
	last     time.Time
	unlogged uint64
}

func newLines(now func() time.Time) *lines { return &lines{now: now, free: linesBurst, last: now()} }

// pass reports whether the next line may be logged, and how many before it were not. Of
// none, nil, all may.
func (l *lines) pass() (unlogged uint64, ok bool) {
	if l == nil {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if more := l.now().Sub(l.last) / linesWait; more > 0 {
		l.free = int(min(linesBurst, time.Duration(l.free)+more))
		l.last = l.last.Add(more * linesWait)
	}
	if l.free == 0 {
		l.unlogged++
		return 0, false
	}
	l.free--
	unlogged, l.unlogged = l.unlogged, 0
	return unlogged, true
}

// linesFor gives what bounds the lines about a request that is let in. Messages may be
// many; of the operator's own acts, each of which the group carries out, none is left out.
func (s *Server) linesFor(r *http.Request) *lines {
	if r.Method == http.MethodGet || strings.HasPrefix(r.URL.Path, "/v1/groups/") {
		return s.sends
	}
	return nil
}

// audited is the answer to a request that is logged, once, when its code is known:
// before the client knows it.
type audited struct {
	http.ResponseWriter
	s     *Server
	r     *http.Request
	who   string
	bound *lines // nil: none
	// what is more than method and route say.
	what string
	told bool
}

func (s *Server) audit(w http.ResponseWriter, r *http.Request, who string, bound *lines) *audited {
	return &audited{ResponseWriter: w, s: s, r: r, who: who, bound: bound}
}

// WriteHeader logs, and passes on.
func (a *audited) WriteHeader(code int) {
	a.tell(code)
	a.ResponseWriter.WriteHeader(code)
}

// Write is WriteHeader where none came.
func (a *audited) Write(b []byte) (int, error) {
	a.tell(http.StatusOK)
	return a.ResponseWriter.Write(b)
}

// Unwrap lets an http.ResponseController find what sets deadlines.
func (a *audited) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// end logs a request that got no answer.
func (a *audited) end() { a.tell(0) }

func (a *audited) tell(code int) {
	if a.told {
		return
	}
	a.told = true
	unlogged, ok := a.bound.pass()
	if !ok {
		return
	}
	attrs := []any{"who", shortened(a.who), "method", shortened(a.r.Method), "route", shortened(a.r.URL.RequestURI()), "code", code}
	if a.what != "" {
		attrs = append(attrs, "what", shortened(a.what))
	}
	if s := a.s.group.View(); s != nil && s.View != nil {
		attrs = append(attrs, "view", s.View.ID.String())
	}
	a.s.logAdmin(unlogged, attrs...)
}

// logAdmin writes a line of the audit. What peers said in it is quoted by the logger.
func (s *Server) logAdmin(unlogged uint64, attrs ...any) {
	if unlogged > 0 {
		attrs = append(attrs, "unlogged", unlogged)
	}
	s.cfg.Logger.Info("admin", attrs...)
}

// annotate adds to the audit what a body asks for.
func annotate(w http.ResponseWriter, format string, args ...any) {
	if a, ok := w.(*audited); ok {
		a.what = fmt.Sprintf(format, args...)
	}
}

// whoAsks is who the audit takes a request to be from.
func whoAsks(w http.ResponseWriter) string {
	if a, ok := w.(*audited); ok {
		return shortened(a.who)
	}
	return ""
}

func shortened(s string) string {
	if len(s) > auditBytes {
		return s[:auditBytes] + "..."
	}
	return s
}
