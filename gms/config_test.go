package gms

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/internal/stable"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// faultsOf gives the keys of the faults of cfg with defaults filled in.
func faultsOf(t *testing.T, edit func(*Config)) []string {
	t.Helper()
	cfg := Config{Name: "h1", InsecureLab: true}
	cfg.seams.addresses = func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil }
	edit(&cfg)
	cfg.EnsureDefaults()
	err := cfg.Validate()
	if err == nil {
		return nil
	}
	var keys []string
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T is not a joined error", err)
	}
	for _, e := range joined.Unwrap() {
		var f *FieldError
		if !errors.As(e, &f) {
			t.Fatalf("%v is no FieldError", e)
		}
		if f.Bound == "" || f.Cure == "" {
			t.Errorf("%s: bound %q, cure %q: want both", f.Key, f.Bound, f.Cure)
		}
		keys = append(keys, f.Key)
	}
	return keys
}

func TestValidate(t *testing.T) {
	long := strings.Repeat("x", 200)
	tests := []struct {
		name string
		edit func(*Config)
		want []string
	}{
		{"defaults", func(*Config) {}, nil},
		{"no key", func(c *Config) { c.InsecureLab = false }, []string{"key-file"}},
		{"key and lab", func(c *Config) { c.KeyFile = "x" }, []string{"insecure-lab"}},
		{"long name", func(c *Config) { c.Name = long }, []string{"name"}},
		{"name with a space", func(c *Config) { c.Name = "a b" }, []string{"name"}},
		{"long group", func(c *Config) { c.Group = long }, []string{"group"}},
		{"version", func(c *Config) { c.Version = long }, []string{"version"}},
		{"spool", func(c *Config) { c.SpoolMax = -1 }, []string{"spool-max"}},
		{"started", func(c *Config) { c.Started = "maybe" }, []string{"started"}},
		{"started by nothing", func(c *Config) { c.Started = "check: " }, []string{"started"}},
		{"started by a check", func(c *Config) { c.Started = "check:test -f /x" }, nil},
		{"transport", func(c *Config) { c.Transport = "pigeon" }, []string{"transport"}},
		{"not our address", func(c *Config) { c.Bind = netip.MustParseAddrPort("10.9.9.9:1") }, []string{"bind"}},
		{"loopback", func(c *Config) { c.Bind = netip.MustParseAddrPort("127.0.0.7:0") }, nil},
		{"IPv6", func(c *Config) { c.Bind = netip.MustParseAddrPort("[::1]:1") }, []string{"bind", "advertise"}},
		{"any address", func(c *Config) { c.Bind = netip.MustParseAddrPort("0.0.0.0:1") }, []string{"bind", "advertise"}},
		{"any address, udp, advertised", func(c *Config) {
			c.Transport, c.Bind = TransportUDP, netip.MustParseAddrPort("0.0.0.0:1")
			c.Advertise = netip.MustParseAddrPort("10.0.0.1:1")
		}, nil},
		{"any address, tcp, advertised", func(c *Config) {
			c.Transport, c.Bind = TransportTCP, netip.MustParseAddrPort("0.0.0.0:1")
			c.Advertise = netip.MustParseAddrPort("10.0.0.1:1")
		}, nil},
		{"mcast-group", func(c *Config) { c.McastGroup = netip.MustParseAddrPort("10.0.0.1:7749") }, []string{"mcast-group"}},
		{"peers", func(c *Config) {
			c.Transport, c.Peers = TransportUDP, []string{"a", "a:7749", "10.0.0.2:0", "a:b:c", ""}
		}, []string{"peers", "peers", "peers"}},
		{
			"peers by multicast", func(c *Config) {
				c.Peers, c.PeersDNS = []string{"a b"}, []string{"10.0.0.2", "_gmsd._udp.x:1", "all:9"}
			},
			[]string{"peers", "peers-dns", "peers-dns"},
		},
		{"too many peers", func(c *Config) { c.PeersDNS = make([]string, 1025) }, []string{"peers-dns"}},
		{"routers", func(c *Config) { c.Transport, c.Routers = TransportRouter, []string{"a:7751", "10.0.0.1:7751"} }, nil},
		{"router without routers", func(c *Config) { c.Transport = TransportRouter }, []string{"routers"}},
		{"too many routers", func(c *Config) { c.Transport, c.Routers = TransportRouter, make([]string, 9) }, []string{"routers"}},
		{"routers that are none", func(c *Config) {
			c.Transport, c.Routers = TransportRouter, []string{"a", "a:7751", "a:7751", "[::1]:7751"}
		}, []string{"routers", "routers", "routers"}},
		{"routers for tcp", func(c *Config) { c.Transport, c.Routers = TransportTCP, []string{"a:7751"} }, []string{"routers"}},
		{"peers for tcp", func(c *Config) { c.Transport, c.Peers = TransportTCP, []string{"a:0"} }, []string{"peers"}},
		{"attribute key", func(c *Config) { c.Attrs = map[string]string{"": "x"} }, []string{"attrs"}},
		{"attribute value", func(c *Config) { c.Attrs = map[string]string{"k": long} }, []string{"attrs"}},
		{"attributes in all", func(c *Config) {
			c.Attrs = map[string]string{"a": long[:128], "b": long[:128], "c": long[:128], "d": long[:128]}
		}, []string{"attrs"}},
		{"all at once", func(c *Config) {
			c.Group, c.Transport, c.InsecureLab = long, "x", false
			c.Bind = netip.MustParseAddrPort("10.9.9.9:1")
		}, []string{"group", "key-file", "bind", "transport"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := faultsOf(t, tt.edit); !slices.Equal(got, tt.want) {
				t.Errorf("faults %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAddressSelection(t *testing.T) {
	tests := []struct {
		own  []string
		want string
		warn int
	}{
		{[]string{"127.0.0.1", "10.0.0.5", "192.168.1.1"}, "10.0.0.5:7749", 0},
		{[]string{"127.0.0.1", "169.254.3.3", "192.168.1.1"}, "192.168.1.1:7749", 0},
		{[]string{"127.0.0.1"}, "127.0.0.1:7749", 1},
		{nil, "127.0.0.1:7749", 1},
	}
	for _, tt := range tests {
		lines := &logLines{}
		cfg := Config{Logger: slog.New(lines)}
		cfg.seams.addresses = func() (own []netip.Addr, _ error) {
			for _, a := range tt.own {
				own = append(own, netip.MustParseAddr(a))
			}
			return own, nil
		}
		cfg.EnsureDefaults()
		if got := cfg.Bind.String(); got != tt.want || cfg.Advertise != cfg.Bind || len(lines.lines) != tt.warn {
			t.Errorf("of %v: bind %s, advertise %s, warnings %q; want %s and %d", tt.own, got, cfg.Advertise, lines.lines, tt.want, tt.warn)
		}
	}
}

func TestTheFirstBits(t *testing.T) {
	for _, tt := range []struct {
		started string
		db      bool
		want    views.Bits
	}{
		{"", false, views.Started},
		{StartedAPI, false, 0},
		{StartedCheck + "true", false, 0},
		{StartedAuto, true, views.Started | views.HasDB},
	} {
		cfg := Config{Started: tt.started, HasDB: tt.db}
		cfg.EnsureDefaults()
		if got := cfg.bits(); got != tt.want {
			t.Errorf("started %q, db %v: bits %v, want %v", tt.started, tt.db, got, tt.want)
		}
	}
}

func TestADamagedDirectoryIsSaidSo(t *testing.T) {
	for _, tt := range []struct {
		kind    error
		damaged bool
	}{{stable.ErrDamaged, true}, {stable.ErrLocked, false}, {stable.ErrFull, false}} {
		r := newRig()
		r.cfg.seams.openStore = func(string) (store, error) { return nil, &stable.Error{Kind: tt.kind} }
		r.cfg.NewTransport = func(views.Process) (transport.Transport, error) {
			t.Error("the socket was opened before the directory was known to be good")
			return nil, errFake
		}
		_, err := Start(t.Context(), r.cfg)
		var damaged *DamagedError
		if !errors.Is(err, tt.kind) || errors.As(err, &damaged) != tt.damaged {
			t.Errorf("%v: Start says %v", tt.kind, err)
		}
	}
}
