package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
)

// What a scenario may do to keys, which it names by numbers from 1, in the order in
// which they were made.

// ChangeKeys has host n change its ring, and gives the number of the key that it is about.
func (w *World) ChangeKeys(n int, op engine.KeyOp, number int) (int, error) {
	h := w.hosts[n]
	switch {
	case !h.Running():
		return 0, fmt.Errorf("no daemon runs on %d", n)
	case op != engine.InstallKey && (number < 1 || number > len(w.made)):
		return 0, fmt.Errorf("key %d: there are %d", number, len(w.made))
	}
	c := engine.ChangeKeys{Op: op, At: w.unix()}
	if op != engine.InstallKey {
		c.ID = w.made[number-1]
	}
	w.operator.answer = engine.KeysChanged{Err: engine.ErrPlain}
	w.operator.change(h, c)
	answer := w.operator.answer
	return w.keyNumber(answer.ID), answer.Err
}

// GiveRing gives host to the ring of host from, by hand.
func (w *World) GiveRing(from, to int) {
	ring, _ := w.hosts[from].ringOf()
	w.operator.give(w.hosts[to], ring)
}

// DrawKeys writes "1,2*": the keys of a host by number, the one marked with which it
// speaks. What is not in its file is in brackets.
func (w *World) DrawKeys(n int) string {
	h := w.hosts[n]
	ring, sending := h.ringOf()
	var numbers []int
	for _, e := range ring.Keys() {
		numbers = append(numbers, w.keyNumber(e.Key.ID()))
	}
	slices.Sort(numbers)
	words := make([]string, 0, len(numbers))
	for _, number := range numbers {
		text, id := fmt.Sprint(number), w.made[number-1]
		if id == sending {
			text += "*"
		}
		if _, written := h.disk.rings.ring.Key(id); !written {
			text = "(" + text + ")"
		}
		words = append(words, text)
	}
	return strings.Join(words, ",")
}

func (w *World) keyNumber(id keys.ID) int { return slices.Index(w.made, id) + 1 }
