package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gmsd/gmsd/views"
)

// A view whose members say so much of themselves that no more fit into a
// datagram refuses the next host, by name, and goes on as it is.
func TestFullByBytes(t *testing.T) {
	long := make([]views.Attr, 3)
	for i := range long {
		long[i] = views.Attr{Key: string(rune('a' + i)), Value: strings.Repeat("v", views.AttrValueMax)}
	}
	const fit, tooMany = 120, 140 // 460 bytes each, 61,411 in all
	l := newLAN(t, 7)
	for i := range tooMany {
		h := l.add(time.Duration(i) * time.Millisecond)
		h.attrs = long
	}
	l.run(20 * time.Second)
	refused := 0
	for _, h := range l.hosts {
		if h.stop == nil {
			continue
		}
		refused++
		if h.stop.Code != views.RefuseFull || !strings.Contains(h.stop.Detail, "full") {
			t.Errorf("%s stopped with %v: %q", h.process, h.stop.Code, h.stop.Detail)
		}
	}
	size := l.hosts[0].View().Size()
	if refused == 0 || size < fit || size+refused != tooMany || !l.oneView() {
		t.Fatalf("%d refused, a view of %d, one view: %v", refused, size, l.oneView())
	}
	t.Logf("a view of %d, %d refused", size, refused)
}
