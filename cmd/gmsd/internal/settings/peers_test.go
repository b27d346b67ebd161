package settings

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// The three settings of peers reach the host, on every transport, and what is wrong
// with one is told with its key.
func TestPeersReachTheHost(t *testing.T) {
	s, err := load(t, []string{"-insecure-lab", "--name", "h", "--bind", "127.0.0.1", "--peers", "a,b:1", "--peers-file", "/p", "--peers-dns", "_g._udp.x"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Daemon("test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h := &d.Host
	if !slices.Equal(h.Peers, []string{"a", "b:1"}) || h.PeersFile != "/p" || !slices.Equal(h.PeersDNS, []string{"_g._udp.x"}) {
		t.Errorf("the host gets %v, %q, %v", h.Peers, h.PeersFile, h.PeersDNS)
	}
	bad, err := load(t, []string{"-insecure-lab", "--name", "h", "--bind", "127.0.0.1", "--peers", "a:0", "--peers-dns", "10.0.0.1"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = bad.Daemon("test", slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("bad peers are taken")
	}
	for _, want := range []string{`peers = "a:0": must be host or host:port`, `peers-dns = "10.0.0.1": must be name`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}
