package strangers

import (
	"net"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// caller is a connection from an address of which it is told when it is closed.
type caller struct {
	net.Conn
	from   byte
	closed bool
}

func (c *caller) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, c.from), Port: 1} }
func (c *caller) Close() error         { c.closed = true; return nil }

// One who holds every place gives up its own, the longest held first, and not that of
// another who came before or after.
func TestOneAddressContendsWithItself(t *testing.T) {
	r := NewRoom(4)
	other := &caller{from: 2}
	var crowd []*caller
	enter := func(c *caller, wantCrowded bool) {
		t.Helper()
		if in, crowded := r.Enter(c); !in || crowded != wantCrowded {
			t.Fatalf("in %v, crowded %v, want in and crowded %v", in, crowded, wantCrowded)
		}
	}
	enter(other, false)
	for n := range 20 {
		c := &caller{from: 1}
		crowd = append(crowd, c)
		enter(c, n >= 3)
	}
	late := &caller{from: 3}
	enter(late, true)
	if other.closed || late.closed {
		t.Error("another address lost its place")
	}
	for i, c := range crowd {
		if want := i < len(crowd)-2; c.closed != want {
			t.Errorf("caller %d of the crowd is closed: %v, want %v", i, c.closed, want)
		}
	}
}

func TestClosedRoom(t *testing.T) {
	r := NewRoom(2)
	held, gone, late := &caller{from: 1}, &caller{from: 1}, &caller{from: 1}
	r.Enter(held)
	r.Enter(gone)
	r.Leave(gone)
	r.Close()
	if in, _ := r.Enter(late); in || late.closed || !held.closed || gone.closed || r.Len() != 0 {
		t.Errorf("late in %v, closed %v; held closed %v; gone closed %v; %d left", in, late.closed, held.closed, gone.closed, r.Len())
	}
}

// Whatever comes: never more than there may be, exactly what left or was put out is
// missing, and nobody is put out of a room that has places.
func TestRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 5).Draw(t, "most")
		r := NewRoom(most)
		var inside []*caller
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(inside) > 0 && rapid.IntRange(0, 3).Draw(t, "step") == 0 {
				i := rapid.IntRange(0, len(inside)-1).Draw(t, "who")
				r.Leave(inside[i])
				inside = slices.Delete(inside, i, i+1)
				continue
			}
			c := &caller{from: byte(rapid.IntRange(1, 3).Draw(t, "from"))}
			_, crowded := r.Enter(c)
			if crowded != (len(inside) == most) {
				t.Fatalf("crowded %v with %d of %d inside", crowded, len(inside), most)
			}
			inside = slices.DeleteFunc(append(inside, c), func(c *caller) bool { return c.closed })
			if r.Len() != len(inside) || len(inside) > most {
				t.Fatalf("%d inside, %d counted, at most %d", len(inside), r.Len(), most)
			}
		}
	})
}
