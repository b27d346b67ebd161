package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// film turns the compact notation of testdata into records. A line is
//
//	SUBJECT[,SUBJECT...] VERB ARGS [key=value...]   what hosts log
//	VERB ARGS                                        what the harness says
//
// A subject is a host, "a"; "a/2" is its second incarnation, "a@7" its life in
// stream 7. A view id is a seq and the coordinator: "3a". A message is its
// sender and number: "b1".
//
//	up a                    start and first view; seq=N, inc=N
//	view 3a a,b,c           block, install, unblock at all members; skip=c: not there
//	                        noaccept: its coordinator logs no accept of newcomers
//	a install 3a a,b,c      install alone. For both: reason=, kind=, prev=, trans=a,b,
//	                        sub=1a:a+2b:b, bits=b:SD. ; the default is what an honest
//	                        engine would say, fixed when the view is first named
//	a block | unblock       in=3a: another view
//	a send 1 [agreed|safe]  in=, group=, sum=, as=b1, port=
//	a dlv b1 [k=3] [safe] [trans]  in=, group=, sum=, port=, fifo: no agreed message though k is set
//	a group g 3a/2 a.1,b.1 ports=1  was=3a/1: the view before, trans=a.1: who came along
//	                        (default all, of a port that joins itself); a.1:2 is its second join
//	a parted g 1
//	a app 1 wishes | begins sum=5 | enters 2a/1 | ends    what the application of port 1 in g does
//	a app 1 after k=3 sum=5 | gives k=2 to=b.1 sum=5 | takes k=2 to=b.1 sum=5
//	a bits b SD. k=1, a primary k=2 epoch=1 [off], a accept b, a reject b, a stop
//	crash a, restore a, group blue a,b, fault a open|close, fault net open|close
//	healthy a,b on|off, stable a,b c,d, settled, drain, end, rest
//
// n= and t= on a logged line replace its counter and time.
type film struct {
	c      *Checker
	actors map[string]*actor
	inc    map[string]views.Incarnation
	views  map[string]*trace.Install
	time   views.Instant
	// tap, if set, gets the records instead of the checker.
	tap func(Stream, trace.Record)
}

type actor struct {
	name   string
	stream Stream
	views.Process
	n      uint64
	cur    string
	paired bool
	bits   views.Bits
}

func newFilm(o Options) *film {
	return &film{c: New(o), actors: map[string]*actor{}, inc: map[string]views.Incarnation{}, views: map[string]*trace.Install{}}
}

func hostID(name string) views.HostID {
	var id views.HostID
	copy(id[:], name)
	return id
}

// words splits a line into plain words and key=value options.
type words struct {
	plain []string
	opts  map[string]string
}

func split(line string) words {
	w := words{opts: map[string]string{}}
	for _, f := range strings.Fields(line) {
		if key, value, ok := strings.Cut(f, "="); ok {
			w.opts[key] = value
		} else {
			w.plain = append(w.plain, f)
		}
	}
	return w
}

// only keeps some of the options.
func (w words) only(keys ...string) words {
	kept := words{opts: map[string]string{}}
	for _, key := range keys {
		if value, ok := w.opts[key]; ok {
			kept.opts[key] = value
		}
	}
	return kept
}

func (w words) has(word string) bool { return slices.Contains(w.plain, word) }

func (w words) number(key string) uint64 {
	n, err := strconv.ParseUint(w.opts[key], 0, 64)
	if err != nil && w.opts[key] != "" {
		panic(fmt.Sprintf("%s=%s: %v", key, w.opts[key], err))
	}
	return n
}

func (f *film) play(script string) {
	for _, line := range strings.Split(script, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if w := split(line); len(w.plain) > 0 {
			f.line(w)
		}
	}
}

func (f *film) line(w words) {
	switch verb := w.plain[0]; verb {
	case "up":
		for _, name := range w.plain[1:] {
			f.up(name, w)
		}
	case "view":
		f.view(w)
	case "crash":
		a := f.actor(w.plain[1])
		f.c.CrashIn(a.stream, a.Process)
	case "restore":
		f.c.Restore(f.actor(w.plain[1]).stream, f.actor(w.plain[1]).Host)
	case "group":
		for _, h := range hostIDs(w.plain[2]) {
			f.c.Group(h, w.plain[1])
		}
	case "fault":
		id := hostID(w.plain[1])
		if w.plain[1] == "net" {
			id = views.HostID{}
		}
		f.c.Fault(id, w.plain[2] == "open")
	case "healthy":
		f.c.Healthy(hostIDs(w.plain[1]), w.plain[2] == "on")
	case "stable":
		var components [][]views.HostID
		for _, list := range w.plain[1:] {
			components = append(components, hostIDs(list))
		}
		f.c.Stable(components...)
	case "settled":
		f.c.Settled()
	case "drain":
		f.c.Drain()
	case "end":
		f.c.EndStable()
	case "rest":
		f.c.Rest()
	default:
		for _, name := range strings.Split(verb, ",") {
			f.logged(f.actor(name), w)
		}
	}
}

func hostIDs(list string) []views.HostID {
	var ids []views.HostID
	for _, name := range strings.Split(list, ",") {
		if name != "" {
			ids = append(ids, hostID(name))
		}
	}
	return ids
}

// actor finds the life that a subject means.
func (f *film) actor(subject string) *actor {
	rest, stream, _ := strings.Cut(subject, "@")
	host, inc, given := strings.Cut(rest, "/")
	i := max(f.inc[host+"@"+stream], 1)
	if given {
		n, _ := strconv.Atoi(inc)
		i = views.Incarnation(n)
	}
	key := fmt.Sprintf("%s/%d@%s", host, i, stream)
	a := f.actors[key]
	if a == nil {
		s, _ := strconv.Atoi(stream)
		a = &actor{name: host, stream: Stream(s), Process: views.Process{Host: hostID(host), Incarnation: i}}
		f.actors[key] = a
	}
	return a
}

func (f *film) emit(a *actor, e trace.Event, w words) {
	a.n++
	f.time++
	r := trace.Record{N: a.n, T: f.time, Process: a.Process, Event: e}
	if w.opts["n"] != "" {
		r.N = w.number("n")
	}
	if w.opts["t"] != "" {
		r.T = views.Instant(w.number("t"))
	}
	if f.tap != nil {
		f.tap(a.stream, r)
		return
	}
	f.c.ObserveIn(a.stream, r)
}

func (f *film) up(name string, w words) {
	if w.opts["inc"] != "" {
		host, stream, _ := strings.Cut(name, "@")
		f.inc[host+"@"+stream] = views.Incarnation(w.number("inc"))
	}
	a := f.actor(name)
	if a.n > 0 {
		a.n = 0
	}
	f.emit(a, trace.Start{HostName: a.name, Version: "0"}, words{})
	seq := max(w.number("seq"), 1)
	id := fmt.Sprintf("%d%s", seq, a.name)
	e := trace.Install{
		View: viewID(id), Trans: []views.HostID{a.Host}, Members: []trace.HostBits{{Process: a.Process}},
		Subgroups: []views.Subgroup{{Members: []views.HostID{a.Host}}}, Reason: views.ReasonStart,
	}
	f.views[id] = &e
	f.emit(a, e, words{})
	a.cur = id
}

// viewID reads "3a".
func viewID(s string) views.ViewID {
	if s == "-" || s == "" {
		return views.ViewID{}
	}
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		panic(err)
	}
	return views.ViewID{Seq: views.Seq(seq), Coordinator: hostID(s[len(digits):])}
}

// logged emits what one host logs.
func (f *film) logged(a *actor, w words) {
	in := viewID(a.cur)
	if v, ok := w.opts["in"]; ok {
		in = viewID(v)
	}
	switch w.plain[1] {
	case "start":
		f.emit(a, trace.Start{HostName: a.name}, w)
	case "stop":
		f.emit(a, trace.Stop{How: trace.StopGraceful}, w)
	case "block":
		f.emit(a, trace.Block{View: in}, w)
	case "unblock":
		f.emit(a, trace.Unblock{View: in}, w)
	case "install":
		sub := words{plain: w.plain[1:], opts: w.opts}
		f.installAt(a, w.plain[2], f.spec(w.plain[2], sub), w)
	case "send", "dlv":
		f.message(a, in, w)
	case "bits":
		b := parseBits(w.plain[3])
		f.emit(a, trace.BitsChanged{View: in, K: views.Position(w.number("k")), Who: hostID(w.plain[2]), Bits: b}, w)
		if who := f.actor(w.plain[2]); a.name == who.name {
			who.bits = b
		}
	case "primary":
		f.emit(a, trace.Primary{
			View: in, K: views.Position(w.number("k")), Primary: !w.has("off"),
			Epoch: views.Epoch(w.number("epoch")), MetaIndex: w.number("index"),
		}, w)
	case "accept":
		f.emit(a, trace.Join{Who: hostID(w.plain[2]), Verdict: trace.JoinAccept}, w)
	case "reject":
		f.emit(a, trace.Join{Who: hostID(w.plain[2]), Verdict: trace.JoinReject, Code: "duplicate-id"}, w)
	case "group":
		f.emit(a, groupEvent(f, a, w), w)
	case "parted":
		f.emit(a, trace.GroupLeft{Group: w.plain[2], Port: uint32(portNumber(w.plain[3])), Why: "left"}, w)
	case "app":
		f.c.App(a.stream, a.Process, appEvent(f, in, w))
	case "unknown":
		f.emit(a, nil, w)
	default:
		panic("unknown verb in " + strings.Join(w.plain, " "))
	}
}

func (f *film) message(a *actor, in views.ViewID, w words) {
	group, sum := "g", uint32(7)
	if g, ok := w.opts["group"]; ok {
		group = g
	}
	if w.opts["sum"] != "" {
		sum = uint32(w.number("sum"))
	}
	k := views.Position(w.number("k"))
	order := views.FIFO
	if (k > 0 || w.has("agreed")) && !w.has("fifo") {
		order = views.Agreed
	}
	if w.has("safe") {
		order = views.Safe
	}
	if w.plain[1] == "send" {
		id := f.msgID(a, w.plain[2])
		if as, ok := w.opts["as"]; ok {
			id = f.msgID(nil, as)
		}
		f.emit(a, trace.Send{Msg: id, Port: uint32(w.number("port")), Group: group, View: in, Order: order, Len: 4, Sum: sum}, w)
		return
	}
	f.emit(a, trace.Deliver{
		Msg: f.msgID(nil, w.plain[2]), Port: uint32(w.number("port")), Group: group, View: in, K: k, Order: order, Len: 4, Sum: sum, Transitional: w.has("trans"),
	}, w)
}

// msgID reads "7" as a's own seventh, "b7" or "b/2:7" as that of b.
func (f *film) msgID(a *actor, s string) trace.MsgID {
	if a != nil {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			panic(err)
		}
		return trace.MsgID{From: a.Process, N: n}
	}
	host, number, ok := strings.Cut(s, ":")
	if !ok {
		host = strings.TrimRight(s, "0123456789")
		number = s[len(host):]
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		panic(err)
	}
	return trace.MsgID{From: f.actor(host).Process, N: n}
}
