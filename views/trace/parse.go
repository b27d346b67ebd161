package trace

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/views"
)

var (
	// ErrUnknownEvent: the line is sound but its ev is none of this package.
	// The record comes back with its common keys and a nil Event, so that a
	// reader can skip the event and still count the line.
	ErrUnknownEvent = errors.New("unknown event")
	// ErrBadLine: the line is no record.
	ErrBadLine = errors.New("bad event log line")
)

// ParseLine reads what AppendJSON wrote, with or without the newline. Keys it
// does not know are ignored; missing ones are zero, but for host, inc, n and
// ev. Every error wraps [ErrBadLine] or [ErrUnknownEvent]. View ids come back
// without their coordinator's incarnation, which the log does not hold. The
// record owns its memory: line may be reused.
func ParseLine(line []byte) (Record, error) {
	var w wireLine
	if err := json.Unmarshal(line, &w); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrBadLine, err)
	}
	r := Record{N: w.N, T: views.Instant(w.T)}
	r.Process = views.Process{Host: w.Host, Incarnation: w.Inc}
	if w.N == 0 || w.Host.IsZero() || w.Inc == 0 || w.Ev == "" {
		return Record{}, fmt.Errorf("%w: n, host, inc and ev must be set", ErrBadLine)
	}
	var err error
	r.Event, err = w.event()
	if errors.Is(err, ErrUnknownEvent) {
		return r, err
	}
	if err != nil {
		return Record{}, fmt.Errorf("%w: %s: %w", ErrBadLine, w.Ev, err)
	}
	return r, nil
}

// wireLine holds the keys of all events. "synced" is a bool in one event and a
// list in another, so it is read late.
type wireLine struct {
	N    uint64            `json:"n"`
	T    int64             `json:"t"`
	Host views.HostID      `json:"host"`
	Inc  views.Incarnation `json:"inc"`
	Ev   string            `json:"ev"`

	Name    string `json:"name"`
	Version string `json:"version"`
	PID     int    `json:"pid"`
	How     string `json:"how"`

	View      wireView       `json:"view"`
	Prev      wireView       `json:"prev"`
	Ballot    wireView       `json:"ballot"`
	Trans     []views.HostID `json:"trans"`
	Members   []wireMember   `json:"members"`
	Kind      string         `json:"kind"`
	Subgroups []wireSubgroup `json:"subgroups"`
	Reason    string         `json:"reason"`

	K         views.Position  `json:"k"`
	Primary   bool            `json:"primary"`
	Epoch     views.Epoch     `json:"epoch"`
	MetaIndex uint64          `json:"metaIndex"`
	Synced    json.RawMessage `json:"synced"`
	Started   bool            `json:"started"`
	HasDB     bool            `json:"hasDB"`

	Msg          string `json:"msg"`
	Group        string `json:"group"`
	Order        string `json:"order"`
	Len          int    `json:"len"`
	Sum          string `json:"sum"`
	Transitional bool   `json:"transitional"`

	Who      views.HostID `json:"who"`
	From     views.HostID `json:"from"`
	Detector string       `json:"detector"`
	Evidence string       `json:"evidence"`
	Verdict  string       `json:"verdict"`
	Code     string       `json:"code"`
	Count    uint64       `json:"count"`
	Phase    string       `json:"phase"`
	Cause    string       `json:"cause"`
	Step     string       `json:"step"`
	NS       int64        `json:"ns"`

	ID    *string  `json:"id"`
	Was   *string  `json:"was"`
	Ports []uint32 `json:"ports"`
	With  []string `json:"with"`
	Along []string `json:"along"`
	Port  uint32   `json:"port"`
	Why   string   `json:"why"`
}

type wireView struct {
	Seq         views.Seq    `json:"seq"`
	Coordinator views.HostID `json:"coordinator"`
}

func (v wireView) id() views.ViewID {
	return views.ViewID{Seq: v.Seq, Coordinator: v.Coordinator}
}

type wireMember struct {
	Host    views.HostID      `json:"host"`
	Inc     views.Incarnation `json:"inc"`
	Started bool              `json:"started"`
	HasDB   bool              `json:"hasDB"`
	Synced  bool              `json:"synced"`
}

type wireSubgroup struct {
	View    wireView       `json:"view"`
	Members []views.HostID `json:"members"`
}

// event picks the event; it is one switch over leaves.
func (w *wireLine) event() (Event, error) {
	switch w.Ev {
	case "start":
		return Start{HostName: w.Name, Version: w.Version, PID: w.PID}, nil
	case "stop":
		return Stop{How: w.How}, nil
	case "install":
		return w.install()
	case "primary":
		return w.primary()
	case "bits":
		return w.bits()
	case "block":
		return Block{View: w.View.id()}, nil
	case "unblock":
		return Unblock{View: w.View.id()}, nil
	case "send":
		return w.send()
	case "deliver":
		return w.deliver()
	}
	return w.furtherEvent()
}

func (w *wireLine) furtherEvent() (Event, error) {
	switch w.Ev {
	case "suspect":
		return Suspect{Who: w.Who, Detector: w.Detector, Evidence: w.Evidence}, nil
	case "trust":
		return Trust{Who: w.Who, Detector: w.Detector, Evidence: w.Evidence}, nil
	case "join":
		return Join{Who: w.Who, Verdict: w.Verdict, Code: w.Code}, nil
	case "drop":
		return Drop{From: w.From, Reason: w.Reason, Count: w.Count}, nil
	case "phase":
		return Phase{Ballot: w.Ballot.id(), Phase: w.Phase, Cause: w.Cause}, nil
	case "laggard":
		return Laggard{Ballot: w.Ballot.id(), Who: w.Who, Step: w.Step}, nil
	case "pause":
		return Pause{For: time.Duration(w.NS)}, nil
	case "group":
		return w.groupView()
	case "parted":
		return GroupLeft{Group: w.Group, Port: w.Port, Why: w.Why}, nil
	}
	return nil, fmt.Errorf("%w %q", ErrUnknownEvent, w.Ev)
}

func (w *wireLine) install() (Event, error) {
	e := Install{View: w.View.id(), Prev: w.Prev.id(), Trans: w.Trans}
	for _, m := range w.Members {
		e.Members = append(e.Members, HostBits{
			Process: views.Process{Host: m.Host, Incarnation: m.Inc},
			Bits:    makeBits(m.Started, m.HasDB, m.Synced),
		})
	}
	for _, s := range w.Subgroups {
		e.Subgroups = append(e.Subgroups, views.Subgroup{ID: s.View.id(), Members: s.Members})
	}
	switch w.Kind {
	case views.Regular.String():
	case views.Merge.String():
		e.Kind = views.Merge
	default:
		return nil, fmt.Errorf("kind %q", w.Kind)
	}
	var ok bool
	if e.Reason, ok = views.ParseReason(w.Reason); !ok {
		return nil, fmt.Errorf("reason %q", w.Reason)
	}
	return e, nil
}

func (w *wireLine) primary() (Event, error) {
	e := Primary{View: w.View.id(), K: w.K, Primary: w.Primary, Epoch: w.Epoch, MetaIndex: w.MetaIndex}
	if len(w.Synced) > 0 {
		if err := json.Unmarshal(w.Synced, &e.Synced); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (w *wireLine) bits() (Event, error) {
	synced := false
	if len(w.Synced) > 0 {
		if err := json.Unmarshal(w.Synced, &synced); err != nil {
			return nil, err
		}
	}
	return BitsChanged{View: w.View.id(), K: w.K, Who: w.Who, Bits: makeBits(w.Started, w.HasDB, synced)}, nil
}

func makeBits(started, hasDB, synced bool) views.Bits {
	var b views.Bits
	if started {
		b |= views.Started
	}
	if hasDB {
		b |= views.HasDB
	}
	if synced {
		b |= views.Synced
	}
	return b
}

func (w *wireLine) send() (Event, error) {
	e := Send{Port: w.Port, Group: w.Group, View: w.View.id(), Len: w.Len}
	if err := w.message(&e.Msg, &e.Order, &e.Sum); err != nil {
		return nil, err
	}
	return e, nil
}

func (w *wireLine) deliver() (Event, error) {
	e := Deliver{Port: w.Port, Group: w.Group, View: w.View.id(), K: w.K, Len: w.Len, Transitional: w.Transitional}
	if err := w.message(&e.Msg, &e.Order, &e.Sum); err != nil {
		return nil, err
	}
	return e, nil
}

// message reads what send and deliver have in common and is not plain.
func (w *wireLine) message(id *MsgID, order *views.Order, sum *uint32) error {
	var err error
	if *id, err = ParseMsgID(w.Msg); err != nil {
		return err
	}
	var ok bool
	if *order, ok = views.ParseOrder(w.Order); !ok {
		return fmt.Errorf("order %q", w.Order)
	}
	var b [4]byte
	if len(w.Sum) != 2*len(b) {
		return fmt.Errorf("sum %q: want 8 hexadecimal digits", w.Sum)
	}
	if _, err := hex.Decode(b[:], []byte(w.Sum)); err != nil {
		return fmt.Errorf("sum %q: %w", w.Sum, err)
	}
	*sum = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	if w.Len < 0 {
		return fmt.Errorf("len %d", w.Len)
	}
	return nil
}

// String gives "host/inc/n", as in the log.
func (m MsgID) String() string {
	return m.From.Host.String() + "/" + strconv.FormatUint(uint64(m.From.Incarnation), 10) +
		"/" + strconv.FormatUint(m.N, 10)
}

// ParseMsgID reads "host/inc/n".
func ParseMsgID(s string) (MsgID, error) {
	var m MsgID
	host, rest, _ := strings.Cut(s, "/")
	inc, n, ok := strings.Cut(rest, "/")
	if !ok {
		return m, fmt.Errorf("msg %q: want host/inc/n", s)
	}
	h, err := views.ParseHostID(host)
	if err != nil {
		return m, err
	}
	i, err := strconv.ParseUint(inc, 10, 32)
	if err != nil {
		return m, fmt.Errorf("msg %q: %w", s, err)
	}
	count, err := strconv.ParseUint(n, 10, 64)
	if err != nil {
		return m, fmt.Errorf("msg %q: %w", s, err)
	}
	return MsgID{From: views.Process{Host: h, Incarnation: views.Incarnation(i)}, N: count}, nil
}
