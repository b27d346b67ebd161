package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gmsd/gmsd/transport/gossip"
	"github.com/gmsd/gmsd/views"
)

// Times and bounds of the HTTP server.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = time.Minute
	closeTimeout  = 2 * time.Second
	headerBytes   = 8 << 10
)

// Registration is a member as /v1/registrations gives it.
type Registration struct {
	// Group is the hash of the group's name, 16 hexadecimal digits.
	Group       string            `json:"group"`
	Host        views.HostID      `json:"host"`
	Incarnation views.Incarnation `json:"incarnation"`
	Nonce       string            `json:"nonce"`
	// Addr is where the member says that it is, From where its connection comes from.
	Addr  string    `json:"addr"`
	From  string    `json:"from,omitempty"`
	Since time.Time `json:"since"`
	// Here: this router holds its connection. Via are the routers that do.
	Here bool     `json:"here"`
	Via  []string `json:"via"`
	// Queued: it takes its frames more slowly than they come.
	Queued bool `json:"queued"`
}

// Registrations is what /v1/registrations gives.
type Registrations struct {
	Router        string         `json:"router"`
	LeaseSeconds  float64        `json:"leaseSeconds"`
	Registrations []Registration `json:"registrations"`
}

// Router is another router as /v1/routers gives it.
type Router struct {
	Router    string     `json:"router"`
	Number    string     `json:"number,omitempty"`
	Connected bool       `json:"connected"`
	Self      bool       `json:"self,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
	LastHeard *time.Time `json:"lastHeard,omitempty"`
	Held      int        `json:"registrations"`
	Trouble   string     `json:"trouble,omitempty"`
}

// Routers is what /v1/routers gives.
type Routers struct {
	Router  string    `json:"router"`
	Begun   time.Time `json:"begun"`
	Routers []Router  `json:"routers"`
}

// Handler serves what people read of a router.
func Handler(s *gossip.Server) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /v1/registrations", func(w http.ResponseWriter, _ *http.Request) { respond(w, registrations(s)) })
	mux.HandleFunc("GET /v1/routers", func(w http.ResponseWriter, _ *http.Request) { respond(w, routers(s)) })
	return mux
}

func respond(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(answer) // who does not read it learns nothing
}

func registrations(s *gossip.Server) Registrations {
	out := Registrations{Router: s.Number(), LeaseSeconds: s.Lease().Seconds(), Registrations: []Registration{}}
	for _, r := range s.Registrations() {
		one := Registration{
			Group: fmt.Sprintf("%016x", r.Group), Host: r.Host, Incarnation: r.Incarnation, Nonce: fmt.Sprintf("%016x", r.Nonce),
			Addr: r.Addr.String(), Since: r.Since.UTC(), Here: r.Here, Via: r.Via, Queued: r.Queued,
		}
		if r.From.IsValid() {
			one.From = r.From.String()
		}
		out.Registrations = append(out.Registrations, one)
	}
	return out
}

func routers(s *gossip.Server) Routers {
	out := Routers{Router: s.Number(), Begun: s.Begun().UTC(), Routers: []Router{}}
	for _, r := range s.Routers() {
		out.Routers = append(out.Routers, Router{
			Router: r.At, Number: r.Number, Connected: r.Connected, Self: r.Self, Since: utc(r.Since), LastHeard: utc(r.Heard),
			Held: r.Held, Trouble: r.Trouble,
		})
	}
	return out
}

func utc(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Serve serves a handler on a listener until the context ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		return server.Close()
	}
	return nil
}

// ParseBind reads address:port, or :port for all addresses.
func ParseBind(text string) (netip.AddrPort, error) {
	if len(text) > 0 && text[0] == ':' {
		text = "0.0.0.0" + text
	}
	a, err := netip.ParseAddrPort(text)
	if err != nil || !a.Addr().Is4() || a.Addr().IsMulticast() {
		return netip.AddrPort{}, fmt.Errorf("--bind %q: want an IPv4 address of this machine with a port, like 0.0.0.0:7751", text)
	}
	return a, nil
}
