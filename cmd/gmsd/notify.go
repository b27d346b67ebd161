package main

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// notifier tells the service manager (systemd's sd_notify protocol) how we are;
// without NOTIFY_SOCKET it does nothing.
type notifier struct{ socket string }

func newNotifier() notifier {
	socket := os.Getenv("NOTIFY_SOCKET")
	// What we start (a check command) must not speak for us.
	_ = os.Unsetenv("NOTIFY_SOCKET")
	if strings.HasPrefix(socket, "@") {
		socket = "\x00" + socket[1:] // Linux' abstract namespace
	}
	return notifier{socket}
}

// send sends one state, like READY=1. That nobody takes it is no reason to stop.
func (n notifier) send(state string) error {
	if n.socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify %s: %w", state, err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}
