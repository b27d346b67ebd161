package engine_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views/groups"
	"github.com/gmsd/gmsd/views/transfer"
)

// stateDriver serves the states of one host from memory.
type stateDriver struct {
	*lanHost
	state []byte // what a port here gives
	file  []byte // what a port here takes
	donor int    // how often a port here was named
	parts map[string]int
	done  *transfer.Complete
	told  []string
	sum   [32]byte
}

func (d *stateDriver) input(in engine.Input) { d.lan.at(50*time.Microsecond, d.lanHost, in, nil) }

func (d *stateDriver) act(out *engine.Output) {
	for i := range out.Send {
		d.sum = sha256.Sum256(append(d.sum[:], out.Send[i].Frame...))
	}
	for _, r := range out.State.Reads {
		end := min(int(r.Offset)+r.Size, len(d.state))
		if int(r.Offset) <= len(d.state) {
			d.input(engine.StateRead{ID: r.ID, Index: r.Index, Data: d.state[r.Offset:end], EOF: end == len(d.state)})
		}
	}
	for _, r := range out.State.KeptReads {
		end := min(int(r.Offset)+r.Size, len(d.file))
		d.parts["kept"]++
		d.input(engine.KeptRead{ID: r.ID, Index: r.Index, Data: slices.Clone(d.file[r.Offset:end])})
	}
	for _, w := range out.State.Writes {
		if end := int(w.Offset) + len(w.Data); end > len(d.file) {
			d.file = append(d.file, make([]byte, end-len(d.file))...)
		}
		copy(d.file[w.Offset:], w.Data)
		d.parts["written"]++
		d.input(engine.StateWritten{ID: w.ID, Index: w.Index})
	}
	for _, s := range out.State.Seals {
		d.file = d.file[:s.Bytes]
		d.input(engine.StateSealed{ID: s.ID})
	}
	for _, ev := range out.Deliver {
		d.event(ev)
	}
}

func (d *stateDriver) event(ev engine.Delivery) {
	switch ev := ev.(type) {
	case groups.Handover:
		id := engine.TransferOf(&ev)
		if ev.Donor.Process == d.process {
			d.donor++
			if d.state == nil {
				d.input(engine.Refuse{ID: id})
			} else {
				d.input(engine.Donate{ID: id, Size: uint64(len(d.state))})
			}
		}
		if ev.Joiner.Process == d.process {
			d.told = append(d.told, fmt.Sprintf("from %d, first %v", ev.Donor.Port, ev.First))
			if ev.Donor.Port != 0 {
				d.input(engine.Receive{ID: id, Donor: ev.Donor.Process, Kept: uint64(len(d.file))})
			}
		}
	case transfer.Complete:
		if ev.Role == transfer.Joiner {
			d.done = &ev
			d.input(engine.TookState{Port: ev.ID.Port, Group: ev.ID.Group})
		}
	case transfer.Failed:
		d.told = append(d.told, ev.Role.String()+": "+ev.Reason.String())
	}
}

// stateWorld has a port in g at each of n hosts, the last of which is new and
// wants the state, and three different ports.
func stateWorld(t *testing.T, n int, size int) (*lan, []*stateDriver) {
	l := newLAN(t, 5)
	state := make([]byte, size)
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range state {
		state[i] = byte(rng.Uint32())
	}
	var all []*stateDriver
	for i := range n {
		d := &stateDriver{lanHost: l.add(0), parts: map[string]int{}}
		if i < n-1 {
			d.state = state
		}
		d.look = d.act
		all = append(all, d)
	}
	l.until(10*time.Second, l.oneView)
	for i, d := range all {
		d.step(engine.Join{Port: uint32(i + 1), Group: "g", Name: "p", State: i == n-1})
		l.run(50 * time.Millisecond)
	}
	return l, all
}

func TestStateGoesToTheJoiner(t *testing.T) {
	var sums [][32]byte
	for range 2 { // equal inputs, equal outputs
		l, all := stateWorld(t, 3, 300_000)
		joiner := all[2]
		l.until(20*time.Second, func() bool { return joiner.done != nil })
		l.run(time.Second)
		if joiner.done == nil || !bytes.Equal(joiner.file, all[0].state) {
			t.Fatalf("%d bytes, told %v", len(joiner.file), joiner.told)
		}
		if all[0].donor != 1 || all[1].donor != 0 {
			t.Errorf("asked the oldest %d times, the other %d", all[0].donor, all[1].donor)
		}
		sums = append(sums, joiner.sum, all[0].sum)
	}
	if sums[0] != sums[2] || sums[1] != sums[3] {
		t.Error("the same inputs gave different frames")
	}
}

// A donor that refuses, and one that dies half way: the next goes on with what
// is in the file.
func TestStateOfAnotherDonor(t *testing.T) {
	l, all := stateWorld(t, 4, 0)
	joiner := all[3]
	if joiner.done == nil { // an empty state is one, too
		t.Fatalf("told %v", joiner.told)
	}
	late := &stateDriver{lanHost: l.add(0), parts: map[string]int{}}
	late.look = late.act
	l.until(10*time.Second, l.oneView)
	state := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	all[0].state, all[1].state, all[2].state = nil, state, state
	late.step(engine.Join{Port: 9, Group: "g", Name: "p", State: true})
	l.until(20*time.Second, func() bool { return len(late.file) > 1<<20 })
	l.kill(all[1].lanHost)
	l.until(60*time.Second, func() bool { return late.done != nil })
	if late.done == nil || !bytes.Equal(late.file, state) {
		t.Fatalf("%d bytes, told %v", len(late.file), late.told)
	}
	want := []string{"from 1, first false", "joiner: donor-stopped", "from 2, first false", "joiner: donor-gone", "from 3, first false"}
	if !slices.Equal(late.told, want) {
		t.Errorf("told %q, want %q", late.told, want)
	}
	if late.parts["kept"] == 0 || late.parts["written"] > len(state)/1200+1200 {
		t.Errorf("kept and written: %v", late.parts)
	}
}

// Two ports of one host: their words stay inside.
func TestStateWithinAHost(t *testing.T) {
	l := newLAN(t, 5)
	d := &stateDriver{lanHost: l.add(0), parts: map[string]int{}, state: bytes.Repeat([]byte{7}, 1<<20)}
	d.look = d.act
	l.run(time.Second)
	d.step(engine.Join{Port: 1, Group: "g", State: true})
	l.run(time.Second)
	d.step(engine.Join{Port: 2, Group: "g", State: true})
	l.until(20*time.Second, func() bool { return d.done != nil })
	if d.done == nil || !bytes.Equal(d.file, d.state) || !slices.Equal(d.told, []string{"from 0, first true", "from 1, first false"}) {
		t.Fatalf("%d bytes, told %q", len(d.file), d.told)
	}
}
