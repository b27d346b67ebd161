package engine_test

import (
	"bufio"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// templates gives one message of each type, from the golden frames.
func templates(t *testing.T) []message.Message {
	t.Helper()
	f, err := os.Open("../wire/testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []message.Message
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, text, _ := strings.Cut(lines.Text(), " ")
		raw, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil {
			t.Fatal(err)
		}
		var frame wire.Frame
		if err := wire.Decode(raw, &frame); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		out = append(out, frame.Messages...)
	}
	if len(out) != int(message.TypeEnd)-1 {
		t.Fatalf("%d templates, want %d", len(out), message.TypeEnd-1)
	}
	return out
}

// liar puts values that mean something to the group in the place of those that stand
// in a message.
type liar struct {
	rng       *rand.Rand
	ids       []views.ViewID
	processes []views.Process
	addrs     []netip.AddrPort
}

// learn takes in what the hosts know now.
func (a *liar) learn(l *lan) {
	a.ids, a.processes, a.addrs = []views.ViewID{{}}, []views.Process{{}}, nil
	for _, h := range l.hosts {
		a.addrs = append(a.addrs, h.addr)
		for lives := range 3 { // the last one, this one, the next one
			a.processes = append(a.processes, views.Process{Host: h.process.Host, Incarnation: h.process.Incarnation + views.Incarnation(lives) - 1})
		}
		if h.Engine == nil || h.View() == nil {
			continue
		}
		id := h.View().ID
		next, far := id, id
		next.Seq, far.Seq = id.Seq+1, id.Seq+1<<40
		mine := next
		mine.Coordinator = h.process.Host
		a.ids = append(a.ids, id, next, mine, far)
	}
}

// lie changes about a third of what stands in v.
func (a *liar) lie(v reflect.Value) {
	if !v.CanSet() || a.rng.IntN(3) > 0 && v.Kind() != reflect.Struct && v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return
	}
	switch x := v.Addr().Interface().(type) {
	case *views.ViewID:
		*x = a.ids[a.rng.IntN(len(a.ids))]
		return
	case *views.Process:
		*x = a.processes[a.rng.IntN(len(a.processes))]
		return
	case *netip.AddrPort:
		*x = a.addrs[a.rng.IntN(len(a.addrs))]
		return
	}
	switch v.Kind() { //nolint:exhaustive // the others stay
	case reflect.Struct:
		for i := range v.NumField() {
			a.lie(v.Field(i))
		}
	case reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				a.lie(v.Index(i))
			}
		}
	case reflect.Slice:
		switch n := v.Len(); {
		case n == 0:
			return
		case a.rng.IntN(4) == 0:
			v.Set(v.Slice(0, a.rng.IntN(n)))
		case a.rng.IntN(4) == 0 && v.Type().Elem().Kind() != reflect.Uint8:
			v.Set(reflect.AppendSlice(v.Slice(0, n), v.Slice(0, n)))
		}
		for i := range v.Len() {
			a.lie(v.Index(i))
		}
	case reflect.Pointer:
		switch {
		case a.rng.IntN(3) == 0:
			v.SetZero()
		case !v.IsNil():
			a.lie(v.Elem())
		}
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint([]uint64{0, 1, 2, 3, v.Uint() + 1, 1<<v.Type().Bits() - 1}[a.rng.IntN(6)])
	case reflect.Int, reflect.Int64:
		v.SetInt([]int64{0, 1, -1, 1 << 40, -1 << 62}[a.rng.IntN(5)])
	}
}

// TestInsiderSaysAnything: one who has the ring and the identity of a host, member or
// not, and says in its name what no daemon of ours says, at any time, breaks no other
// process; it may well break the group.
func TestInsiderSaysAnything(t *testing.T) {
	all := templates(t)
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	said := map[message.Type]int{}
	for seed := range uint64(rounds) {
		l := newLAN(t, 1000+seed)
		if seed%2 == 0 {
			l.ring = ringN(1)
		}
		for i := range 4 {
			l.add(time.Duration(i) * time.Duration(l.rng.Int64N(int64(300*time.Millisecond))))
		}
		a := &liar{rng: l.rng}
		mouths := map[*lanHost]*insider{}
		for range 400 {
			pause := []time.Duration{1, 100 * time.Microsecond, 20 * time.Millisecond, 300 * time.Millisecond}[l.rng.IntN(4)]
			l.run(time.Duration(l.rng.Int64N(int64(pause))))
			a.learn(l)
			as, to := l.hosts[l.rng.IntN(4)], l.hosts[l.rng.IntN(4)]
			if as == to || as.Engine == nil || to.Engine == nil || as.dead {
				continue
			}
			if to.dead || l.rng.IntN(20) == 0 { // it was talked into stopping, or was killed
				to.dead, to.armed = false, 0
				to.process.Incarnation++
				to.boot()
			}
			template := all[l.rng.IntN(len(all))]
			m := reflect.New(reflect.TypeOf(template).Elem())
			m.Elem().Set(reflect.ValueOf(template).Elem())
			clone(m.Elem())
			a.lie(m.Elem())
			lie := m.Interface().(message.Message)
			if _, err := wire.AppendBody(nil, lie); err != nil {
				continue // that cannot be said
			}
			said[lie.Type()]++
			if l.ring.IsZero() {
				to.step(engine.Received{From: as.addr, Frame: plain(t, as, lie)})
				continue
			}
			in := mouths[as]
			if in == nil || in.header.From != as.process {
				in = l.insider(as.process, as.nonce)
				in.identity = as.identity
				mouths[as] = in
			}
			in.say(to, as.addr, lie, lie.Type().SignedByItsSender())
		}
	}
	for _, m := range all {
		if said[m.Type()] == 0 {
			t.Errorf("no %v was said", m.Type())
		}
	}
}

// plain gives a frame of one message, of a group without keys.
func plain(t *testing.T, from *lanHost, m message.Message) []byte {
	t.Helper()
	head := wire.AppendHeader(nil, message.Header{Group: engine.GroupHash("g"), From: from.process, Nonce: from.nonce})
	frame, err := wire.AppendMessage(head, m)
	if err != nil {
		t.Fatal(err)
	}
	wire.Sum(frame)
	return frame
}

// clone has v share no memory with what it was copied from.
func clone(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // the others hold none
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				clone(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(fresh, v)
		v.Set(fresh)
		for i := range v.Len() {
			clone(v.Index(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		fresh := reflect.New(v.Type().Elem())
		fresh.Elem().Set(v.Elem())
		v.Set(fresh)
		clone(v.Elem())
	}
}
