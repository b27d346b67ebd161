package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config says where a [Server] listens and what it may tell.
type Config struct {
	// TCP is host:port of the read-only listener; empty for none.
	TCP string
	// Socket is the path of the unix socket; empty for none.
	Socket string
	// Group is the group's name on the wire; Version the daemon's.
	Group, Version string
	// LabFaults opens POST /v1/lab.
	LabFaults bool
	// Settings gives the body of GET /v1/config. Nil: an empty object.
	Settings func() any
	// Logger takes what has no other way out. Nil: nowhere.
	Logger *slog.Logger
}

// Limits of one request.
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 30 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	headerBytes   = 16 << 10
)

// Server is the admin interface of one host.
type Server struct {
	cfg     Config
	tcp     net.Listener
	socket  net.Listener
	group   Group
	metrics *Metrics
	bodies  bodies
	unread  allowance // of the clients of groups' events, together
	servers []*http.Server
	served  sync.WaitGroup
	// closing ends the streams, which would otherwise hold up Close.
	closing context.Context
	stop    context.CancelFunc
}

// Listen binds the listeners of cfg, or none of them: then the error is a
// [*BindError]. Nothing is answered before [Server.Serve].
func Listen(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg}
	s.closing, s.stop = context.WithCancel(context.Background())
	var err error
	if cfg.TCP != "" {
		if s.tcp, err = listenTCP(cfg.TCP); err != nil {
			return nil, err
		}
	}
	if cfg.Socket != "" {
		if s.socket, err = listenUnix(cfg.Socket); err != nil {
			if s.tcp != nil {
				_ = s.tcp.Close()
			}
			return nil, err
		}
	}
	return s, nil
}

// Serve starts to answer for group. It is called once, and returns at once.
// Feeding metrics with the group's events is the caller's part.
func (s *Server) Serve(group Group, metrics *Metrics) {
	s.group, s.metrics = group, metrics
	metrics.attach(group, &s.bodies)
	if s.tcp != nil {
		s.serve(s.tcp, false)
	}
	if s.socket != nil {
		s.serve(s.socket, true)
	}
}

func (s *Server) serve(l net.Listener, writable bool) {
	srv := &http.Server{
		Handler:           s.handler(writable),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
	s.servers = append(s.servers, srv)
	s.served.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Logger.Error("admin listener failed", "addr", l.Addr().String(), "error", err)
		}
	})
}

// Close ends the streams, lets running requests end until ctx does, and frees
// the listeners; the socket file goes.
func (s *Server) Close(ctx context.Context) {
	s.stop()
	for _, srv := range s.servers {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	}
	s.served.Wait()
	for _, l := range []net.Listener{s.tcp, s.socket} {
		if l != nil {
			_ = l.Close() // already closed where it was served
		}
	}
}

// TCPAddr is the address of the read-only listener; nil where there is none.
func (s *Server) TCPAddr() net.Addr {
	if s.tcp == nil {
		return nil
	}
	return s.tcp.Addr()
}

// tcpPort is 7750 where there is no TCP listener: the others' default.
func (s *Server) tcpPort() int {
	if a, ok := s.TCPAddr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 7750
}
