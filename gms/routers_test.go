package gms_test

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/transport/gossip"
	"github.com/gmsd/gmsd/transport/router"
	"github.com/gmsd/gmsd/transport/tcp"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
)

// TestClaimedAddressOfAMember has two members that are relayed, and outsiders who say to
// the router that they are where one of these is: they get nothing of what is for it.
func TestClaimedAddressOfAMember(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), transporttest.Patience)
	defer cancel()
	at := transporttest.LoopbackNet(t)
	r, err := gossip.Open(gossip.Config{Bind: at(100)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	dir := t.TempDir()
	var hosts []*gms.Host
	for i := range 2 {
		h, err := gms.Start(ctx, gms.Config{
			Name: fmt.Sprintf("h%d", i), Group: "claimed", DataDir: filepath.Join(dir, fmt.Sprint(i)), InsecureLab: true,
			Transport: gms.TransportRouter, Bind: at(i), Advertise: at(200 + i), Routers: []string{at(100).String()},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		hosts = append(hosts, h)
	}
	for _, h := range hosts {
		for s := h.View(); s.View.Size() < 2; {
			if s, err = h.WaitView(ctx, s.View.ID.Seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	outsiders := claimants(t, 12, at, hosts[1].Self().Addr)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for hosts[0].Routers()[0].Members < len(outsiders)+1 {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatal("the outsiders are not registered")
		}
	}
	for range 20 {
		if _, err := hosts[0].Send(ctx, "g", views.Safe, []byte("for both")); err != nil {
			t.Fatal(err)
		}
	}
	for i, o := range outsiders {
		if got := o.Stats().UnicastIn.Packets; got > 0 {
			t.Errorf("outsider %d got %d frames", i, got)
		}
	}
}

// claimants registers outsiders who say that they are at an address, and who read.
func claimants(t *testing.T, n int, at func(int) netip.AddrPort, claimed netip.AddrPort) (all []*router.Transport) {
	t.Helper()
	for i := range n {
		o, err := router.Open(router.Config{
			Direct: tcp.Config{
				Bind: at(20 + i), Advertise: claimed, GroupHash: engine.GroupHash("claimed"),
				Self: transporttest.Process(i, 1), Nonce: 1,
			},
			Routers: []string{at(100).String()}, Identity: transporttest.Identity(i),
		})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			batch := transporttest.NewBatch(4)
			for {
				if _, err := o.Receive(batch); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() {
			_ = o.Close()
			<-done
		})
		all = append(all, o)
	}
	return all
}
