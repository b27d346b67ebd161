package check

import (
	"github.com/gmsd/gmsd/views"
)

var appKinds = map[string]AppKind{
	"wishes": AppWishes, "enters": AppEnters, "begins": AppBegins, "gives": AppGives,
	"takes": AppTakes, "after": AppAfter, "ends": AppEnds,
}

// appEvent reads "a app 1 takes k=2 to=b.1 sum=5".
func appEvent(f *film, in views.ViewID, w words) AppEvent {
	kind, known := appKinds[w.plain[3]]
	if !known {
		panic("unknown thing that an application does: " + w.plain[3])
	}
	e := AppEvent{Kind: kind, Group: "g", Port: uint32(portNumber(w.plain[2])), View: in, K: views.Position(w.number("k")), Sum: w.number("sum")}
	if kind == AppEnters {
		e.ID = groupID(w.plain[4])
	}
	if to := w.opts["to"]; to != "" {
		joiner := portList(f, to)[0]
		e.Cut = Cut{Group: "g", View: in, K: e.K, Joiner: joiner.Process, Port: joiner.Port}
	}
	return e
}
