package endpoint

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// frames gives a frame of each size.
func frames(sizes ...int) (out []transport.Outbound) {
	for _, n := range sizes {
		out = append(out, transport.Outbound{Frame: make([]byte, n)})
	}
	return out
}

// runs cuts sizes into runs and gives the length of each.
func runs(g *segments, sizes ...int) (out []int) {
	for fs := frames(sizes...); len(fs) > 0; {
		n := g.run(fs)
		out = append(out, n)
		fs = fs[n:]
	}
	return out
}

func TestRuns(t *testing.T) {
	for _, c := range []struct{ sizes, want []int }{
		{[]int{9}, []int{1}},
		{[]int{9, 9, 9}, []int{3}},
		{[]int{9, 9, 4, 4, 9}, []int{3, 1, 1}},
		{[]int{4, 9, 9}, []int{1, 2}},
		{[]int{0, 0, 9, 0, 9}, []int{1, 1, 1, 1, 1}},
		{slices.Repeat([]int{5}, 130), []int{64, 64, 2}},
		{[]int{20_000, 20_000, 20_000, 20_000}, []int{3, 1}},
		{[]int{60_000, 5_507, 60_000, 5_508}, []int{2, 1, 1}},
	} {
		if got := runs(&segments{on: true}, c.sizes...); !slices.Equal(got, c.want) {
			t.Errorf("%v: runs of %v, want %v", c.sizes, got, c.want)
		}
	}
	if got := runs(&segments{}, 9, 9); !slices.Equal(got, []int{1, 1}) {
		t.Errorf("without segments: runs of %v", got)
	}
}

// What the kernel is to cut apart comes out as it was put in.
func TestRunsCanBeCutApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{0, 1, 700, 1400, 1400, 1400, 30_000, views.DatagramMax})
		fs := frames(rapid.SliceOfN(size, 1, 200).Draw(t, "sizes")...)
		g := &segments{on: true, bound: rapid.SampledFrom([]int{0, 1399, 1400}).Draw(t, "bound")}
		for len(fs) > 0 {
			n := g.run(fs)
			total := 0
			for i := range n {
				total += len(fs[i].Frame)
				switch last := i == n-1; {
				case n > 1 && len(fs[i].Frame) == 0:
					t.Fatal("an empty frame in company")
				case !last && len(fs[i].Frame) != len(fs[0].Frame), last && len(fs[i].Frame) > len(fs[0].Frame):
					t.Fatalf("frame %d of %d has %d bytes, the first %d", i, n, len(fs[i].Frame), len(fs[0].Frame))
				}
			}
			if n < 1 || n > segmentsMax || total > views.DatagramMax {
				t.Fatalf("%d frames of %d bytes in all", n, total)
			}
			fs = fs[n:]
		}
	})
}

func TestSegmentsLearn(t *testing.T) {
	for _, err := range []error{unix.EIO, unix.ENOPROTOOPT, unix.EOPNOTSUPP} {
		g := segments{on: true}
		if g.refused(1400, err); g.on {
			t.Errorf("%v: tries on", err)
		}
	}
	for _, err := range []error{unix.EAGAIN, unix.EPERM, unix.ENETUNREACH, errors.New("another")} {
		g := segments{on: true}
		if g.refused(1400, err); g != (segments{on: true}) {
			t.Errorf("%v: took it for a word about segments: %+v", err, g)
		}
	}
	for _, err := range []error{unix.EINVAL, unix.EMSGSIZE} {
		learnBound(t, err)
	}
}

// learnBound: what is too long is tried rarely, and often again once it passes.
func learnBound(t *testing.T, err error) {
	t.Helper()
	g := segments{on: true}
	g.refused(1400, err)
	if got := runs(&g, 1399, 1399); !slices.Equal(got, []int{2}) {
		t.Errorf("%v: shorter ones in runs of %v", err, got)
	}
	g.taken(1399)
	tried := 0
	for range 3 * askAgain {
		if g.run(frames(1400, 1400)) > 1 {
			tried++
			g.refused(1500, err) // a longer one does not raise the bound
		}
	}
	if tried != 3 || g.bound != 1399 {
		t.Errorf("%v: tried %d times in %d frames, bound %d", err, tried, 3*askAgain, g.bound)
	}
	g.taken(1400)
	if got := runs(&g, 1400, 1400); !slices.Equal(got, []int{2}) {
		t.Errorf("%v: when they pass again, runs of %v", err, got)
	}
}
