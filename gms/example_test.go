package gms_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/views"
)

// Three hosts find each other, agree on the order of their messages, and two
// of them see the third one go. They run in one process on an in-memory
// network; without NewTransport each would run on a machine of its own and use
// multicast.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir, err := os.MkdirTemp("", "gms")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	network := mem.NewNetwork()
	var hosts []*gms.Host
	for i, name := range []string{"red", "green", "blue"} {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), gms.DefaultPort)
		h, err := gms.Start(ctx, gms.Config{
			Name:         name,
			DataDir:      filepath.Join(dir, name),
			InsecureLab:  true,
			NewTransport: func(self views.Process) (transport.Transport, error) { return network.Open(addr, self) },
		})
		if err != nil {
			log.Fatal(err)
		}
		defer h.Close()
		hosts = append(hosts, h)
	}

	// Views are totally ordered: wait for the one that has all three.
	for _, h := range hosts {
		fmt.Printf("%s sees %s\n", h.Self().Name, names(waitFor(ctx, h, 3)))
	}

	// Whoever sends, everyone delivers in one order, in the same view.
	listener, err := hosts[2].Listen("greetings")
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range hosts[:2] {
		receipt, err := h.Send(ctx, "greetings", views.Agreed, []byte("hello from "+h.Self().Name))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("at place", receipt.K)
	}
	for range 2 {
		ev := <-listener.C()
		for ev.Kind != gms.KindMessage {
			ev = <-listener.C()
		}
		fmt.Printf("%d: %s\n", ev.Msg.K, ev.Msg.Payload)
	}

	// A graceful leave is a view change, too.
	if err := hosts[2].Leave(ctx); err != nil {
		log.Fatal(err)
	}
	s := waitFor(ctx, hosts[0], 2)
	fmt.Printf("after the %s: %s\n", s.View.Reason, names(s))

	// Output:
	// red sees blue green red
	// green sees blue green red
	// blue sees blue green red
	// at place 1
	// at place 2
	// 1: hello from red
	// 2: hello from green
	// after the leave: green red
}

// waitFor waits for a view of size members.
func waitFor(ctx context.Context, h *gms.Host, size int) *gms.Snapshot {
	s := h.View()
	for s.View.Size() != size {
		var err error
		if s, err = h.WaitView(ctx, s.View.ID.Seq); err != nil {
			log.Fatal(err)
		}
	}
	return s
}

func names(s *gms.Snapshot) string {
	var out []string
	for _, m := range s.View.Members {
		out = append(out, m.Name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
