package clients

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views"
)

// Defaults, and bounds that are no setting.
const (
	defaultConnections  = 1024
	defaultTokens       = 1024
	defaultWindow       = 256 << 10
	defaultLargeBytes   = 256 << 20
	defaultHelloTimeout = 5 * time.Second
	defaultWriteTimeout = 10 * time.Second
	defaultPartTimeout  = 30 * time.Second
	defaultByeTimeout   = 5 * time.Second

	// outboxMax is from where on writers wait for the flusher.
	outboxMax = 64 << 10
	// lastWords is how long the last bytes for a client may take.
	lastWords = time.Second
)

// Config says where to listen, and for whom. Zero means the default.
type Config struct {
	// Listen are addresses: "unix:PATH" or just a path with a slash in it, or
	// "tcp:HOST:PORT".
	Listen []string
	// SocketMode is the mode of sockets; 0: 0600.
	SocketMode fs.FileMode
	// Remote allows TCP addresses that are not of this host. The protocol has
	// neither keys nor passwords.
	Remote bool
	// Open gives a port to a client that calls itself name.
	Open func(name string) (member.Port, error)
	// Software is the daemon's version, for the welcome.
	Software string

	// Connections bounds them; 0: 1,024.
	Connections int
	// Tokens bounds what one client may wait for at a time; 0: 1,024.
	Tokens int
	// Window is how many bytes a client may send ahead of what the port took; 0:
	// 256 KiB.
	Window int
	// LargeBytes bounds the unfinished long messages of all clients, and the long
	// requests that wait to be sent; 0: 256 MiB.
	LargeBytes int

	// HelloTimeout is how long a connection may take to say hello; 0: 5 s.
	HelloTimeout time.Duration
	// WriteTimeout is how long a write may take to one that does not read its
	// socket; 0: 10 s.
	WriteTimeout time.Duration
	// PartTimeout is how long a long message may take, beside a second for each MiB of
	// it that came, while its client has credit; 0: 30 s.
	PartTimeout time.Duration
	// ByeTimeout is how long what was sent before a goodbye may wait for the
	// port; 0: 5 s.
	ByeTimeout time.Duration

	// Logger gets who came, who went and why; nil: nothing.
	Logger *slog.Logger
}

// Submitter is what a port may have beside member.Port: Send that returns once
// the message has its place behind what was sent before, and gives the receipt
// later. It waits as Post does; the payload may be used again on return. Unless it
// gives an error, done is called once, by any goroutine; done never waits for
// long. Without it, a message waits until all receipts before it are there.
type Submitter interface {
	Submit(ctx context.Context, group string, order views.Order, payload []byte, done func(member.Receipt, error)) error
}

// Asker is what a port may have beside member.Port: Request that calls posted as soon
// as it does not need the payload any more, the answers may take long. Without it, a
// long request counts among the unfinished messages until it is answered.
type Asker interface {
	Ask(ctx context.Context, group string, payload []byte, need member.Need, posted func()) ([]member.Reply, error)
}

// Aborter is what a port may have beside member.Port: Close for a program that
// went without a word. The others see it crashed.
type Aborter interface {
	Abort() error
}

// Ender is what a port may have beside member.Port: a channel that is closed at
// its end. Without it, a client that reads nothing learns the end of its port when
// it reads again.
type Ender interface {
	Ended() <-chan struct{}
}

func (c *Config) setDefaults() {
	setDefault(&c.SocketMode, 0o600)
	setDefault(&c.Connections, defaultConnections)
	setDefault(&c.Tokens, defaultTokens)
	setDefault(&c.Window, defaultWindow)
	setDefault(&c.LargeBytes, defaultLargeBytes)
	setDefault(&c.HelloTimeout, defaultHelloTimeout)
	setDefault(&c.WriteTimeout, defaultWriteTimeout)
	setDefault(&c.PartTimeout, defaultPartTimeout)
	setDefault(&c.ByeTimeout, defaultByeTimeout)
	c.Window = min(c.Window, clientwire.CreditMax)
	c.LargeBytes = max(c.LargeBytes, views.PayloadMax)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// SplitAddress gives the network, unix or tcp, and the address of one of Config.Listen.
func SplitAddress(s string) (network, address string, err error) {
	if network, address, ok := strings.Cut(s, ":"); ok && (network == "unix" || network == "tcp") && address != "" {
		return network, address, nil
	}
	if strings.Contains(s, "/") {
		return "unix", s, nil
	}
	return "", "", fmt.Errorf("clients: %q is no address: want unix:PATH or tcp:HOST:PORT", s)
}

// checkLocal refuses an address that others can reach.
func checkLocal(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("clients: %q: %w", address, err)
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("clients: %q is not of this host alone, and the protocol has no passwords: listen on 127.0.0.1", address)
}
