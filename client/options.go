package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/gmsd/gmsd/internal/clientwire"
	"github.com/gmsd/gmsd/views/groups"
)

// Options change a [Client]. Zero means the default.
type Options struct {
	// Name is how the others see this member, up to groups.NameMax bytes.
	Name string
	// Credit is how many bytes of events may wait to be read; 0: 1 MiB. Beyond,
	// the group slows down.
	Credit int
	// NoReconnect: the end of the connection is the end of the port.
	NoReconnect bool
	// FailWhileDown: without a connection, calls fail at once.
	FailWhileDown bool
	// BackoffMin and BackoffMax bound the pause between two attempts to connect;
	// 0: 50 ms and 2 s. Each is up to half longer, by chance.
	BackoffMin, BackoffMax time.Duration
	// Connect makes the connection; nil: net.Dialer.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger gets losses and attempts; nil: nothing.
	Logger *slog.Logger
}

const (
	defaultCredit     = 1 << 20
	defaultBackoffMin = 50 * time.Millisecond
	defaultBackoffMax = 2 * time.Second
	// handshakeTimeout is how long a daemon may take to say welcome.
	handshakeTimeout = 5 * time.Second
	// byeTimeout is how long Close waits for the daemon.
	byeTimeout = 5 * time.Second
)

// ErrAddress: an address is not of the form unix:PATH or tcp:HOST:PORT.
var ErrAddress = errors.New("client: bad address")

func (o *Options) setDefaults() error {
	if len(o.Name) > groups.NameMax {
		return fmt.Errorf("client: %w: %d bytes, at most %d", groups.ErrName, len(o.Name), groups.NameMax)
	}
	if o.Credit == 0 {
		o.Credit = defaultCredit
	}
	o.Credit = min(max(o.Credit, clientwire.FrameMax), clientwire.CreditMax)
	if o.BackoffMin == 0 {
		o.BackoffMin = defaultBackoffMin
	}
	if o.BackoffMax == 0 {
		o.BackoffMax = defaultBackoffMax
	}
	o.BackoffMax = max(o.BackoffMax, o.BackoffMin)
	if o.Connect == nil {
		o.Connect = new(net.Dialer).DialContext
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// splitAddress gives the network and the address.
func splitAddress(s string) (network, address string, err error) {
	if network, address, ok := strings.Cut(s, ":"); ok && (network == "unix" || network == "tcp") && address != "" {
		return network, address, nil
	}
	if strings.Contains(s, "/") {
		return "unix", s, nil
	}
	return "", "", fmt.Errorf("%w: %q: want unix:PATH or tcp:HOST:PORT", ErrAddress, s)
}
