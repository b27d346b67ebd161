package gms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/transport/mem"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// lan is a group of hosts on one in-memory network, each with the shipped
// engine and a real data directory.
type lan struct {
	t     *testing.T
	net   *mem.Network
	dir   string
	hosts []*gms.Host
}

func addrOf(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), gms.DefaultPort)
}

func configOf(net *mem.Network, dir string, i int) gms.Config {
	cfg := gms.Config{
		Name: fmt.Sprintf("h%d", i), DataDir: filepath.Join(dir, fmt.Sprint(i)), InsecureLab: true,
		NewTransport: func(self views.Process) (transport.Transport, error) { return net.Open(addrOf(i), self) },
	}
	cfg.UseBubbleClock()
	return cfg
}

// onLAN runs f with n hosts that have met.
func onLAN(t *testing.T, n int, f func(t *testing.T, l *lan)) {
	t.Helper()
	onLANWith(t, n, func(*gms.Config) {}, f)
}

// onLANWith does it with hosts that are started another way.
func onLANWith(t *testing.T, n int, change func(*gms.Config), f func(t *testing.T, l *lan)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := &lan{t: t, net: mem.NewNetwork(), dir: dir}
		for i := 1; i <= n; i++ {
			cfg := configOf(l.net, dir, i)
			cfg.EventLog = filepath.Join(dir, fmt.Sprint("log", i))
			cfg.LabFaults = true
			change(&cfg)
			h, err := gms.Start(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			l.hosts = append(l.hosts, h)
		}
		defer func() {
			for _, h := range l.hosts {
				h.Close()
			}
			synctest.Wait()
		}()
		l.meet(n)
		f(t, l)
	})
}

// meet waits until these hosts share one view of exactly n.
func (l *lan) meet(n int, hosts ...*gms.Host) *gms.Snapshot {
	l.t.Helper()
	if len(hosts) == 0 {
		hosts = l.hosts
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute) // virtual
	defer cancel()
	for ctx.Err() == nil {
		first := hosts[0].View()
		if first.View.Size() == n && !slices.ContainsFunc(hosts, func(h *gms.Host) bool { return h.View().View.ID != first.View.ID }) {
			return first
		}
		time.Sleep(5 * time.Millisecond) // virtual
	}
	for _, h := range hosts {
		l.t.Logf("%s is in %v", h.Self().Name, h.View().View)
	}
	l.t.Fatalf("no common view of %d within a minute", n)
	return nil
}

func TestAGroupFormsAndAgrees(t *testing.T) {
	onLAN(t, 5, func(t *testing.T, l *lan) {
		for _, h := range l.hosts {
			if got := len(h.History()); got > 4 {
				t.Errorf("%s needed %d views to meet the others", h.Self().Name, got)
			}
			if !h.Self().Bits.Has(views.Started) {
				t.Errorf("%s is not started", h.Self().Name)
			}
		}
		var heard [5][]string
		for i, h := range l.hosts {
			listener, err := h.Listen("chat")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for ev := range listener.C() {
					if ev.Kind == gms.KindMessage {
						heard[i] = append(heard[i], fmt.Sprintf("%d:%s", ev.Msg.K, ev.Msg.Payload))
					}
				}
			}()
		}
		for round := range 10 {
			for i, h := range l.hosts {
				go func() {
					if _, err := h.Send(t.Context(), "chat", views.Agreed, fmt.Appendf(nil, "%d.%d", i, round)); err != nil {
						t.Error(err)
					}
				}()
			}
		}
		time.Sleep(5 * time.Second) // virtual
		synctest.Wait()
		for i := range heard {
			if len(heard[i]) != 50 {
				t.Errorf("host %d heard %d messages, want 50", i, len(heard[i]))
			}
			if !slices.Equal(heard[i], heard[0]) {
				t.Errorf("host %d heard another order:\n%v\n%v", i, heard[i], heard[0])
			}
		}
	})
}

func TestLeaveAndCrash(t *testing.T) {
	onLAN(t, 4, func(t *testing.T, l *lan) {
		if err := l.hosts[3].Leave(t.Context()); err != nil {
			t.Fatalf("Leave: %v", err)
		}
		if got := l.meet(3, l.hosts[:3]...); got.View.Reason != views.ReasonLeave {
			t.Errorf("reason %v, want leave", got.View.Reason)
		}
		l.hosts[2].Close()
		if got := l.meet(2, l.hosts[:2]...); got.View.Reason != views.ReasonCrash {
			t.Errorf("reason %v, want crash", got.View.Reason)
		}
		for _, h := range l.hosts[:2] {
			if err := h.SetAttrs(t.Context(), map[string]string{"n": h.Self().Name}); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLabCutsPartitionAndHeal(t *testing.T) {
	onLAN(t, 4, func(t *testing.T, l *lan) {
		left := []netip.AddrPort{addrOf(1), addrOf(2)}
		right := []netip.AddrPort{addrOf(3), addrOf(4)}
		for i, h := range l.hosts {
			others := right
			if i >= 2 {
				others = left
			}
			if err := h.LabCut(others, "both"); err != nil {
				t.Fatal(err)
			}
		}
		l.meet(2, l.hosts[:2]...)
		l.meet(2, l.hosts[2:]...)
		for _, h := range l.hosts {
			if err := h.LabHeal(); err != nil {
				t.Fatal(err)
			}
		}
		if got := l.meet(4); got.View.Kind != views.Merge || len(got.View.Subgroups) != 2 {
			t.Errorf("healed to %v of %d subgroups, want a merge of 2", got.View.Kind, len(got.View.Subgroups))
		}
	})
}

// TestARestartIsANewIncarnation: same directory, same host, next life, and seqs rise.
func TestARestartIsANewIncarnation(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		net := mem.NewNetwork()
		var last gms.Snapshot
		var self views.Member
		for life := range 3 {
			cfg := configOf(net, dir, 1)
			cfg.EventLog = filepath.Join(dir, "log")
			h, err := gms.Start(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if life > 0 {
				if h.Self().Host != self.Host || h.Self().Incarnation != self.Incarnation+1 {
					t.Errorf("life %d is %v after %v", life, h.Self().Process, self.Process)
				}
				if !last.View.ID.Less(h.View().View.ID) {
					t.Errorf("view %v after %v: ids must rise over restarts", h.View().View.ID, last.View.ID)
				}
			}
			self, last = h.Self(), *h.View()
			if _, err := gms.Start(t.Context(), cfg); err == nil {
				t.Error("a second host started in the same directory")
			}
			if err := h.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	checkLog(t, filepath.Join(dir, "log"), 3)
}

// checkLog holds an event log against the rules of the outside face that one
// file shows: N without a gap from 1 in every life, time that never falls, a
// start first, a stop last.
func checkLog(t *testing.T, name string, lives int) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var prev trace.Record
	starts, stops := 0, 0
	for line := range bytes.Lines(data) {
		rec, err := trace.ParseLine(line)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		switch rec.Event.(type) {
		case trace.Start:
			starts++
			if rec.N != 1 {
				t.Errorf("a start has n %d, want 1", rec.N)
			}
		case trace.Stop:
			stops++
		}
		if rec.N != 1 && (rec.N != prev.N+1 || rec.T < prev.T || rec.Process != prev.Process) {
			t.Errorf("record %+v after %+v", rec, prev)
		}
		prev = rec
	}
	if starts != lives || stops != lives {
		t.Errorf("%d starts and %d stops of %d lives", starts, stops, lives)
	}
}

// TestUDPAndMulticast runs the real transports on the loopback interface.
func TestUDPAndMulticast(t *testing.T) {
	for _, name := range []string{gms.TransportUDP, gms.TransportMulticast} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			dir := t.TempDir()
			var hosts []*gms.Host
			for i := 1; i <= 3; i++ {
				cfg := gms.Config{
					Name: fmt.Sprintf("h%d", i), Group: "gms-" + t.Name()[:8] + fmt.Sprint(os.Getpid()),
					DataDir: filepath.Join(dir, fmt.Sprint(i)), InsecureLab: true, Transport: name,
					Bind:       netip.MustParseAddrPort("127.0.0.1:0"),
					McastGroup: netip.MustParseAddrPort("239.192.77.50:7949"),
				}
				if i > 1 {
					cfg.Peers = []string{hosts[0].Self().Addr.String()}
				}
				h, err := gms.Start(ctx, cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer h.Close()
				hosts = append(hosts, h)
			}
			for _, h := range hosts {
				for s := h.View(); s.View.Size() < 3; {
					var err error
					if s, err = h.WaitView(ctx, s.View.ID.Seq); err != nil {
						t.Fatalf("%s: %v, in %v", h.Self().Name, err, h.View().View)
					}
				}
			}
			if _, err := hosts[1].Send(ctx, "g", views.Agreed, []byte("hello")); err != nil {
				t.Error(err)
			}
			if err := hosts[2].Leave(ctx); err != nil {
				t.Errorf("Leave: %v", err)
			}
			for _, h := range hosts[:2] {
				for s := h.View(); s.View.Size() > 2; {
					var err error
					if s, err = h.WaitView(ctx, s.View.ID.Seq); err != nil {
						t.Fatal(err)
					}
				}
				if s := h.Stats(); s.Transport.UnicastIn.Packets+s.Transport.MulticastIn.Packets == 0 {
					t.Error("the transport counted nothing")
				}
			}
		})
	}
}

func TestAPortInUseIsSaidSo(t *testing.T) {
	dir := t.TempDir()
	cfg := gms.Config{
		Name: "h1", DataDir: filepath.Join(dir, "1"), InsecureLab: true, Transport: gms.TransportUDP,
		Bind: netip.MustParseAddrPort("127.0.0.1:0"),
	}
	h, err := gms.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	cfg.DataDir, cfg.Bind = filepath.Join(dir, "2"), h.Self().Addr
	if second, err := gms.Start(t.Context(), cfg); err == nil {
		second.Close()
		t.Error("two hosts on one port")
	} else if errors.Is(err, gms.ErrClosed) {
		t.Errorf("started and stopped: %v", err)
	}
}

// TestACloneIsDenied: a copy of a data directory comes up while its original is
// in the view.
func TestACloneIsDenied(t *testing.T) {
	onLAN(t, 3, func(t *testing.T, l *lan) {
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, "9"), os.DirFS(filepath.Join(l.dir, "1"))); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", "identity", "state", "lock"} {
			mode := os.FileMode(0o600)
			if name == "" {
				mode = 0o700
			}
			if err := os.Chmod(filepath.Join(dir, "9", name), mode); err != nil {
				t.Fatal(err)
			}
		}
		clone, err := gms.Start(t.Context(), configOf(l.net, dir, 9))
		if err != nil {
			t.Fatal(err)
		}
		defer clone.Close()
		select {
		case <-clone.Done():
		case <-time.After(time.Minute): // virtual
			t.Fatalf("the clone still runs, in %v", clone.View().View)
		}
		var denied *gms.DeniedError
		if !errors.As(clone.Err(), &denied) || denied.Code != views.RefuseDuplicate || denied.Detail == "" {
			t.Errorf("the clone stopped with %v, want a DeniedError for a duplicate", clone.Err())
		}
		l.meet(3)
	})
}

func TestADamagedDirectoryDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cfg := configOf(mem.NewNetwork(), dir, 1)
		h, err := gms.Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		if err := os.WriteFile(filepath.Join(cfg.DataDir, "state"), []byte("rubbish"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = gms.Start(t.Context(), cfg)
		var damaged *gms.DamagedError
		if !errors.As(err, &damaged) || damaged.Dir != cfg.DataDir {
			t.Errorf("Start: %v, want a DamagedError that names %s", err, cfg.DataDir)
		}
	})
}
