package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Config says where a [Server] listens and what it may tell.
type Config struct {
	// TCP is host:port of the read-only listener; empty for none.
	TCP string
	// TLS is host:port of the listener for who has a certificate; empty for none.
	TLS string
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
	tls     net.Listener
	socket  net.Listener
	now     func() time.Time
	euid    int
	sends   *lines // what is logged of messages that were sent
	group   Group
	metrics *Metrics
	bodies  bodies
	// evictions are those that were asked for here.
	evictions evictions
	unread    allowance // of the clients of groups' events, together
	servers   []*http.Server
	served    sync.WaitGroup
	// closing ends the streams, which would otherwise hold up Close.
	closing context.Context
	stop    context.CancelFunc
}

// Listen binds the listeners of cfg, or none of them: then the error is *[BindError]s
// joined. Nothing is answered before [Server.Serve].
func Listen(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, now: time.Now, euid: os.Geteuid(), sends: newLines(time.Now)}
	s.closing, s.stop = context.WithCancel(context.Background())
	if err := s.bind(); err != nil {
		s.free()
		return nil, err
	}
	return s, nil
}

func (s *Server) bind() error {
	err := s.bindTCP()
	if err == nil && s.cfg.Socket != "" {
		s.socket, err = listenUnix(s.cfg.Socket)
	}
	return err
}

func (s *Server) bindTCP() (err error) {
	if s.cfg.TCP != "" {
		s.tcp, err = ListenTCP(s.cfg.TCP)
	}
	if s.cfg.TLS != "" {
		var refused error
		s.tls, refused = listenTCP("admin-tls", s.cfg.TLS)
		err = errors.Join(err, refused)
	}
	return err
}

// free closes the listeners; where one was served it is closed already.
func (s *Server) free() {
	for _, l := range []net.Listener{s.tcp, s.tls, s.socket} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// Serve starts to answer for group. It is called once, and returns at once.
// Feeding metrics with the group's events is the caller's part.
func (s *Server) Serve(group Group, metrics *Metrics) {
	s.group, s.metrics = group, metrics
	metrics.attach(group, &s.bodies)
	if s.tcp != nil {
		s.serve(s.tcp, s.plainDoor())
	}
	if s.tls != nil {
		s.serveTLS()
	}
	if s.socket != nil {
		s.serve(s.socket, s.socketDoor())
	}
}

// serveTLS answers who shows a certificate, for as long as it is believed.
func (s *Server) serveTLS() {
	refused := newLines(s.now)
	l := newTLSListener(s.tls, func() (*tls.Config, error) {
		trust, err := s.group.AdminTrust()
		if err != nil {
			return nil, err
		}
		return trust.ServerConfig(s.now), nil
	}, func(from net.Addr, why string, err error) {
		s.metrics.refuse(why)
		if err == nil {
			return // it said nothing
		}
		if unlogged, ok := refused.pass(); ok {
			s.logAdmin(unlogged, "who", from.String(), "refused", why, "error", shortened(err.Error()))
		}
	})
	s.tls = l
	s.served.Go(l.listen)
	s.served.Go(func() { s.watchTrust(l) })
	s.serve(l, s.tlsDoor())
}

// watchTrust cuts the connections of those whose key was removed.
func (s *Server) watchTrust(l *tlsListener) {
	for {
		trust, err := s.group.AdminTrust()
		if err != nil {
			s.cfg.Logger.Error("admin-tls answers nobody", "error", err)
			return
		}
		l.cut(trust.Lives)
		select {
		case <-trust.Stale():
		case <-s.closing.Done():
			return
		}
	}
}

func (s *Server) serve(l net.Listener, d *door) {
	srv := &http.Server{
		Handler:           s.handler(d),
		ConnContext:       withPeer,
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
	s.free() // those that were not served
	s.served.Wait()
}

// TCPAddr is the address of the read-only listener; nil where there is none.
func (s *Server) TCPAddr() net.Addr {
	if s.tcp == nil {
		return nil
	}
	return s.tcp.Addr()
}

// TLSAddr is the address of the listener for who has a certificate; nil where there is
// none.
func (s *Server) TLSAddr() net.Addr {
	if s.tls == nil {
		return nil
	}
	return s.tls.Addr()
}

// tcpPort is 7750 where there is no TCP listener: the others' default.
func (s *Server) tcpPort() int {
	if a, ok := s.TCPAddr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 7750
}
