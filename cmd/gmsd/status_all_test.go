package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

// startMember starts a host on a network in memory with both its listeners, and
// gives its socket. With tell it says in its attributes where it can be asked.
func startMember(t *testing.T, network *mem.Network, i int, version string, tell bool, change ...func(*gms.Config)) (socket string, h *gms.Host) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "admin.sock")
	server, err := admin.Listen(admin.Config{TCP: "127.0.0.1:0", Socket: socket, Group: "g", Version: version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(context.Background()) })
	// Nobody listens at a member's address in 127/8 with a port of ours.
	cfg := gms.Config{
		Name: fmt.Sprintf("h%d", i+1), Group: "g", DataDir: filepath.Join(t.TempDir(), "data"), InsecureLab: true, Version: version,
		NewTransport: func(self views.Process) (transport.Transport, error) {
			return network.Open(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 99, 0, byte(i + 1)}), 7749), self)
		},
	}
	if tell {
		cfg.Attrs = map[string]string{admin.AttrAdmin: server.TCPAddr().String()}
	}
	for _, f := range change {
		f(&cfg)
	}
	if h, err = gms.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	server.Serve(admin.ForHost(h), admin.NewMetrics(version))
	return socket, h
}

func TestStatusOfAll(t *testing.T) {
	network := mem.NewNetwork()
	socket, first := startMember(t, network, 0, "0.1.0", false)
	startMember(t, network, 1, "0.2.0", true)
	startMember(t, network, 2, "0.1.0", false)
	ctx, cancel := context.WithTimeout(t.Context(), transporttest.Patience)
	defer cancel()
	for first.View().View.Size() < 3 {
		if _, err := first.WaitView(ctx, first.View().View.ID.Seq); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	code := execute(t.Context(), []string{"status", "--all", "--admin", socket}, streams{out: &out, err: &errs})
	if code != exitRefused || !strings.Contains(errs.String(), "1 member of 3 did not answer") {
		t.Errorf("exit %d, said %q", code, errs.String())
	}
	view := first.View().View.ID.String()
	for _, line := range []string{
		"h1 .* zombie +" + view + " +3 +0.1.0", "h2 .* zombie +" + view + " +3 +0.2.0", "h3 .* no answer: .*127.99.0.3:",
		"they differ in version: 0.1.0: h1; 0.2.0: h2",
	} {
		if !regexp.MustCompile("(?m)^" + line).Match(out.Bytes()) {
			t.Errorf("no line %q in\n%s", line, out.String())
		}
	}
	out.Reset()
	execute(t.Context(), []string{"status", "--all", "--json", "--admin", socket}, streams{out: &out, err: &errs})
	var all allAnswer
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all.Members) != 3 || len(all.Differ) != 1 {
		t.Errorf("%v: %s", err, out.String())
	}
}

// Whoever answers at a member's address must be the member.
func TestStatusOfAnotherHost(t *testing.T) {
	network := mem.NewNetwork()
	socket, _ := startMember(t, network, 0, "0.1.0", false)
	m := memberStatus{askedAt: askedAt{Name: "h2", Host: views.HostID{9}, Admin: socket}}
	m.ask(t.Context(), admin.NewClient(socket))
	if m.Said != nil || !strings.Contains(m.Error, "another host answers") {
		t.Errorf("got %+v", m)
	}
}
