package mcast_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mcast"
	"github.com/gmsd/gmsd/transport/transporttest"
)

// inNamespace names the tests that run again in a network namespace of their
// own, as a process of their own.
const inNamespace = "GMSD_TEST_NAMESPACE"

// namespaced runs the calling test again in a new network namespace and
// reports whether this is that run.
func namespaced(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) == t.Name() {
		return true
	}
	if out, err := exec.Command("unshare", "--net", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		why := "needs root and the tools unshare and ip: " + err.Error() + ": " + string(out)
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip("SKIPPED: ", why)
	}
	cmd := exec.Command("unshare", "--net", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), inNamespace+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in the namespace: %v\n%s", err, out)
	}
	return false
}

// ip runs commands of the ip tool, one a line.
func ip(t *testing.T, lines string) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.TrimSpace(line), err, out)
		}
	}
}

const makeLink = `
link add v0 type veth peer name v1
addr add 10.99.0.1/24 dev v0
addr add 10.99.0.2/24 dev v0
link set v1 up
link set v0 up`

func openAt(t *testing.T, bind string, i int) *mcast.Transport {
	t.Helper()
	return open(t, mcast.Config{
		Bind: netip.MustParseAddrPort(bind), GroupHash: 1, Self: transporttest.Process(i, 1),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
}

// heard seeks from a until b hears one of the frames: joining again takes the
// kernel and us a moment after the interface is back.
func heard(t *testing.T, a *mcast.Transport, frames <-chan string, what string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(transporttest.Patience)
	for {
		select {
		case got := <-frames:
			if got == what {
				return
			}
		case <-tick.C:
			_ = a.Seek([]byte(what)) // no route while the link is down
		case <-limit:
			t.Fatalf("%q was not heard", what)
		}
	}
}

func pump(tr *mcast.Transport) <-chan string {
	frames := make(chan string, 1024)
	go func() {
		batch := transporttest.NewBatch(1)
		for {
			if _, err := tr.Receive(batch); err != nil {
				return
			}
			select {
			case frames <- string(batch[0].Buf[:batch[0].N]):
			default:
			}
		}
	}()
	return frames
}

// A default installation has no route for multicast but the default route, and a
// closed network has not even that: the interface is named, so none is needed.
func TestNoMulticastRouteIsNeeded(t *testing.T) {
	if !namespaced(t) {
		return
	}
	ip(t, makeLink)
	a, b := openAt(t, "10.99.0.1:7749", 0), openAt(t, "10.99.0.2:7749", 1)
	pump(a)
	heard(t, a, pump(b), "hello")
}

func TestRejoinAfterFlapAndRemoval(t *testing.T) {
	if !namespaced(t) {
		return
	}
	ip(t, makeLink)
	a, b := openAt(t, "10.99.0.1:7749", 0), openAt(t, "10.99.0.2:7749", 1)
	pump(a)
	frames := pump(b)
	heard(t, a, frames, "before")

	ip(t, "link set v0 down")
	ip(t, "link set v0 up")
	heard(t, a, frames, "after a flap")

	ip(t, "link set v1 down") // carrier lost
	ip(t, "link set v1 up")
	heard(t, a, frames, "after loss of carrier")

	ip(t, "addr flush dev v0")
	ip(t, "addr add 10.99.0.1/24 dev v0\naddr add 10.99.0.2/24 dev v0")
	heard(t, a, frames, "after the addresses came back")

	ip(t, "link del v0") // the kernel forgets the membership with it
	ip(t, makeLink)
	heard(t, a, frames, "after a new interface")
}

func TestNoMulticastOnInterface(t *testing.T) {
	if !namespaced(t) {
		return
	}
	ip(t, makeLink)
	ip(t, "link set v0 multicast off")
	_, err := mcast.Open(mcast.Config{Bind: netip.MustParseAddrPort("10.99.0.1:7749")})
	if !errors.Is(err, transport.ErrNoRoute) {
		t.Fatalf("got %v, want no route", err)
	}
	for _, want := range []string{"239.192.77.49", "v0", "multicast on", "transport udp"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	// Where unicast will do it opens, and joins once it can.
	said := new(bytes.Buffer)
	deaf := open(t, mcast.Config{
		Bind: netip.MustParseAddrPort("10.99.0.2:7749"), GroupHash: 1, Self: transporttest.Process(1, 1), Optional: true,
		Logger: slog.New(slog.NewTextHandler(said, nil)),
	})
	if !strings.Contains(said.String(), "multicast on") {
		t.Errorf("it does not say that it has no multicast: %s", said)
	}
	if err := deaf.SendAll([]byte("x"), []netip.AddrPort{netip.MustParseAddrPort("10.99.0.1:7749")}); err != nil {
		t.Errorf("what is lost with a group that is known to be out of reach: %v", err)
	}
	frames := pump(deaf)
	// Nothing is left behind: the port is free for the next attempt.
	ip(t, "link set v0 multicast on")
	heard(t, openAt(t, "10.99.0.1:7749", 0), frames, "multicast is on")
}
