package admin

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gmsd/gmsd/gms/member"
)

// route is one line of the table below. A writing route is served to who may
// operate: by the socket, and by admin-tls to that role.
type route struct {
	method, path string
	handle       func(*Server, http.ResponseWriter, *http.Request) error
}

func (r route) writes() bool { return r.method != http.MethodGet }

// routes is the whole interface; openapi.json describes each line.
func routes() []route {
	return []route{
		{"GET", "/v1/view", (*Server).handleView},
		{"GET", "/v1/history", (*Server).handleHistory},
		{"GET", "/v1/events", (*Server).handleEvents},
		{"GET", "/v1/changes", (*Server).handleChanges},
		{"GET", "/v1/status", (*Server).handleStatus},
		{"GET", "/v1/config", (*Server).handleConfig},
		{"GET", "/v1/sd", (*Server).handleServiceDiscovery},
		{"GET", "/v1/openapi.json", (*Server).handleOpenAPI},
		{"GET", "/v1/groups", (*Server).handleGroups},
		{"GET", "/v1/groups/{name}/events", (*Server).handleGroupEvents},
		{"POST", "/v1/groups/{name}/messages", (*Server).handleSend},
		{"PUT", "/v1/bits", (*Server).handleBits},
		{"PUT", "/v1/attrs", (*Server).handleAttrs},
		{"POST", "/v1/leave", (*Server).handleLeave},
		{"POST", "/v1/evict/{host}", (*Server).handleEvict},
		{"GET", "/v1/doctor", (*Server).handleDoctor},
		{"GET", "/v1/keys", (*Server).handleKeys},
		{"POST", "/v1/keys", (*Server).handleChangeKeys},
		{"POST", "/v1/lab", (*Server).handleLab},
		{"GET", "/healthz", (*Server).handleHealth},
		{"GET", "/readyz", (*Server).handleReady},
		{"GET", "/metrics", (*Server).handleMetrics},
		{"GET", "/{$}", (*Server).handleIndex},
	}
}

// handler serves the table to who comes in by the door.
func (s *Server) handler(d *door) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, req *http.Request) {
			s.answer(w, req, r)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		writeError(w, s.noRoute(mux, req))
	})
	return s.guard(d, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.EscapedPath(), "/v1/groups//") { // the mux would send it elsewhere
			writeError(w, member.CheckGroup(""))
			return
		}
		mux.ServeHTTP(w, req)
	}))
}

func (s *Server) socketHint() string {
	hint := "use the admin socket"
	if s.cfg.Socket != "" {
		hint += " " + s.cfg.Socket
	}
	if s.cfg.TLS != "" {
		hint += ", or https and the port of admin-tls"
	}
	return hint
}

// answer runs one route under the limits of an ordinary request; streams and
// waits widen them for themselves.
func (s *Server) answer(w http.ResponseWriter, req *http.Request, r route) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // not settable under httptest's recorder
	if err := r.handle(s, w, req); err != nil {
		writeError(w, err)
	}
}

// noRoute tells a wrong path from a wrong verb.
func (s *Server) noRoute(mux *http.ServeMux, req *http.Request) error {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		other := req.Clone(req.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "/" && method != req.Method {
			return failure(CodeMethod, req.Method+" does not exist for "+req.URL.Path, "use "+method)
		}
	}
	return failure(CodeNotFound, "there is no "+req.URL.Path, "GET /v1/openapi.json lists what there is")
}

// waitMax bounds what a client may ask us to wait.
const waitMax = 10 * time.Minute

// deadline is the context of a request that waits: for timeout=, by default 30 s.
func deadline(w http.ResponseWriter, r *http.Request) (context.Context, context.CancelFunc, error) {
	wait := 30 * time.Second
	if t := r.URL.Query().Get("timeout"); t != "" {
		d, err := time.ParseDuration(t)
		if err != nil || d <= 0 || d > waitMax {
			return nil, nil, failure(CodeBadRequest, fmt.Sprintf("timeout=%s is no time from 1ns to %s", t, waitMax), "for example timeout=30s")
		}
		wait = d
	}
	widen(w, wait+writeTimeout)
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	return ctx, cancel, nil
}

// widen gives a response d from now, and takes the limit for reading away: the
// request has been read.
func widen(w http.ResponseWriter, d time.Duration) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // as in answer
	_ = rc.SetWriteDeadline(time.Now().Add(d))
}

//go:embed openapi.json
var openAPI []byte

func (s *Server) handleOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI)
	return nil
}

// handleIndex lists the routes for people who look with a browser.
func (s *Server) handleIndex(w http.ResponseWriter, _ *http.Request) error {
	var b strings.Builder
	fmt.Fprintf(&b, "gmsd %s, group %s\n\n", s.cfg.Version, s.cfg.Group)
	for _, r := range routes() {
		note := ""
		if r.writes() {
			note = "  (admin socket, or admin-tls with the role operate)"
		}
		fmt.Fprintf(&b, "%-5s %s%s\n", r.method, r.path, note)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
	return nil
}
