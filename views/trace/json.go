package trace

import (
	"strconv"
	"unicode/utf8"

	"github.com/gmsd/gmsd/views"
)

// AppendJSON appends the line of r to dst, with its newline, and gives the
// longer slice. It allocates only to grow dst.
//
// The format is the one of the outside face, "The event log": n, t, host, inc
// and ev first, then the keys of the event in the order in which its struct
// lists them. A zero view id is null, a zero host id the empty string, a sum
// eight hexadecimal digits. A view id is written without its coordinator's
// incarnation: a coordinator's seqs rise across its restarts, so seq and host
// name the view already. Bytes of a string that are no UTF-8 are written as
// U+FFFD. An event of a foreign package is written as its name alone.
func AppendJSON(dst []byte, r Record) []byte {
	dst = append(dst, `{"n":`...)
	dst = strconv.AppendUint(dst, r.N, 10)
	dst = append(dst, `,"t":`...)
	dst = strconv.AppendInt(dst, int64(r.T), 10)
	dst = appendHost(append(dst, `,"host":`...), r.Host)
	dst = appendUint(dst, "inc", uint64(r.Incarnation))
	dst = appendText(dst, "ev", nameOf(r.Event))
	dst = appendEvent(dst, r.Event)
	return append(dst, '}', '\n')
}

func nameOf(e Event) string {
	if e == nil {
		return ""
	}
	return e.Name()
}

// appendEvent writes the keys of one event; it is one switch over leaves.
func appendEvent(dst []byte, event Event) []byte {
	switch e := event.(type) {
	case Start:
		dst = appendText(dst, "name", e.HostName)
		dst = appendText(dst, "version", e.Version)
		return appendInt(dst, "pid", int64(e.PID))
	case Stop:
		return appendText(dst, "how", e.How)
	case Install:
		return appendInstall(dst, &e)
	case Primary:
		return appendPrimary(dst, &e)
	case BitsChanged:
		dst = appendPlace(dst, e.View, e.K)
		dst = appendHostKey(dst, "who", e.Who)
		return appendBits(append(dst, ','), e.Bits)
	case Block:
		return appendView(dst, "view", e.View)
	case Unblock:
		return appendView(dst, "view", e.View)
	case Send:
		return appendSend(dst, &e)
	case Deliver:
		return appendDeliver(dst, &e)
	case Suspect:
		return appendOpinion(dst, e.Who, e.Detector, e.Evidence)
	case Trust:
		return appendOpinion(dst, e.Who, e.Detector, e.Evidence)
	}
	return appendFurtherEvent(dst, event)
}

func appendFurtherEvent(dst []byte, event Event) []byte {
	switch e := event.(type) {
	case Join:
		dst = appendHostKey(dst, "who", e.Who)
		dst = appendText(dst, "verdict", e.Verdict)
		return appendText(dst, "code", e.Code)
	case Drop:
		dst = appendHostKey(dst, "from", e.From)
		dst = appendText(dst, "reason", e.Reason)
		return appendUint(dst, "count", e.Count)
	case Phase:
		dst = appendView(dst, "ballot", e.Ballot)
		dst = appendText(dst, "phase", e.Phase)
		return appendText(dst, "cause", e.Cause)
	case Laggard:
		dst = appendView(dst, "ballot", e.Ballot)
		dst = appendHostKey(dst, "who", e.Who)
		return appendText(dst, "step", e.Step)
	case Pause:
		return appendInt(dst, "ns", int64(e.For))
	case GroupView:
		return appendGroupView(dst, &e)
	case GroupLeft:
		dst = appendText(dst, "group", e.Group)
		dst = appendUint(dst, "port", uint64(e.Port))
		return appendText(dst, "why", e.Why)
	}
	return dst
}

func appendInstall(dst []byte, e *Install) []byte {
	dst = appendView(dst, "view", e.View)
	dst = appendView(dst, "prev", e.Prev)
	dst = appendHosts(dst, "trans", e.Trans)
	dst = append(dst, `,"members":[`...)
	for i := range e.Members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendHost(append(dst, `{"host":`...), e.Members[i].Host)
		dst = appendUint(dst, "inc", uint64(e.Members[i].Incarnation))
		dst = append(appendBits(append(dst, ','), e.Members[i].Bits), '}')
	}
	dst = appendText(append(dst, ']'), "kind", e.Kind.String())
	dst = append(dst, `,"subgroups":[`...)
	for i := range e.Subgroups {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendViewID(append(dst, `{"view":`...), e.Subgroups[i].ID)
		dst = append(appendHosts(dst, "members", e.Subgroups[i].Members), '}')
	}
	return appendText(append(dst, ']'), "reason", e.Reason.String())
}

func appendPrimary(dst []byte, e *Primary) []byte {
	dst = appendPlace(dst, e.View, e.K)
	dst = appendBool(dst, "primary", e.Primary)
	dst = appendUint(dst, "epoch", uint64(e.Epoch))
	dst = appendUint(dst, "metaIndex", e.MetaIndex)
	return appendHosts(dst, "synced", e.Synced)
}

func appendSend(dst []byte, e *Send) []byte {
	dst = appendMsg(dst, e.Msg)
	dst = appendPort(dst, e.Port)
	dst = appendText(dst, "group", e.Group)
	dst = appendView(dst, "view", e.View)
	dst = appendText(dst, "order", e.Order.String())
	dst = appendInt(dst, "len", int64(e.Len))
	return appendSum(dst, e.Sum)
}

func appendDeliver(dst []byte, e *Deliver) []byte {
	dst = appendMsg(dst, e.Msg)
	dst = appendPort(dst, e.Port)
	dst = appendText(dst, "group", e.Group)
	dst = appendPlace(dst, e.View, e.K)
	dst = appendText(dst, "order", e.Order.String())
	dst = appendInt(dst, "len", int64(e.Len))
	dst = appendSum(dst, e.Sum)
	return appendBool(dst, "transitional", e.Transitional)
}

// appendPort leaves out the port of what a host itself sends.
func appendPort(dst []byte, port uint32) []byte {
	if port == 0 {
		return dst
	}
	return appendUint(dst, "port", uint64(port))
}

func appendOpinion(dst []byte, who views.HostID, detector, evidence string) []byte {
	dst = appendHostKey(dst, "who", who)
	dst = appendText(dst, "detector", detector)
	return appendText(dst, "evidence", evidence)
}

func appendPlace(dst []byte, v views.ViewID, k views.Position) []byte {
	return appendUint(appendView(dst, "view", v), "k", uint64(k))
}

func appendKey(dst []byte, key string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

func appendText(dst []byte, key, s string) []byte { return appendString(appendKey(dst, key), s) }

func appendUint(dst []byte, key string, v uint64) []byte {
	return strconv.AppendUint(appendKey(dst, key), v, 10)
}

func appendInt(dst []byte, key string, v int64) []byte {
	return strconv.AppendInt(appendKey(dst, key), v, 10)
}

func appendBool(dst []byte, key string, v bool) []byte {
	return strconv.AppendBool(appendKey(dst, key), v)
}

func appendHostKey(dst []byte, key string, h views.HostID) []byte {
	return appendHost(appendKey(dst, key), h)
}

func appendView(dst []byte, key string, v views.ViewID) []byte {
	return appendViewID(appendKey(dst, key), v)
}

func appendViewID(dst []byte, v views.ViewID) []byte {
	if v.IsZero() {
		return append(dst, "null"...)
	}
	dst = strconv.AppendUint(append(dst, `{"seq":`...), uint64(v.Seq), 10)
	return append(appendHostKey(dst, "coordinator", v.Coordinator), '}')
}

// appendBits writes the three bits as keys, without a comma before them.
func appendBits(dst []byte, b views.Bits) []byte {
	dst = strconv.AppendBool(append(dst, `"started":`...), b.Has(views.Started))
	dst = strconv.AppendBool(append(dst, `,"hasDB":`...), b.Has(views.HasDB))
	return strconv.AppendBool(append(dst, `,"synced":`...), b.Has(views.Synced))
}

func appendMsg(dst []byte, m MsgID) []byte {
	dst = append(dst, `,"msg":"`...)
	dst = appendHex(dst, m.From.Host[:])
	dst = strconv.AppendUint(append(dst, '/'), uint64(m.From.Incarnation), 10)
	return append(strconv.AppendUint(append(dst, '/'), m.N, 10), '"')
}

func appendSum(dst []byte, sum uint32) []byte {
	dst = append(dst, `,"sum":"`...)
	b := [4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
	return append(appendHex(dst, b[:]), '"')
}

func appendHosts(dst []byte, key string, hosts []views.HostID) []byte {
	dst = append(appendKey(dst, key), '[')
	for i, h := range hosts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendHost(dst, h)
	}
	return append(dst, ']')
}

func appendHost(dst []byte, h views.HostID) []byte {
	dst = append(dst, '"')
	if !h.IsZero() {
		dst = appendHex(dst, h[:])
	}
	return append(dst, '"')
}

const hexDigits = "0123456789abcdef"

func appendHex(dst, src []byte) []byte {
	for _, b := range src {
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}

// appendString writes s as a JSON string. Nearly all strings of a log need no
// escape, so those are copied in one piece.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(appendEscaped(append(dst, s[:i]...), s[i:]), '"')
		}
	}
	return append(append(dst, s...), '"')
}

func appendEscaped(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
