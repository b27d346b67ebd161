package tether

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/transport/internal/greeting"
	"github.com/gmsd/gmsd/transport/internal/relay"
	"github.com/gmsd/gmsd/transport/internal/stream"
	"github.com/gmsd/gmsd/views"
)

// examineTimeout bounds each step of an examination.
const examineTimeout = time.Second

// answerTimeout bounds the answer to the word after the silence: TCP repeats the word four
// times until then, so loss hardly brings it about.
const answerTimeout = 2 * time.Second

// Examined is what an examination found.
type Examined struct {
	// TCP is how the connection ended; Idle whether it carried after the silence, Long
	// whether a packet passed that is as long as the connection makes them.
	TCP        doctor.TCP
	Idle, Long doctor.Finding
	// Host is who answered, zero where nobody said so.
	Host views.HostID
	// Refused: the two do not understand each other; Ours: the other said so of us.
	Refused *greeting.RefusedError
}

// Examine connects to a member port and greets as one who examines the way, and says
// how that ends; tethers and frames of the two are not touched. Of cfg it needs all
// but Listener and Logger. Where the connection was answered, and frames of ours go over
// such ones, it says a long word. Where that is no fault, and idle is above 0, it stays
// silent for so long, and then says whether it still carries: a word of ours must end it.
func Examine(ctx context.Context, cfg Config, addr netip.AddrPort, idle time.Duration) Examined {
	conn, end := connect(ctx, cfg.Source, addr)
	if conn == nil {
		return Examined{TCP: end}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	greeter := greeting.For(greeting.Plain{
		Use: greeting.Examination, Group: cfg.GroupHash, Self: greeting.Peer{Process: cfg.Self, Nonce: cfg.Nonce},
	}, cfg.Credentials)
	_ = conn.SetDeadline(time.Now().Add(examineTimeout))
	peer, err := greeter.Greet(conn)
	out := Examined{TCP: doctor.TCPGood, Host: peer.Host}
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), greeting.Refused(err):
		errors.As(err, &out.Refused) // its process has read us
	case err != nil:
		out.TCP = doctor.TCPMute
	case (peer.Use == greeting.Frames) != cfg.Streams:
		out.Refused = &greeting.RefusedError{Ours: true, Code: views.RefuseTransport} // as it will say to all else
	default:
		if cfg.Streams {
			out.Long = carriesLong(ctx, conn)
		}
		if idle > 0 && out.Long != doctor.Bad {
			out.Idle = stillCarries(ctx, conn, idle)
		}
	}
	return out
}

// carriesLong says a word that fills a packet.
func carriesLong(ctx context.Context, conn net.Conn) doctor.Finding {
	size := segmentOf(conn)
	if size == 0 {
		return doctor.Untested
	}
	_ = conn.SetDeadline(time.Now().Add(answerTimeout))
	return foundBy(ctx, greeting.SayLong(conn, min(size, greeting.LongMost)))
}

// segmentOf is what a connection puts into one packet, in bytes; 0: not known.
func segmentOf(conn net.Conn) (bytes int) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { // of a closed one nothing is known
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			bytes = int(info.Snd_mss)
		}
	})
	return bytes
}

// foundBy is what an exchange shows that ended so.
func foundBy(ctx context.Context, err error) doctor.Finding {
	switch {
	case err == nil:
		return doctor.Good
	case ctx.Err() == nil && timedOut(err):
		return doctor.Bad
	}
	return doctor.Untested
}

// IsRouter reports whether a gossip router takes connections at an address.
func IsRouter(ctx context.Context, source netip.Addr, addr netip.AddrPort) bool {
	conn, _ := dialOnce(ctx, source, addr, examineTimeout)
	if conn == nil {
		return false
	}
	defer func() { _ = conn.Close() }() // all was said
	_ = conn.SetDeadline(time.Now().Add(examineTimeout))
	return relay.AsksRouter(conn)
}

// How often, and how long each time, a connection is tried of which nothing comes back:
// that one in twenty packets is lost must not look so. The quick ones at the end are to hear
// somebody say no, which kernels do about once a second, to whichever packet comes first.
const (
	dialsMost  = 3
	dialEvery  = 500 * time.Millisecond
	quickMost  = 20
	quickEvery = 50 * time.Millisecond
)

// connect dials, and says why there is no connection.
func connect(ctx context.Context, source netip.Addr, addr netip.AddrPort) (conn net.Conn, end doctor.TCP) {
	for i := range dialsMost + quickMost {
		timeout := dialEvery
		if i >= dialsMost {
			timeout = quickEvery
		}
		if conn, end = dialOnce(ctx, source, addr, timeout); conn != nil || end != doctor.TCPSilent {
			break
		}
	}
	return conn, end
}

func dialOnce(ctx context.Context, source netip.Addr, addr netip.AddrPort, timeout time.Duration) (net.Conn, doctor.TCP) {
	var w witness
	defer w.close()
	d := stream.Dialer(source, timeout)
	d.Control = w.control
	conn, err := d.DialContext(ctx, "tcp4", addr.String())
	switch {
	case err == nil:
		return conn, doctor.TCPUntested
	case ctx.Err() != nil:
		return nil, doctor.TCPUntested
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM), w.prohibited():
		return nil, doctor.TCPRejected
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, doctor.TCPRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		greeting.Sleep(ctx, timeout) // nobody has the address, or there is no way there: say it no faster than silence
	}
	return nil, doctor.TCPSilent
}

// stillCarries waits and then speaks.
func stillCarries(ctx context.Context, conn net.Conn, idle time.Duration) doctor.Finding {
	b := make([]byte, 1)
	_ = conn.SetDeadline(time.Now().Add(idle))
	if _, err := conn.Read(b); !timedOut(err) {
		return doctor.Untested // it was closed meanwhile, which is no silence
	}
	_ = conn.SetDeadline(time.Now().Add(answerTimeout))
	if err := greeting.SayEnd(conn); err != nil {
		return doctor.Untested
	}
	_, err := conn.Read(b)
	switch {
	case ctx.Err() != nil:
		return doctor.Untested
	case timedOut(err):
		return doctor.Bad
	case errors.Is(err, io.EOF):
		return doctor.Good
	}
	return doctor.Untested // anybody on the way may reset it
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
