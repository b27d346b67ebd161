package discovery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
)

// book answers for some names.
type book map[string][]netip.Addr

func (b book) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if a, ok := b[host]; ok {
		return a, nil
	}
	return nil, errors.New("no such host")
}

func (book) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, errors.New("no such service")
}

func TestMeaningsOfNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
		list, err := NewList([]string{"two:7749", "10.0.0.9", "none", "two:7749"}, Options{Resolver: book{"two": {b, a, b}}})
		if err != nil {
			t.Fatal(err)
		}
		l := Join(nil, list)
		synctest.Wait()
		got := l.Meanings()
		want := []Meaning{{Name: "none"}, {Name: "two:7749", Addrs: []netip.Addr{a, b}}}
		if !slices.EqualFunc(got, want, func(x, y Meaning) bool { return x.Name == y.Name && slices.Equal(x.Addrs, y.Addrs) }) {
			t.Errorf("meanings %v, want %v", got, want)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}
