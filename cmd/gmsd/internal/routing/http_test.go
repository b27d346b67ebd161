package routing

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport/gossip"
	"github.com/gmsd/gmsd/transport/router"
	"github.com/gmsd/gmsd/transport/tcp"
	"github.com/gmsd/gmsd/transport/transporttest"
)

func get(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d", path, w.Code)
	}
	return w.Body.String()
}

// What people read: a member that is registered, the mesh with who is lost, and metrics
// that OPERATING.md tells of. Nothing can be changed.
func TestHandler(t *testing.T) {
	at := transporttest.LoopbackNet(t)
	own, gone := at(0).String(), at(1).String()
	s, err := gossip.Open(gossip.Config{Bind: at(0), Peers: []string{own, gone}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	known := make(chan struct{}, 16)
	m, err := router.Open(router.Config{
		Direct:  tcp.Config{Bind: at(2), GroupHash: 0xabc, Self: transporttest.Process(2, 3), Nonce: 7},
		Routers: []string{own}, Identity: transporttest.Identity(2), Found: func([]netip.AddrPort, string) { known <- struct{}{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	go func() {
		_, _ = m.Receive(transporttest.NewBatch(1)) // it ends with the transport
	}()
	select {
	case <-known:
	case <-time.After(transporttest.Patience):
		t.Fatal("it does not register")
	}
	h := Handler(s)
	if got := get(t, h, "/healthz"); got != "ok\n" {
		t.Errorf("healthz: %q", got)
	}
	var r Registrations
	if err := json.NewDecoder(bytes.NewBufferString(get(t, h, "/v1/registrations"))).Decode(&r); err != nil {
		t.Fatal(err)
	}
	if len(r.Registrations) != 1 || r.Router != s.Number() || r.LeaseSeconds != 10 {
		t.Fatalf("%+v", r)
	}
	if one := r.Registrations[0]; one.Group != "0000000000000abc" || one.Host != transporttest.Process(2, 3).Host || one.Incarnation != 3 ||
		one.Addr != at(2).String() || !strings.HasPrefix(one.From, at(2).Addr().String()) || !one.Here || time.Since(one.Since) > time.Minute {
		t.Errorf("%+v", one)
	}
	var mesh Routers
	if err := json.NewDecoder(bytes.NewBufferString(get(t, h, "/v1/routers"))).Decode(&mesh); err != nil {
		t.Fatal(err)
	}
	if len(mesh.Routers) != 2 || mesh.Routers[0].Router != own || mesh.Routers[1].Router != gone || mesh.Routers[1].Connected {
		t.Errorf("%+v", mesh)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/registrations", http.NoBody))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	checkMetrics(t, get(t, h, "/metrics"))
}

func checkMetrics(t *testing.T, text string) {
	t.Helper()
	operating, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "OPERATING.md"))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(text) {
		name, of := strings.CutPrefix(line, "# TYPE gmsd_")
		if name, _, _ = strings.Cut(name, " "); !of {
			continue
		}
		if count++; !strings.Contains(string(operating), "`"+name) {
			t.Errorf("docs/OPERATING.md has no %s", name)
		}
	}
	if count < 10 || !strings.Contains(text, "\ngmsd_router_members{at=\"here\"} 1\n") {
		t.Errorf("%d metrics:\n%s", count, text)
	}
}

func TestParseBind(t *testing.T) {
	for text, want := range map[string]string{
		":7751": "0.0.0.0:7751", "10.0.0.1:1": "10.0.0.1:1",
		"": "", "x": "", "10.0.0.1": "", "[::1]:1": "", "239.0.0.1:1": "",
	} {
		got, err := ParseBind(text)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v, want %q", text, got, err, want)
		}
	}
}
