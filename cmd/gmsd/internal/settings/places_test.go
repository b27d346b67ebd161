package settings

import (
	"slices"
	"strings"
	"testing"
)

// What the daemon would find taken by itself is told by its settings, once, with both.
func TestListenersApart(t *testing.T) {
	for _, c := range []struct {
		args, want string
	}{
		{"--admin 127.0.0.1:7750", ""},
		{"--admin-tls 127.0.0.1:7750", `admin-tls = "127.0.0.1:7750": must be apart from admin = "127.0.0.1:7750"; it comes from flag --admin-tls; give one of the two another port`},
		{"--admin-tls localhost:7750", `admin-tls = "localhost:7750": must be apart from admin = "127.0.0.1:7750"`},
		{"--admin-tls 0.0.0.0:7750", `admin-tls = "0.0.0.0:7750": must be apart from admin = `},
		{"--admin 0.0.0.0:7000 --admin-tls [::1]:7000", `admin-tls = "[::1]:7000": must be apart from admin = `},
		{"--admin a.example:7000 --admin-tls a.example:7000", `admin-tls = "a.example:7000": must be apart from admin = `},
		{"--admin [::1]:7000 --admin-tls 127.0.0.1:7000", ""},
		{"--admin 127.0.0.1:0 --admin-tls 127.0.0.1:0", ""},
		{"--admin none --admin-tls 127.0.0.1:7750", ""},
		{"--admin 127.0.0.1:7749", `admin = "127.0.0.1:7749": must be apart from bind = "127.0.0.1:7749"`},
		{"--bind 0.0.0.0:7000 --advertise 127.0.0.1 --transport udp --admin 127.0.0.1:7000", `admin = "127.0.0.1:7000": must be apart from bind = "0.0.0.0:7000"`},
		{"--bind 0.0.0.0:7000 --advertise 127.0.0.1 --transport udp --admin [::1]:7000", ""},
		{"--clients tcp:127.0.0.1:7750", `clients = "tcp:127.0.0.1:7750": must be apart from admin = "127.0.0.1:7750"`},
		{"--clients tcp:127.0.0.1:7751,/c,tcp:127.0.0.1:7751", `clients = "tcp:127.0.0.1:7751": must be apart from clients = "tcp:127.0.0.1:7751"`},
		{"--admin-socket /d/x/../clients.sock", `clients = "/d/clients.sock": must be apart from admin-socket = "/d/x/../clients.sock"; it comes from default; give one of the two another path`},
	} {
		args := []string{"--key-file", "/k", "--name", "h1", "--data-dir", "/d", "--bind", "127.0.0.1"}
		s, err := load(t, append(args, strings.Fields(c.args)...), nil, "")
		if err != nil {
			t.Fatal(err)
		}
		shown := s.values[keyClients].Text()
		switch _, err := daemonOf(s); {
		case c.want == "" && err != nil, c.want != "" && err == nil:
			t.Errorf("%s: %v, want %q", c.args, err, c.want)
		case err != nil && (len(Lines(err)) != 1 || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q alone", c.args, err, c.want)
		}
		if after := s.values[keyClients].Text(); shown != "" && after != shown {
			t.Errorf("%s: clients were %s and are %s", c.args, shown, after)
		}
	}
}

// An address that could not be read is nobody's: no fault but its own.
func TestFaultyBindIsNowhere(t *testing.T) {
	s, _ := load(t, []string{"--key-file", "/k", "--bind", "pigeon", "--admin", "0.0.0.0:7749"}, nil, "")
	_, err := daemonOf(s)
	if got := faultsOf(t, err); !slices.Equal(got, []string{"bind"}) {
		t.Errorf("faults %v", got)
	}
}
