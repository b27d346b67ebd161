package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/internal/engine"
)

// What an operator does with the keys of a sealed group. Keys are named by numbers in
// the order in which they were made; the first ring holds key 1.
//
//	keys SET install            a fresh key
//	keys SET use N / keys SET remove N
//	give SET of=SET             the ring of another host, by hand
//	expect-keys SET 1,2*        each has exactly these, in its file, too, and seals with the one marked
func init() { //nolint:gochecknoinits // as in command.go, whose init runs first
	for name, do := range map[string]handler{"keys": changeKeys, "give": give, "expect-keys": expectKeys} {
		commands[name] = do
	}
}

func changeKeys(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	what, err := c.word(1, "install, use or remove")
	op := slices.Index([]string{"install", "use", "remove"}, what)
	if err != nil || op < 0 {
		return "", fmt.Errorf("%q: want install, use or remove", what)
	}
	number := 0
	if engine.KeyOp(op) != engine.InstallKey {
		if what, err = c.word(2, "the key's number"); err == nil {
			number, err = strconv.Atoi(what)
		}
	}
	var b strings.Builder
	for _, n := range s.Numbers() {
		if err == nil {
			number, err = f.w.ChangeKeys(n, engine.KeyOp(op), number)
			fmt.Fprintf(&b, "%d: key %d\n", n, number)
		}
	}
	return b.String(), err
}

func give(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	of, err := f.set(c.Options["of"])
	for _, n := range s.Numbers() {
		f.w.GiveRing(of.First(), n)
	}
	return "", err
}

func expectKeys(f *Film, c *Command) (string, error) {
	s, err := f.wordSet(c, 0)
	if err != nil {
		return "", err
	}
	want, err := c.word(1, "the keys")
	for _, n := range s.Numbers() {
		if got := f.w.DrawKeys(n); got != want {
			f.fault("%d has %s, want %s", n, got, want)
		}
	}
	return "ok\n", err
}
