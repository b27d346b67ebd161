package doctor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gmsd/gmsd/views"
)

// ErrReport: bytes that are no report of this version.
var ErrReport = errors.New("doctor: not a report")

// version of the encoding; a later one is refused, and its host is one that has not
// reported.
const version = 1

// Append appends a report as it travels. What is beyond the bounds is left out.
func (r *Report) Append(dst []byte) []byte {
	w := writer{append(dst, version)}
	w.host(r.Host)
	w.text(r.Name)
	w.addr(r.Addr)
	w.flag(r.Partial)
	w.flag(r.Multicast)
	w.flag(r.Streams)
	w.byte(byte(r.Loop))
	w.count(len(r.Sections), SectionsMax)
	for _, s := range r.Sections[:min(len(r.Sections), SectionsMax)] {
		w.text(s.Name)
		w.uint(uint64(s.Digest))
	}
	w.count(len(r.Names), NamesMax)
	for _, n := range r.Names[:min(len(r.Names), NamesMax)] {
		w.text(n.Name)
		w.count(len(n.Addrs), NamesMax)
		for _, a := range n.Addrs[:min(len(n.Addrs), NamesMax)] {
			w.addr(netip.AddrPortFrom(a, 0))
		}
	}
	w.count(len(r.Refusals), RefusalsMax)
	for _, f := range r.Refusals[:min(len(r.Refusals), RefusalsMax)] {
		w.flag(f.Ours)
		w.host(f.Who)
		w.addr(f.Addr)
		w.byte(byte(f.Code))
	}
	w.span(r.Paused)
	w.span(r.Synced)
	w.count(len(r.Lost), NamesMax)
	for _, a := range r.Lost[:min(len(r.Lost), NamesMax)] {
		w.addr(a)
	}
	w.count(len(r.Links), LinksMax)
	for i := range r.Links[:min(len(r.Links), LinksMax)] {
		w.link(&r.Links[i])
	}
	return w.b
}

func (w *writer) link(l *Link) {
	w.host(l.Peer)
	w.text(l.Name)
	w.addr(l.Addr)
	w.addr(l.Source)
	w.flag(l.SourceAnswers)
	w.flag(l.Member)
	w.flow(&l.All)
	w.flow(&l.One)
	for _, p := range []Probes{l.Small, l.Large, l.Burst} {
		w.uint(uint64(p.Sent))
		w.uint(uint64(p.Answered))
	}
	w.uint(uint64(l.LargeBytes))
	w.uint(uint64(l.Fits))
	w.flow(&l.There)
	w.flow(&l.Back)
	w.span(l.RTT)
	w.span(l.Clock)
	w.span(l.Error)
	w.byte(byte(l.TCP))
	w.byte(byte(l.Idle))
	w.span(l.IdleFor)
	w.flag(l.Renewed)
	w.host(l.Twin)
}

type writer struct{ b []byte }

func (w *writer) byte(v byte)          { w.b = append(w.b, v) }
func (w *writer) uint(v uint64)        { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) span(d time.Duration) { w.b = binary.AppendVarint(w.b, int64(d)) }
func (w *writer) host(h views.HostID)  { w.b = append(w.b, h[:]...) }
func (w *writer) count(n, most int)    { w.uint(uint64(min(n, most))) } //nolint:gosec // a length

func (w *writer) flag(v bool) {
	if v {
		w.byte(1)
		return
	}
	w.byte(0)
}

func (w *writer) text(s string) {
	s = strings.ToValidUTF8(s[:min(len(s), WordMax)], "")
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) flow(f *Flow) {
	w.uint(uint64(f.Got))
	w.uint(uint64(f.Lost))
	w.span(f.Age)
}

// addr writes an IPv4 address and a port; anything else is none.
func (w *writer) addr(a netip.AddrPort) {
	ip := a.Addr().Unmap()
	if !ip.Is4() {
		w.byte(0)
		return
	}
	b := ip.As4()
	w.byte(1)
	w.b = append(w.b, b[:]...)
	w.b = binary.BigEndian.AppendUint16(w.b, a.Port())
}

// ParseReport reads what Append wrote. It shares no memory with b. Errors wrap
// [ErrReport].
func ParseReport(b []byte) (*Report, error) {
	r := reader{b: b}
	if v := r.byte(); r.bad == "" && v != version {
		return nil, fmt.Errorf("%w: version %d", ErrReport, v)
	}
	out := &Report{Host: r.host(), Name: r.text(), Addr: r.addr(), Partial: r.flag(), Multicast: r.flag(), Streams: r.flag(), Loop: Finding(r.upTo("finding", uint64(findingEnd)-1))}
	out.Sections = listOf(&r, SectionsMax, func() Section { return Section{r.text(), uint32(r.upTo("digest", 1<<32-1))} }) //nolint:gosec // bounded
	out.Names = listOf(&r, NamesMax, func() Resolved {
		return Resolved{r.text(), listOf(&r, NamesMax, func() netip.Addr { return r.addr().Addr() })}
	})
	out.Refusals = listOf(&r, RefusalsMax, func() Refusal {
		f := Refusal{Ours: r.flag(), Who: r.host(), Addr: r.addr(), Code: views.RefuseCode(r.byte())}
		if !f.Code.Valid() {
			r.fail("code")
		}
		return f
	})
	out.Paused, out.Synced = r.span(), r.span()
	out.Lost = listOf(&r, NamesMax, r.addr)
	out.Links = listOf(&r, LinksMax, r.link)
	if r.bad != "" {
		return nil, fmt.Errorf("%w: %s", ErrReport, r.bad)
	}
	return out, nil
}

func (r *reader) link() Link {
	return Link{
		Peer: r.host(), Name: r.text(), Addr: r.addr(), Source: r.addr(), SourceAnswers: r.flag(), Member: r.flag(),
		All: r.flow(), One: r.flow(), Small: r.probes(), Large: r.probes(), Burst: r.probes(),
		LargeBytes: r.small("size"), Fits: r.small("size"), There: r.flow(), Back: r.flow(), RTT: r.span(), Clock: r.span(), Error: r.span(),
		TCP: TCP(r.upTo("tcp", uint64(tcpEnd)-1)), Idle: Finding(r.upTo("finding", uint64(findingEnd)-1)), IdleFor: r.span(), //nolint:gosec // bounded
		Renewed: r.flag(), Twin: r.host(),
	}
}

// listOf reads a list; every entry takes at least a byte, so the bytes in hand bound it.
func listOf[T any](r *reader, most uint64, entry func() T) []T {
	n := r.upTo("count", most)
	if n > uint64(len(r.b)) {
		r.fail("count")
		return nil
	}
	var list []T
	for range n {
		if r.bad != "" {
			return nil
		}
		list = append(list, entry())
	}
	return list
}

// reader takes values from the front of b; the first thing that is bad sticks.
type reader struct {
	b   []byte
	bad string
}

func (r *reader) fail(what string) {
	if r.bad == "" {
		r.bad = what
	}
	r.b = nil
}

func (r *reader) take(n int, what string) []byte {
	if n > len(r.b) {
		r.fail(what)
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if b := r.take(1, "too short"); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("varint")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) upTo(what string, most uint64) uint64 {
	v := r.uint()
	if v > most {
		r.fail(what)
		return 0
	}
	return v
}

func (r *reader) small(what string) uint32 { return uint32(r.upTo(what, 1<<32-1)) } //nolint:gosec // bounded

func (r *reader) span() time.Duration {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("varint")
		return 0
	}
	r.b = r.b[n:]
	return time.Duration(v)
}

func (r *reader) flag() bool { return r.upTo("flag", 1) == 1 }

func (r *reader) host() (h views.HostID) {
	copy(h[:], r.take(len(h), "host"))
	return h
}

// text reads what people are shown as it is, and metrics carry.
func (r *reader) text() string {
	s := string(r.take(int(r.upTo("text", WordMax)), "text")) //nolint:gosec // bounded
	if !views.IsLine(s) {
		r.fail("text")
		return ""
	}
	return s
}

func (r *reader) flow() Flow { return Flow{Got: r.small("got"), Lost: r.small("lost"), Age: r.span()} }

func (r *reader) probes() Probes { return Probes{Sent: r.small("sent"), Answered: r.small("answered")} }

func (r *reader) addr() netip.AddrPort {
	if !r.flag() {
		return netip.AddrPort{}
	}
	b := r.take(6, "address")
	if b == nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[4:]))
}
