package clients

import (
	"fmt"
	"net"

	"github.com/gmsd/gmsd/internal/socketfile"
)

// Check says why [Listen] would refuse an address, each by itself, so that all that are
// wrong can be told. It leaves nothing behind; that a socket's directory cannot be written
// only Listen says.
func (c *Config) Check(where string) error {
	if network, address, _ := SplitAddress(where); network == "unix" {
		return badSocket(address, socketfile.Check(address))
	}
	l, err := c.listen(where)
	if err != nil {
		return err
	}
	return l.Close()
}

func (c *Config) listen(where string) (net.Listener, error) {
	network, address, err := SplitAddress(where)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		l, err := socketfile.Listen(address, c.SocketMode)
		return l, badSocket(address, err)
	}
	if !c.Remote {
		if err := checkLocal(address); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("clients: %w", err)
	}
	return l, nil
}

func badSocket(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("clients: socket %s: %w", path, err)
}
