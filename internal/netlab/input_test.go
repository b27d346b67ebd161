package netlab_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/admin"
	"github.com/gmsd/gmsd/internal/netlab"
)

// Exit codes of the daemon, as the outside face promises them.
const (
	exitRefused = 2
	exitDenied  = 4
	exitDamaged = 7
)

// startBeside starts a host without ending the quiet time of the others: they
// must not be disturbed by it.
func (s *stage) startBeside(host int, flags ...string) {
	s.Helper()
	_, err := s.StartBeside(host, flags...)
	s.must(err)
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// refused wants a run that ends at once with one line that says all of words.
func (s *stage) refused(o netlab.Outcome, err error, words ...string) {
	s.Helper()
	s.must(err)
	line := lastLine(o.Stderr)
	if o.Code != exitRefused {
		s.Errorf("code %d, want %d:\n%s", o.Code, exitRefused, o.Stderr)
	}
	for _, w := range words {
		if !strings.Contains(line, w) {
			s.Errorf("%q is missing in %q", w, line)
		}
	}
	s.Log(line)
}

// tryRun runs a further daemon on a host, with an address and a directory, to its end.
func (s *stage) tryRun(on int, bind netip.Addr, dataDir string) (netlab.Outcome, error) {
	return s.Execute(on, generous, "run", "--insecure-lab", "--name", "x", "--bind", bind.String(), "--admin", "none",
		"--data-dir", dataDir, "--admin-socket", filepath.Join(s.Dir(), "x.sock"), "--clients", filepath.Join(s.Dir(), "x-clients.sock"))
}

func TestBadAddresses(t *testing.T) {
	s := newStage(t, 3)
	s.form(2)
	s.flow(usual)
	began := s.Now()
	fresh := s.DataDir(3)
	o, err := s.tryRun(1, netlab.Addr(1), fresh)
	s.refused(o, err, "bind", netlab.Addr(1).String(), "another process")
	o, err = s.tryRun(1, netlab.Addr(99), fresh)
	s.refused(o, err, "bind", netlab.Addr(99).String(), "an address of this machine")
	o, err = s.tryRun(2, netlab.Addr(2), s.DataDir(2))
	s.refused(o, err, "data-dir", "in use")
	s.must(s.IP(3, "link set eth0 multicast off"))
	o, err = s.tryRun(3, netlab.Addr(3), fresh)
	s.refused(o, err, "multicast", "eth0", "transport udp")
	s.flow(usual)
	s.undisturbed(2, began, "because of them")
}

// No host of a lab has a route for multicast: the interface is named to the
// kernel. Not even a rule that forbids the group's addresses keeps one out.
func TestNoMulticastRoute(t *testing.T) {
	s := newStage(t, 3)
	s.must(s.IP(3, "rule add to 224.0.0.0/4 prohibit pref 1"))
	s.form(3)
	s.flow(usual)
}

// A disk that fills up while the host runs costs it nothing that the group
// relies on: the views it can still record it goes along with.
func TestDiskFull(t *testing.T) { onEach(t, diskFullOn) }

func diskFullOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 4)
	s.changes(10)
	s.must(s.SmallDisk(4, "256k"))
	s.form(4)
	s.flow(usual)
	s.must(s.FillDisk(4))
	s.kill(3)
	s.serves([]int{1, 2, 4})
	s.start(3)
	s.serves(netlab.All(4))
	s.must(s.FreeDisk(4))
	_, err := s.Restart(4)
	s.must(err)
	s.serves(netlab.All(4))
}

// A full disk at the start: one clear error.
func TestDiskFullAtStart(t *testing.T) { onEach(t, diskFullAtStartOn) }

func diskFullAtStartOn(t *testing.T, transport string) {
	s := stageOn(t, transport, 3)
	s.form(2)
	s.flow(usual)
	s.must(s.SmallDisk(3, "256k"))
	s.must(s.FillDisk(3))
	s.startBeside(3)
	s.exit(3, exitRefused)
	if said := lastLine(s.Stderr(3)); !strings.Contains(said, "no space") {
		s.Errorf("it does not say why: %s", said)
	}
	s.must(s.FreeDisk(3))
	s.start(3)
	s.settle(netlab.All(3))
	s.flow(10)
}

// floodFrames malformed datagrams go to every host and to the group.
const floodFrames = 3000

func TestFlood(t *testing.T) {
	s := newStage(t, 4)
	s.form(3)
	s.flow(usual)
	real := s.eavesdrop(4)
	before := s.dropped(1)
	s.flood(4, real)
	s.flow(30)
	after := s.dropped(1)
	total := uint64(0)
	for reason, n := range after {
		if n > before[reason] {
			s.Logf("dropped by h1: %s %d", reason, n-before[reason])
			total += n - before[reason]
		}
	}
	if total == 0 {
		s.Errorf("%d malformed datagrams, and h1 counted no drop", floodFrames)
	}
	// A panic would show as a daemon that ended, a wrong view as one more.
	for i := 1; i <= 3; i++ {
		if n := len(s.View(i).Members); n != 3 {
			s.Errorf("%s is in a view of %d", netlab.Name(i), n)
		}
	}
}

var multicastGroup = &net.UDPAddr{IP: net.IPv4(239, 192, 77, 49), Port: netlab.Port}

// eavesdrop takes some frames of the group off the wire.
func (s *stage) eavesdrop(host int) [][]byte {
	var conn *net.UDPConn
	s.must(s.Do(host, func() error {
		eth, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		conn, err = net.ListenMulticastUDP("udp4", eth, multicastGroup)
		return err
	}))
	defer conn.Close()
	s.must(conn.SetReadDeadline(time.Now().Add(generous)))
	var frames [][]byte
	for len(frames) < 50 {
		buf := make([]byte, 64<<10)
		n, err := conn.Read(buf)
		s.must(err)
		frames = append(frames, buf[:n])
	}
	return frames
}

// flood sends noise, real frames that were cut, changed, lengthened or joined,
// and datagrams as large as they come.
func (s *stage) flood(host int, frames [][]byte) {
	var conn net.PacketConn
	s.must(s.Do(host, func() (err error) {
		conn, err = net.ListenPacket("udp4", netlab.Addr(host).String()+":0")
		return err
	}))
	defer conn.Close()
	random := rand.New(rand.NewPCG(1, 2))
	targets := []net.Addr{multicastGroup}
	for i := 1; i <= 3; i++ {
		targets = append(targets, &net.UDPAddr{IP: netlab.Addr(i).AsSlice(), Port: netlab.Port})
	}
	for range floodFrames {
		frame := malformed(random, frames)
		// Where the kernel's buffer is full a frame is lost; there are enough.
		_, _ = conn.WriteTo(frame, targets[random.IntN(len(targets))])
	}
}

func malformed(random *rand.Rand, frames [][]byte) []byte {
	frame := append([]byte(nil), frames[random.IntN(len(frames))]...)
	switch random.IntN(6) {
	case 0:
		return noise(random, random.IntN(200))
	case 1:
		return noise(random, 60_000+random.IntN(5000))
	case 2:
		return frame[:random.IntN(len(frame)+1)]
	case 3:
		return append(frame, noise(random, random.IntN(2000))...)
	case 4:
		return append(frame, frame...)
	}
	for range 1 + random.IntN(4) {
		frame[random.IntN(len(frame))] ^= byte(1 + random.IntN(255))
	}
	return frame
}

func noise(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// dropped is what a host's protocol and transport threw away, by reason.
func (s *stage) dropped(host int) map[string]uint64 {
	client := s.Admin(host)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	defer cancel()
	raw, err := client.Do(ctx, "GET", "/v1/status", nil)
	s.must(err)
	var status admin.StatusAnswer
	s.must(json.Unmarshal(raw, &status))
	out := status.Transport.Dropped
	for reason, n := range status.Engine.Dropped {
		out[reason] += n
	}
	return out
}
