package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// served is a server with both listeners and a fake behind it.
type served struct {
	*testing.T
	group  *fakeGroup
	server *Server
	// socket may do everything, tcp only read.
	socket, tcp *Client
}

func serve(t *testing.T, change func(*Config)) *served {
	t.Helper()
	cfg := Config{
		TCP: "127.0.0.1:0", Socket: filepath.Join(t.TempDir(), "admin.sock"), Group: "g", Version: "0.1.0", LabFaults: true,
		Settings: func() any { return map[string]string{"name": "h1"} },
	}
	if change != nil {
		change(&cfg)
	}
	server, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &served{T: t, group: newFake(), server: server, socket: NewClient(cfg.Socket), tcp: NewClient(server.TCPAddr().String())}
	server.Serve(s.group, NewMetrics("0.1.0"))
	t.Cleanup(func() {
		s.socket.Close()
		s.tcp.Close()
		server.Close(context.Background())
	})
	return s
}

func (s *served) do(method, path, body string) string {
	s.Helper()
	out, err := s.socket.Do(context.Background(), method, path, []byte(body))
	if err != nil {
		s.Fatalf("%s %s: %v", method, path, err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// refused asks for what must fail and checks the code.
func (s *served) refused(want Code, method, path, body string) *Error {
	s.Helper()
	out, err := s.socket.Do(context.Background(), method, path, []byte(body))
	var e *Error
	if !errors.As(err, &e) {
		s.Fatalf("%s %s: got %s, %v; want an error %s", method, path, out, err, want)
	}
	if e.Code != want || e.Message == "" || strings.HasPrefix(e.Message, "gms:") {
		s.Errorf("%s %s: %+v, want code %s", method, path, e, want)
	}
	return e
}

func TestViewIsTheOutsideFace(t *testing.T) {
	s := serve(t, nil)
	one, two := host(1).String(), host(2).String()
	want := `{"self":"` + one + `","state":"zombie","cluster":null,"view":{"id":{"seq":2,"coordinator":"` + one + `"},"kind":"regular",` +
		`"primary":false,"epoch":0,"installed":"2023-11-14T22:13:21Z","reason":"join","members":[` +
		`{"rank":0,"name":"h1","host":"` + one + `","incarnation":1,"addr":"10.77.0.1:7749","started":true,"hasDB":false,"synced":false,"version":"0.1.0","attrs":{}},` +
		`{"rank":1,"name":"h2","host":"` + two + `","incarnation":2,"addr":"10.77.0.2:7749","started":false,"hasDB":false,"synced":false,"version":"0.1.0","attrs":{"rack":"r1"}}],` +
		`"subgroups":[{"id":{"seq":1,"coordinator":"` + one + `"},"members":["` + one + `"]}],"prev":{"seq":1,"coordinator":"` + one + `"},"trans":["` + one + `"]}}`
	if got := s.do("GET", "/v1/view", ""); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	body, err := s.tcp.Do(context.Background(), "GET", "/v1/view", nil)
	if err != nil || strings.TrimSpace(string(body)) != want {
		t.Errorf("by TCP: %s, %v", body, err)
	}
}

func TestViewWaits(t *testing.T) {
	s := serve(t, nil)
	if got := s.do("GET", "/v1/view?wait=1", ""); !strings.Contains(got, `"seq":2`) {
		t.Errorf("a view above 1 is there already, got %s", got)
	}
	answer := make(chan string)
	go func() {
		body, _ := s.socket.Do(context.Background(), "GET", "/v1/view?wait=2&timeout=1m", nil)
		answer <- string(body)
	}()
	next := *s.group.View()
	view := *next.View
	view.ID.Seq = 3
	next.View = &view
	s.group.install(&next)
	if got := <-answer; !strings.Contains(got, `"seq":3`) {
		t.Errorf("got %s", got)
	}
	s.refused(CodeTimeout, "GET", "/v1/view?wait=3&timeout=1ms", "")
	for _, bad := range []string{"wait=x", "wait=-1", "wait=3&timeout=0s", "wait=3&timeout=11m", "wait=3&timeout=soon"} {
		s.refused(CodeBadRequest, "GET", "/v1/view?"+bad, "")
	}
}

func TestHistoryIsOldestFirst(t *testing.T) {
	s := serve(t, nil)
	var h HistoryAnswer
	if err := json.Unmarshal([]byte(s.do("GET", "/v1/history", "")), &h); err != nil {
		t.Fatal(err)
	}
	if len(h.Views) != 2 || h.Views[0].ID.Seq != 1 || h.Views[0].Prev != nil || h.Views[1].Prev.Seq != 1 {
		t.Errorf("got %+v", h.Views)
	}
}

func TestReadyMeansStarted(t *testing.T) {
	s := serve(t, nil)
	s.do("GET", "/readyz", "")
	snap := *s.group.View()
	view := *snap.View
	view.Members = []views.Member{hostMember(1, "h1", 0)}
	snap.View = &view
	s.group.install(&snap)
	s.refused(CodeNotReady, "GET", "/readyz", "")
	s.do("GET", "/healthz", "")
	view.Members = []views.Member{hostMember(2, "h2", views.Started)}
	s.refused(CodeNotReady, "GET", "/readyz", "")
}

func TestTCPIsReadOnly(t *testing.T) {
	s := serve(t, nil)
	for _, r := range routes() {
		if !r.writes() {
			continue
		}
		_, err := s.tcp.Do(context.Background(), r.method, strings.NewReplacer("{name}", "g", "{host}", "h2").Replace(r.path), []byte("{}"))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeReadOnly || !strings.Contains(e.Hint, "use the admin socket") {
			t.Errorf("%s %s: %v", r.method, r.path, err)
		}
	}
	for _, method := range []string{"DELETE", "PATCH", "OPTIONS", "CONNECT"} {
		if _, err := s.tcp.Do(context.Background(), method, "/v1/view", nil); err == nil {
			t.Errorf("%s was answered", method)
		}
	}
	if len(s.group.calls) > 0 {
		t.Errorf("the group was asked to %v", s.group.calls)
	}
}

func TestWrongPathsAndVerbs(t *testing.T) {
	s := serve(t, nil)
	s.refused(CodeNotFound, "GET", "/v1/nope", "")
	if e := s.refused(CodeMethod, "POST", "/v1/view", ""); e.Hint != "use GET" {
		t.Errorf("hint %q", e.Hint)
	}
	if e := s.refused(CodeMethod, "GET", "/v1/leave", ""); e.Hint != "use POST" {
		t.Errorf("hint %q", e.Hint)
	}
}

func TestSend(t *testing.T) {
	s := serve(t, nil)
	got := s.do("POST", "/v1/groups/news/messages?order=agreed", "hello")
	want := `{"msg":"` + host(1).String() + `/1/7","view":{"seq":2,"coordinator":"` + host(1).String() + `"},"k":3}`
	if got != want || s.group.sent.group != "news" || s.group.sent.payload != "hello" || s.group.sent.order != views.Agreed {
		t.Errorf("got %s, sent %+v", got, s.group.sent)
	}
	if got := s.do("POST", "/v1/groups/a%2Fb/messages?order=fifo", ""); !strings.Contains(got, `"k":0`) || s.group.sent.group != "a/b" || s.group.sent.order != views.FIFO {
		t.Errorf("got %s, sent %+v", got, s.group.sent)
	}
	if got := s.do("POST", "/v1/groups/news/messages?order=safe", "x"); !strings.Contains(got, `"k":3`) || s.group.sent.order != views.Safe {
		t.Errorf("got %s, sent %+v", got, s.group.sent)
	}
	s.refused(CodeBadRequest, "POST", "/v1/groups/news/messages?order=best", "x")
	s.refused(CodeBadRequest, "POST", "/v1/groups/"+strings.Repeat("g", views.GroupNameMax+1)+"/messages", "x")
	s.refused(CodeTooLarge, "POST", "/v1/groups/news/messages", strings.Repeat("x", views.PayloadMax+1))
	s.do("POST", "/v1/groups/news/messages", strings.Repeat("x", views.PayloadMax))
	if n := s.server.bodies.bytes.Load(); n != 0 || len(s.group.sent.payload) != views.PayloadMax {
		t.Errorf("%d bytes are still counted; sent %d", n, len(s.group.sent.payload))
	}
}

func TestErrorsOfTheGroup(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct {
		err  error
		want Code
	}{
		{views.ErrFull, CodeFull},
		{gms.ErrBusy, CodeFull},
		{views.ErrLeaving, CodeConflict},
		{gms.ErrClosed, CodeNotReady},
		{context.DeadlineExceeded, CodeTimeout},
		{&gms.FieldError{Key: "attrs", Cure: "shorten it"}, CodeBadRequest},
		{gms.ErrNotMember, CodeNotFound},
		{gms.ErrLab, CodeDisabled},
		{errSomething, CodeInternal},
	} {
		s.group.fail = c.err
		s.refused(c.want, "PUT", "/v1/attrs", "{}")
		s.refused(c.want, "POST", "/v1/groups/g/messages", "")
	}
}

func TestCommands(t *testing.T) {
	s := serve(t, nil)
	s.do("PUT", "/v1/bits", `{"started":false,"synced":true}`)
	s.do("PUT", "/v1/attrs", `{"rack":"r2"}`)
	s.do("POST", "/v1/evict/h2", "")
	s.do("POST", "/v1/evict/"+strings.ToUpper(host(2).Short())+"?keep-keys=1", "")
	s.do("POST", "/v1/evict/"+host(7).String(), "") // in no view, and expelled all the same
	s.do("POST", "/v1/keys", `{"op":"install"}`)
	s.do("POST", "/v1/keys", `{"op":"use","id":"1a1b1c1d"}`)
	s.do("POST", "/v1/keys", `{"op":"remove","id":"1a1b1c1d"}`)
	s.do("POST", "/v1/lab", `{"op":"cut","addrs":["10.77.0.2:7749"]}`)
	s.do("POST", "/v1/lab", `{"op":"delay","addrs":["10.77.0.2:7749"],"delay":"50ms"}`)
	s.do("POST", "/v1/lab", `{"op":"heal"}`)
	s.do("POST", "/v1/leave", "")
	want := "bits S.Y ..Y, attrs, evict 02000000, evict, keys kept 02000000, evict 07000000, install key, use key 1a1b1c1d, remove key 1a1b1c1d, cut both, delay 50ms, heal, leave"
	if got := strings.Join(s.group.calls, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if s.group.attrs["rack"] != "r2" || len(s.group.cut) != 1 {
		t.Errorf("attrs %v, cut %v", s.group.attrs, s.group.cut)
	}
}

func TestBadCommands(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct {
		want               Code
		method, path, body string
	}{
		{CodeBadRequest, "PUT", "/v1/bits", `{}`},
		{CodeBadRequest, "PUT", "/v1/bits", `{"strated":true}`},
		{CodeBadRequest, "PUT", "/v1/bits", `{"started":1}`},
		{CodeBadRequest, "PUT", "/v1/bits", `{"started":true} {}`},
		{CodeBadRequest, "PUT", "/v1/bits", ``},
		{CodeBadRequest, "PUT", "/v1/attrs", "null"},
		{CodeTooLarge, "PUT", "/v1/attrs", `{"a":"` + strings.Repeat("x", jsonBytesMax) + `"}`},
		{CodeNotFound, "POST", "/v1/evict/h3", ""},
		{CodeNotFound, "POST", "/v1/evict/02", ""},
		{CodeBadRequest, "POST", "/v1/evict/h2?keep-keys=perhaps", ""},
		{CodeBadRequest, "POST", "/v1/keys", `{"op":"make"}`},
		{CodeBadRequest, "POST", "/v1/keys", `{"op":"install","id":"0a0b0c0d"}`},
		{CodeConflict, "POST", "/v1/keys", `{"op":"remove","id":"0a0b0c0d"}`},
		{CodeBadRequest, "POST", "/v1/lab", `{"op":"burn"}`},
		{CodeBadRequest, "POST", "/v1/lab", `{"op":"cut","dir":"up"}`},
		{CodeBadRequest, "POST", "/v1/lab", `{"op":"delay","delay":"1h"}`},
		{CodeBadRequest, "POST", "/v1/lab", `{"op":"cut","addrs":["h2"]}`},
		{CodeBadRequest, "GET", "/v1/events?since=x", ""},
	} {
		s.refused(c.want, c.method, c.path, c.body)
	}
	if len(s.group.calls) > 0 {
		t.Errorf("the group was asked to %v", s.group.calls)
	}
}

func TestLabIsOffUnlessAllowed(t *testing.T) {
	s := serve(t, func(c *Config) { c.LabFaults = false })
	s.refused(CodeDisabled, "POST", "/v1/lab", `{"op":"heal"}`)
}

func TestEventsResumeAndTellGaps(t *testing.T) {
	s := serve(t, nil)
	s.group.happen(trace.Start{HostName: "h1"}, trace.Block{}, trace.Unblock{})
	if got := strings.Count(s.do("GET", "/v1/events", ""), "\n") + 1; got != 3 {
		t.Errorf("%d lines, want 3", got)
	}
	if got := s.do("GET", "/v1/events?since=2", ""); !strings.Contains(got, `"n":3`) || strings.Contains(got, "\n") {
		t.Errorf("since=2: %s", got)
	}
	if got := s.do("GET", "/v1/events?since=3", ""); got != "" {
		t.Errorf("since=3: %s", got)
	}
	if ahead := s.refused(CodeGap, "GET", "/v1/events?since=4", ""); !strings.Contains(ahead.Message, "since=4 is ahead of this daemon: its last event is 3") {
		t.Errorf("since=4: %v", ahead)
	}
	s.group.mu.Lock()
	s.group.records = s.group.records[2:]
	s.group.mu.Unlock()
	s.refused(CodeGap, "GET", "/v1/events?since=1", "")
	if got := s.do("GET", "/v1/events?since=0", ""); !strings.Contains(got, `"n":3`) {
		t.Errorf("since=0 takes what is left, got %s", got)
	}
}

func TestEventsFollow(t *testing.T) {
	s := serve(t, nil)
	s.group.happen(trace.Start{HostName: "h1"})
	next := make(chan string)
	go func() {
		defer close(next)
		for line, err := range s.socket.Lines(context.Background(), "/v1/events?follow=1") {
			if err != nil {
				next <- err.Error()
				return
			}
			next <- string(line)
		}
	}()
	if got := <-next; !strings.Contains(got, `"ev":"start"`) {
		t.Errorf("first line %s", got)
	}
	s.group.happen(trace.Block{})
	if got := <-next; !strings.Contains(got, `"n":2`) {
		t.Errorf("second line %s", got)
	}
	s.group.happen(gapEvent{})
	if got := <-next; !strings.Contains(got, "gap") {
		t.Errorf("a stream that broke ended with %s", got)
	}
	if got, open := <-next; open {
		t.Errorf("and then %s", got)
	}
}

func TestGroupEvents(t *testing.T) {
	s := serve(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var lines []string
	for line, err := range s.socket.Lines(ctx, "/v1/groups/news/events") {
		if err != nil {
			t.Fatal(err)
		}
		if lines = append(lines, string(line)); len(lines) == 4 {
			break
		}
	}
	cancel()
	two := host(2).String()
	want := `{"ev":"message","msg":"` + two + `/2/1","from":"` + two + `","port":0,"in":{"seq":2,"coordinator":"` + host(1).String() +
		`"},"k":1,"order":"agreed","payload":"aMOkbGxv","text":"hällo","transitional":false}`
	if !strings.HasPrefix(lines[0], `{"ev":"view","view":{"id":{"seq":2`) || lines[1] != `{"ev":"block"}` || lines[2] != want {
		t.Errorf("got %s", strings.Join(lines, "\n"))
	}
	if !strings.Contains(lines[3], `"payload":"/w=="`) || strings.Contains(lines[3], `"text"`) {
		t.Errorf("a payload that is no text: %s", lines[3])
	}
	<-s.group.listener.closed // the client is gone: its listener must not stay
}

func TestSlowListenerIsTold(t *testing.T) {
	s := serve(t, nil)
	var last error
	n := 0
	for _, err := range s.socket.Lines(context.Background(), "/v1/groups/news/events") {
		if last = err; err == nil {
			if n++; n == 4 {
				s.group.listener.err = gms.ErrSlow
				close(s.group.listener.c)
			}
		}
	}
	var e *Error
	if !errors.As(last, &e) || e.Code != CodeSlow {
		t.Errorf("got %v", last)
	}
}

func TestCloseEndsStreams(t *testing.T) {
	s := serve(t, nil)
	s.group.happen(trace.Start{})
	ended := make(chan struct{})
	first := make(chan struct{})
	go func() {
		defer close(ended)
		for range s.socket.Lines(context.Background(), "/v1/events?follow=1") {
			close(first)
		}
	}()
	<-first
	s.server.Close(context.Background())
	<-ended
	if _, err := os.Lstat(s.server.cfg.Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket file is still there: %v", err)
	}
}

func TestServiceDiscovery(t *testing.T) {
	s := serve(t, nil)
	s.group.history[1].View.Members[1].Attrs = []views.Attr{{Key: AttrAdmin, Value: "h2.example:7750"}, {Key: "data-center", Value: "x"}}
	var targets []ServiceTarget
	if err := json.Unmarshal([]byte(s.do("GET", "/v1/sd", "")), &targets); err != nil {
		t.Fatal(err)
	}
	if len(targets) != 2 || !strings.HasPrefix(targets[0].Targets[0], "10.77.0.1:") || targets[1].Targets[0] != "h2.example:7750" ||
		targets[1].Labels["__meta_gmsd_attr_data_center"] != "x" || targets[1].Labels["__meta_gmsd_name"] != "h2" {
		t.Errorf("got %+v", targets)
	}
}

func TestStatusAndConfig(t *testing.T) {
	s := serve(t, nil)
	var st StatusAnswer
	if err := json.Unmarshal([]byte(s.do("GET", "/v1/status", "")), &st); err != nil {
		t.Fatal(err)
	}
	if st.Name != "h1" || st.View.Seq != 2 || st.Members != 2 || st.UptimeSeconds != 90 || st.Engine.Dropped["malformed"] != 4 ||
		st.Transport.Bytes["out unicast"] != 500 {
		t.Errorf("got %+v", st)
	}
	d := st.Discovery
	if d.AloneSeconds != 7 || d.Sources[0].Trouble != "h9: no such host" || d.Sought[0].By[0].At != "1970-01-01T00:00:00Z" ||
		len(d.MulticastDeaf) != 1 || !d.MulticastDeaf[0].Deaf || d.MulticastDeaf[0].Unheard {
		t.Errorf("got %+v", d)
	}
	if got := s.do("GET", "/v1/config", ""); got != `{"name":"h1"}` {
		t.Errorf("got %s", got)
	}
	s.group.fail = context.DeadlineExceeded
	s.refused(CodeTimeout, "GET", "/v1/status?timeout=1ms", "")
}

func TestOpenAPIListsEveryRoute(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	listed := 0
	for _, verbs := range doc.Paths {
		listed += len(verbs)
	}
	if listed != len(routes()) {
		t.Errorf("openapi.json lists %d routes, there are %d", listed, len(routes()))
	}
	for _, r := range routes() {
		path := strings.TrimSuffix(r.path, "{$}")
		if doc.Paths[path][strings.ToLower(r.method)] == nil {
			t.Errorf("openapi.json lacks %s %s", r.method, path)
		}
	}
	s := serve(t, nil)
	if got := s.do("GET", "/v1/openapi.json", ""); !json.Valid([]byte(got)) {
		t.Error("what is served is no JSON")
	}
	index := s.do("GET", "/", "")
	for _, r := range routes() {
		if !strings.Contains(index, r.path) {
			t.Errorf("the index lacks %s", r.path)
		}
	}
}

// Requests have limits of time, by which slow_callers.txtar sees halves of them cut, and of
// length.
func TestRequestsHaveLimits(t *testing.T) {
	s := serve(t, nil)
	for _, srv := range s.server.servers {
		if srv.ReadHeaderTimeout == 0 || srv.ReadTimeout == 0 || srv.IdleTimeout == 0 || srv.MaxHeaderBytes == 0 {
			t.Errorf("a server without limits: %+v", srv)
		}
	}
	conn, err := net.Dial("tcp", s.server.TCPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 2*headerBytes)+"\r\n\r\n")
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("huge headers: %s", resp.Status)
	}
}

func TestConnectionsAreCapped(t *testing.T) {
	s := serve(t, nil)
	for range 2 * tcpConnsMax {
		conn, err := net.Dial("tcp", s.server.TCPAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	// A flood of the TCP port locks nobody out of the socket.
	s.do("GET", "/healthz", "")
}

func TestRecorderHasNoDeadlines(t *testing.T) {
	// Handlers must work where deadlines cannot be set.
	s := &Server{group: newFake(), closing: context.Background(), now: time.Now}
	w := httptest.NewRecorder()
	s.handler(s.plainDoor()).ServeHTTP(w, httptest.NewRequest("GET", "/v1/view", nil))
	if w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}
