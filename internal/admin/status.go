package admin

import (
	"net/http"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/transport"
	"github.com/gmsd/gmsd/views"
)

// StatusAnswer is the body of GET /v1/status: who this host is, where it
// stands, and what its parts say of themselves.
type StatusAnswer struct {
	Self    views.HostID `json:"self"`
	Name    string       `json:"name"`
	Group   string       `json:"group"`
	Version string       `json:"version"`
	Addr    string       `json:"addr"`
	State   string       `json:"state"`
	// View is null, Members 0 while there is none.
	View          *ViewID  `json:"view"`
	Members       int      `json:"members"`
	UptimeSeconds float64  `json:"uptimeSeconds"`
	Waiting       int      `json:"waiting"`
	Notices       []string `json:"notices"`
	// EventLog says why the event log is not being written; empty: it is.
	EventLog string `json:"eventLog"`
	// KeyFile says why a change of the keys cannot be written; empty: it can.
	KeyFile string `json:"keyFile"`
	// Ports are the programs with a port here, Groups the light groups they are in.
	Ports     int             `json:"ports"`
	Groups    int             `json:"groups"`
	Flow      StatusFlow      `json:"flow"`
	Counts    StatusCounts    `json:"counts"`
	Transport StatusTransport `json:"transport"`
	Engine    StatusEngine    `json:"engine"`
	Discovery StatusDiscovery `json:"discovery"`
	// Diagnosis are the named causes of what is wrong between hosts, none where all is well.
	Diagnosis []VerdictAnswer `json:"diagnosis"`
	// Namesakes are the members that share a name with another one.
	Namesakes []StatusNamesakes `json:"namesakes"`
}

// StatusNamesakes are the members of one name.
type StatusNamesakes struct {
	Name  string        `json:"name"`
	Hosts []StatusPlace `json:"hosts"`
}

// StatusPlace is a host and where it is.
type StatusPlace struct {
	Host views.HostID `json:"host"`
	Addr string       `json:"addr"`
}

func statusNamesakes(v *views.View) []StatusNamesakes {
	out := []StatusNamesakes{}
	for _, same := range gms.Namesakes(v) {
		n := StatusNamesakes{Name: same[0].Name}
		for _, m := range same {
			n.Hosts = append(n.Hosts, StatusPlace{m.Host, m.Addr.String()})
		}
		out = append(out, n)
	}
	return out
}

// StatusFlow says how much may be sent, and who holds it up.
type StatusFlow struct {
	// WindowBytes is what may be under way in the group, RoomBytes what the slowest
	// member lets be: less, or nothing, where its programs do not read.
	WindowBytes int    `json:"windowBytes"`
	RoomBytes   uint64 `json:"roomBytes"`
	// Slow is that member, null while nobody is slow.
	Slow *StatusSlow `json:"slow"`
	// OutboxBytes wait to be sent, of OutboxLimitBytes; BacklogBytes were delivered
	// and not read by programs here, which stops the group at BacklogLimitBytes.
	OutboxBytes       int `json:"outboxBytes"`
	OutboxLimitBytes  int `json:"outboxLimitBytes"`
	BacklogBytes      int `json:"backlogBytes"`
	BacklogLimitBytes int `json:"backlogLimitBytes"`
	// StatesGiven and StatesTaken are the transfers of states under way.
	StatesGiven int `json:"statesGiven"`
	StatesTaken int `json:"statesTaken"`
	// Unsettled are the members whose light groups are not known here yet: until
	// they say, no message goes out.
	Unsettled []views.HostID `json:"unsettled"`
}

// StatusSlow is the member for which the group waits.
type StatusSlow struct {
	Host views.HostID `json:"host"`
	Name string       `json:"name"`
}

func statusFlow(st *gms.Status) StatusFlow {
	f := StatusFlow{
		WindowBytes: st.Stats.Window, RoomBytes: uint64(max(0, st.Stats.Window)),
		OutboxBytes: st.Stats.Outbox, OutboxLimitBytes: gms.OutboxTotal,
		BacklogBytes: st.Stats.Backlog, BacklogLimitBytes: gms.BacklogWindows * st.Stats.Window,
		StatesGiven: st.Giving, StatesTaken: st.Taking, Unsettled: append([]views.HostID{}, st.Engine.Unsettled...),
	}
	if slow := st.Engine.Slow; slow != nil {
		f.RoomBytes, f.Slow = st.Engine.Room, &StatusSlow{Host: *slow, Name: nameIn(st.Engine.View, *slow)}
	}
	return f
}

// nameIn is a member's name, or its short id where the view does not have it.
func nameIn(v *views.View, host views.HostID) string {
	if v != nil {
		if rank := v.Rank(host); rank >= 0 {
			return v.Members[rank].Name
		}
	}
	return host.Short()
}

// StatusCounts are counts since the start.
type StatusCounts struct {
	Steps           uint64 `json:"steps"`
	Events          uint64 `json:"events"`
	SendErrors      uint64 `json:"sendErrors"`
	ReceiveErrors   uint64 `json:"receiveErrors"`
	EventLogErrors  uint64 `json:"eventLogErrors"`
	EventLogLost    uint64 `json:"eventLogLost"`
	Busy            uint64 `json:"busy"`
	ListenersCut    uint64 `json:"listenersCut"`
	ObserverSkipped uint64 `json:"observerSkipped"`
	// BacklogBytes is what listeners have not read yet.
	BacklogBytes int `json:"backlogBytes"`
}

// StatusTransport is what went over the wire, by "in unicast" and so on, and
// what was thrown away, by reason; zeros are left out.
type StatusTransport struct {
	Packets map[string]uint64 `json:"packets"`
	Bytes   map[string]uint64 `json:"bytes"`
	Dropped map[string]uint64 `json:"dropped"`
}

func (s *Server) handleStatus(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	status, err := s.group.Status(ctx)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s.statusAnswer(&status))
	return nil
}

func (s *Server) statusAnswer(st *gms.Status) StatusAnswer {
	answer := StatusAnswer{
		Self: st.Self.Host, Name: st.Self.Name, Group: s.cfg.Group, Version: s.cfg.Version,
		Addr: st.Self.Addr.String(), State: st.State, UptimeSeconds: st.Uptime.Seconds(),
		Waiting: st.Waiting, Notices: append([]string{}, st.Notices...), EventLog: st.EventLog, KeyFile: st.KeyFile,
		Ports: st.Ports, Groups: st.Groups, Flow: statusFlow(st),
		Counts: statusCounts(&st.Stats), Transport: statusTransport(&st.Stats.Transport), Engine: statusEngine(&st.Engine),
		Discovery: statusDiscovery(st), Diagnosis: verdictAnswers(st.Verdicts), Namesakes: []StatusNamesakes{},
	}
	if snap := s.group.View(); snap.View != nil {
		id := viewID(snap.View.ID)
		answer.View, answer.Members = &id, snap.View.Size()
		answer.Namesakes = statusNamesakes(snap.View)
	}
	return answer
}

func statusCounts(c *gms.Stats) StatusCounts {
	return StatusCounts{
		Steps: c.Steps, Events: c.Events, SendErrors: c.SendErrors, ReceiveErrors: c.ReceiveErrors,
		EventLogErrors: c.EventLogErrors, EventLogLost: c.EventLogLost,
		Busy: c.Busy, ListenersCut: c.ListenersCut, ObserverSkipped: c.ObserverSkipped,
		BacklogBytes: c.Backlog,
	}
}

func statusTransport(t *transport.Stats) StatusTransport {
	out := StatusTransport{Packets: map[string]uint64{}, Bytes: map[string]uint64{}, Dropped: map[string]uint64{}}
	t.Each(func(dir, kind string, traffic transport.Traffic) {
		if traffic.Packets > 0 {
			out.Packets[dir+" "+kind], out.Bytes[dir+" "+kind] = traffic.Packets, traffic.Bytes
		}
	})
	t.EachDropped(func(reason transport.Drop, n uint64) {
		if n > 0 {
			out.Dropped[reason.String()] = n
		}
	})
	return out
}
