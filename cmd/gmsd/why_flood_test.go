package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/transport/transporttest"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// With an event log every message is an event, too: after more of them than are kept, what
// led to each view is told as before.
func TestWhyAfterAFlood(t *testing.T) {
	network := mem.NewNetwork()
	logged := func(c *gms.Config) { c.EventLog = filepath.Join(t.TempDir(), "log") }
	socket, first := startMember(t, network, 0, "0.1.0", true, logged)
	_, second := startMember(t, network, 1, "0.1.0", true, logged)
	ctx, cancel := context.WithTimeout(t.Context(), transporttest.Patience)
	defer cancel()
	for _, h := range []*gms.Host{first, second} { // who has not come to the view yet cannot say why
		for h.View().View.Size() < 2 {
			if _, err := h.WaitView(ctx, h.View().View.ID.Seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	why := func(words ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := execute(ctx, append([]string{"why", "--admin", socket}, words...), streams{out: &out, err: &errs}); code != exitOK {
			t.Fatalf("why %v: exit %d: %s", words, code, errs.String())
		}
		return out.String()
	}
	own, joined := why("1"), why("--all")
	port, err := second.OpenPort("flood")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	installs := func() (n int) {
		for _, h := range []*gms.Host{first, second} {
			for _, r := range h.LastEvents(0) {
				if _, is := r.Event.(trace.Install); is {
					n++
				}
			}
		}
		return n
	}
	for installs() > 0 {
		for range gms.EventsMax / 4 {
			if err := port.Post(ctx, "g", views.FIFO, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if a, b := why("1"), why("--all"); a != own || b != joined || !strings.Contains(b, "took in h") || strings.Contains(a+b, "remember") {
		t.Errorf("before\n%s%safter\n%s%s", own, joined, a, b)
	}
}
