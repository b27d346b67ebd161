package engine_test

import (
	"net/netip"
	"testing"
	"time"
)

// Who is not where it says it is does not come in: it would be heard by multicast and answer
// nothing. It need not be the newcomer: of two, either may lead.
func TestWhoIsNotWhereItSays(t *testing.T) {
	for _, c := range []struct{ hosts, wrong int }{{2, 0}, {2, 1}, {4, 3}, {5, 0}} {
		l := newLAN(t, 31)
		for i := range c.hosts {
			l.add(time.Duration(i) * 7 * time.Millisecond)
		}
		wrong := l.hosts[c.wrong]
		wrong.says = netip.MustParseAddrPort("10.9.9.9:7749")
		l.run(time.Minute)
		for i, h := range l.hosts {
			want := c.hosts - 1
			if h == wrong {
				want = 1
			}
			if got := h.View().Size(); got != want {
				t.Errorf("%d hosts: host %d is in a view of %d, want %d: %s", c.hosts, i, got, want, h.Describe())
			}
			if n := h.installs(); n > 4 {
				t.Errorf("%d hosts: host %d installed %d views", c.hosts, i, n)
			}
		}
	}
}
