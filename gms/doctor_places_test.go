package gms

import (
	"context"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/views"
)

// alone starts a host on the loopback that looks for others there.
func alone(t *testing.T, name string, peers ...string) *Host {
	t.Helper()
	h, err := Start(t.Context(), Config{
		Name: name, DataDir: filepath.Join(t.TempDir(), name), InsecureLab: true, Transport: TransportUDP,
		Bind: netip.MustParseAddrPort("127.0.0.1:0"), Peers: peers,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// expectFound: a full examination names these, whatever the machine does meanwhile.
func expectFound(t *testing.T, h *Host, want ...string) {
	t.Helper()
	d, err := h.Diagnose(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range d.Verdicts {
		if v.Cause != "process-starved" && v.Cause != "disk-slow" {
			got = append(got, v.String())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("it names %v, want %v", got, want)
	}
}

// Where nobody listens at a place that was configured, the place is named when somebody
// asks, and by the daemon itself once it has been alone for a while.
func TestNobodyIsAtAPlace(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	h := alone(t, "a", at)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		status, err := h.Status(t.Context())
		if err != nil {
			t.Fatal(err) // the deadline of the test
		}
		if slices.ContainsFunc(status.Verdicts, func(v Verdict) bool { return v.String() == "process-down: "+at }) {
			break
		}
		<-again.C
	}
	expectFound(t, h, "process-down: "+at)
}

// Where somebody is at a place by TCP alone, that is named.
func TestOnlyTCPReachesAPlace(t *testing.T) {
	t.Parallel()
	b := alone(t, "b")
	at := relayTCP(t, b.start.Addr.String())
	expectFound(t, alone(t, "a", at), "udp-blocked: a -> "+at)
}

// relayTCP takes connections and passes them on.
func relayTCP(t *testing.T, to string) (at string) {
	t.Helper()
	in, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	go func() {
		for {
			here, err := in.Accept()
			if err != nil {
				return
			}
			go pass(t.Context(), here, to)
		}
	}()
	return in.Addr().String()
}

func pass(ctx context.Context, here net.Conn, to string) {
	defer here.Close()
	there, err := new(net.Dialer).DialContext(ctx, "tcp4", to)
	if err != nil {
		return
	}
	defer there.Close()
	go func() { _, _ = io.Copy(there, here) }()
	_, _ = io.Copy(here, there)
}

// A host whose peers name it by another one of its addresses does not take itself for one
// of them, also before it runs.
func TestBeforeIsNoPeerOfItself(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp4", "127.0.0.3:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().(*net.TCPAddr).AddrPort()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	said := netip.MustParseAddr("127.0.0.2")
	cfg := Config{
		Name: "a", DataDir: filepath.Join(t.TempDir(), "a"), InsecureLab: true, Transport: TransportUDP,
		Bind: netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port()), Advertise: netip.AddrPortFrom(said, at.Port()), Peers: []string{at.String()},
	}
	cfg.seams.addresses = func() ([]netip.Addr, error) { return []netip.Addr{said, at.Addr()}, nil }
	b, err := ExamineBefore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Peers) > 0 {
		t.Errorf("it examines %v and finds %v", b.Peers, b.Verdicts)
	}
}

func placeAt(n byte) suspect {
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), 7749)
	return suspect{host: doctor.PlaceID(at), addr: at, why: isAbsent}
}

// A host that is alone looks at a few of those it waits for in a round, at each in its
// turn, and what was found of the others is not over meanwhile.
func TestAwaitedInTurn(t *testing.T) {
	l, lines, _, _ := bereaved()
	l.publish(nil, l.now.Add(1))
	w := &l.doctor.watch
	w.lost = nil
	l.publish(nil, l.now.Add(1))
	lines.lines = nil
	all := make([]suspect, 0, 12)
	for n := range byte(12) {
		all = append(all, placeAt(n))
	}
	met := map[views.HostID]int{}
	for range 9 {
		l.now = l.now.Add(time.Minute)
		var found []Verdict
		for range 7 { // it looks more often than it asks
			w.nextOf(all, aloneAtOnce)
		}
		for _, s := range w.nextOf(all, aloneAtOnce) {
			w.noteLooked(l.now, s)
			met[s.host]++
			found = append(found, Verdict{Cause: "process-down", From: doctor.Place{Host: s.host, Name: s.addr.String()}})
		}
		l.publish(found, l.now)
	}
	for _, s := range all {
		if met[s.host] != 3 {
			t.Errorf("%v was looked at %d times", s.addr, met[s.host])
		}
	}
	if len(l.doctor.verdicts) != len(all) || lines.has("diagnosis is over") || len(lines.lines) != len(all) {
		t.Errorf("said are %v, logged %q", l.doctor.verdicts, lines.lines)
	}
}

// What is only hidden by a worse cause is not over, and is not told again.
func TestHiddenIsNotOver(t *testing.T) {
	l, lines, _, _ := bereaved()
	l.doctor.watch.lost = nil
	here := doctor.Place{Host: selfProcess.Host, Name: "h1"}
	lost, starved := Verdict{Cause: "packet-loss", From: here}, Verdict{Cause: "process-starved", From: here}
	steps := []struct {
		now  []Verdict
		line string
	}{{nil, "diagnosis is over"}, {[]Verdict{lost}, "diagnosis"}, {[]Verdict{starved}, "diagnosis"}, {[]Verdict{lost}, "diagnosis is over"}, {nil, "diagnosis is over"}}
	for i, step := range steps {
		lines.lines = nil
		l.publish(step.now, l.now)
		if len(lines.lines) != 1 || lines.lines[0] != step.line {
			t.Errorf("step %d: logged %q, want %q", i, lines.lines, step.line)
		}
	}
}
