package check

import (
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// groupEvent reads "a group g 3a/2 a.1,b.1 ports=1 was=3a/1 trans=a.1".
func groupEvent(f *film, a *actor, w words) trace.GroupView {
	e := trace.GroupView{Group: w.plain[2], ID: groupID(w.plain[3]), Prev: groupID(w.opts["was"]), Members: portList(f, w.plain[4])}
	for _, port := range strings.Split(w.opts["ports"], ",") {
		e.Ports = append(e.Ports, uint32(portNumber(port)))
	}
	switch trans, given := w.opts["trans"]; {
	case given:
		e.Trans = portList(f, trans)
	case w.opts["was"] != "":
		e.Trans = e.Members
	default:
		for _, m := range e.Members {
			if m.Process == a.Process && m.Port == e.Ports[0] {
				e.Trans = append(e.Trans, m)
			}
		}
	}
	return e
}

// groupID reads "3a/2" or "3a/2/1".
func groupID(s string) trace.GroupID {
	if s == "" {
		return trace.GroupID{}
	}
	parts := append(strings.Split(s, "/"), "0", "0")
	return trace.GroupID{View: viewID(parts[0]), K: views.Position(portNumber(parts[1])), Side: uint16(portNumber(parts[2]))}
}

// portList reads "a.1,b.2:3": ports with the numbers of their joins, 1 by default.
func portList(f *film, s string) (ports []trace.Port) {
	for _, word := range strings.Split(s, ",") {
		host, rest, _ := strings.Cut(word, ".")
		port, join, given := strings.Cut(rest, ":")
		if !given {
			join = "1"
		}
		ports = append(ports, trace.Port{Process: f.actor(host).Process, Port: uint32(portNumber(port)), Join: portNumber(join)})
	}
	return ports
}

func portNumber(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return n
}
