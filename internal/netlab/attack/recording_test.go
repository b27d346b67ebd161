package attack

import (
	"bufio"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// record writes frames a millisecond apart.
func record(t *testing.T, frames ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r := &Recorder{file: file, out: bufio.NewWriter(file)}
	for i, frame := range frames {
		if err := r.keep(time.Duration(i)*time.Millisecond, frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.out.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRecording(t *testing.T) {
	greeting := "a greeting that is longer than it must be at least"
	path := record(t,
		segment(10, 2, ""), // dialled
		segment(11, 16, greeting[:20]),
		appendDatagram(nil, one, two, from, to, []byte("a frame")),
		segment(11, 16, greeting[:20]), // repeated
		segment(31, 16, greeting[20:]),
		segment(1000, 16, "out of order"),
	)
	var at []time.Duration
	if err := each(path, func(d time.Duration, _ []byte) bool { at = append(at, d); return len(at) < 3 }); err != nil || !slices.Equal(at, []time.Duration{0, time.Millisecond, 2 * time.Millisecond}) {
		t.Errorf("%v, %v", at, err)
	}
	m, err := gather(path, to.Port(), rand.New(rand.NewPCG(1, 1)))
	if err != nil || len(m.payloads) != 1 || string(m.payloads[0]) != "a frame" || len(m.streams) != 1 || string(m.streams[0]) != greeting {
		t.Errorf("%q, %q, %v", m.payloads, m.streams, err)
	}
}

func TestRecordingIsRefused(t *testing.T) {
	if _, err := gather(record(t), 1, nil); err == nil {
		t.Error("an empty recording is taken")
	}
	path := record(t, segment(1, 2, "x"))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[8] = 0xff // the length
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := each(path, func(time.Duration, []byte) bool { return true }); err == nil {
		t.Error("a frame of any length is taken")
	}
}

// Each kind of change makes of recorded payloads something else that fits a datagram,
// and each kind of broken greeting can be made of the shortest stream.
func TestMutations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	m := &material{payloads: [][]byte{[]byte("x"), noise(random, 700), noise(random, payloadMax)}}
	met := map[int]int{}
	for range 20_000 {
		b, kind := m.mutate(random)
		met[kind]++
		if len(b) > payloadMax || slices.ContainsFunc(m.payloads[1:], func(p []byte) bool { return slices.Equal(p, b) }) {
			t.Fatalf("%s gives %d bytes, changed or not", mutations[kind].name, len(b))
		}
	}
	if len(met) != len(mutations) {
		t.Errorf("kinds met: %v", met)
	}
	said := noise(random, streamLeast)
	before := slices.Clone(said)
	for n := range 200 {
		for _, b := range breaches {
			b.make(random, said, n)
		}
	}
	if !slices.Equal(said, before) {
		t.Error("a recorded stream was changed in place")
	}
}
