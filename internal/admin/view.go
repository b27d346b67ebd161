package admin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// ViewAnswer is the body of GET /v1/view. Its keys are fixed by the outside
// face of the project and only grow.
type ViewAnswer struct {
	Self  views.HostID `json:"self"`
	State string       `json:"state"`
	// Cluster is null before the cluster is initialised.
	Cluster *Cluster `json:"cluster"`
	View    *View    `json:"view"`
}

// Cluster says which cluster a host belongs to.
type Cluster struct {
	Name string `json:"name"`
	Tag  string `json:"tag"`
}

// ViewID is a view's id as it is written outside.
type ViewID struct {
	Seq         views.Seq    `json:"seq"`
	Coordinator views.HostID `json:"coordinator"`
}

// View is an installed view. Prev is null for the first one of an incarnation.
type View struct {
	ID   ViewID `json:"id"`
	Kind string `json:"kind"`
	// Primary and Epoch are false and 0 while nothing is primary.
	Primary   bool           `json:"primary"`
	Epoch     views.Epoch    `json:"epoch"`
	Installed time.Time      `json:"installed"`
	Reason    string         `json:"reason"`
	Members   []Member       `json:"members"`
	Subgroups []Subgroup     `json:"subgroups"`
	Prev      *ViewID        `json:"prev"`
	Trans     []views.HostID `json:"trans"`
	// AskedBy is who asked at this host for the eviction that a view of the history
	// shows; left out where nobody did here.
	AskedBy string `json:"askedBy,omitempty"`
}

// Member is one host of a view.
type Member struct {
	Rank        int               `json:"rank"`
	Name        string            `json:"name"`
	Host        views.HostID      `json:"host"`
	Incarnation views.Incarnation `json:"incarnation"`
	Addr        string            `json:"addr"`
	Started     bool              `json:"started"`
	HasDB       bool              `json:"hasDB"`
	Synced      bool              `json:"synced"`
	Version     string            `json:"version"`
	Attrs       map[string]string `json:"attrs"`
}

// Bits gives the three bits of m as one value.
func (m Member) Bits() views.Bits {
	var b views.Bits
	for _, x := range []struct {
		on  bool
		bit views.Bits
	}{{m.Started, views.Started}, {m.HasDB, views.HasDB}, {m.Synced, views.Synced}} {
		if x.on {
			b |= x.bit
		}
	}
	return b
}

// Subgroup is the set of members that came together from one earlier view.
type Subgroup struct {
	ID      ViewID         `json:"id"`
	Members []views.HostID `json:"members"`
}

// HistoryAnswer is the body of GET /v1/history: the last views, oldest first.
type HistoryAnswer struct {
	Self  views.HostID `json:"self"`
	Views []*View      `json:"views"`
}

func viewID(id views.ViewID) ViewID { return ViewID{Seq: id.Seq, Coordinator: id.Coordinator} }

func viewAnswer(self views.HostID, s *gms.Snapshot) *ViewAnswer {
	return &ViewAnswer{Self: self, State: s.State, View: viewOf(s)}
}

// viewOf is nil while there is no view.
func viewOf(s *gms.Snapshot) *View {
	if s.View == nil {
		return nil
	}
	v := &View{
		ID: viewID(s.View.ID), Kind: s.View.Kind.String(), Reason: s.View.Reason.String(),
		Installed: s.Installed.UTC(),
		Members:   make([]Member, 0, len(s.View.Members)),
		Subgroups: make([]Subgroup, 0, len(s.View.Subgroups)),
		Trans:     append([]views.HostID{}, s.Trans...),
	}
	if !s.Prev.IsZero() {
		prev := viewID(s.Prev)
		v.Prev = &prev
	}
	for rank := range s.View.Members {
		v.Members = append(v.Members, memberOf(rank, &s.View.Members[rank]))
	}
	for _, g := range s.View.Subgroups {
		v.Subgroups = append(v.Subgroups, Subgroup{ID: viewID(g.ID), Members: append([]views.HostID{}, g.Members...)})
	}
	return v
}

func memberOf(rank int, m *views.Member) Member {
	attrs := make(map[string]string, len(m.Attrs))
	for _, a := range m.Attrs {
		attrs[a.Key] = a.Value
	}
	return Member{
		Rank: rank, Name: m.Name, Host: m.Host, Incarnation: m.Incarnation, Addr: m.Addr.String(),
		Started: m.Bits.Has(views.Started), HasDB: m.Bits.Has(views.HasDB), Synced: m.Bits.Has(views.Synced),
		Version: m.Version, Attrs: attrs,
	}
}

func (s *Server) handleView(w http.ResponseWriter, r *http.Request) error {
	wait := r.URL.Query().Get("wait")
	if wait == "" {
		writeJSON(w, http.StatusOK, viewAnswer(s.group.Self().Host, s.group.View()))
		return nil
	}
	above, err := strconv.ParseUint(wait, 10, 64)
	if err != nil {
		return failure(CodeBadRequest, "wait="+wait+" is not a view's seq", "wait=0 answers at once")
	}
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	snap, err := s.group.WaitView(ctx, views.Seq(above))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, viewAnswer(s.group.Self().Host, snap))
	return nil
}

func (s *Server) handleHistory(w http.ResponseWriter, _ *http.Request) error {
	history := s.group.History()
	answer := HistoryAnswer{Self: s.group.Self().Host, Views: make([]*View, 0, len(history))}
	for _, snap := range history {
		if v := viewOf(snap); v != nil {
			v.AskedBy = s.evictions.whoAsked(snap, history)
			answer.Views = append(answer.Views, v)
		}
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// handleReady answers 200 when the host is in a view and its started bit is set there.
func (s *Server) handleReady(w http.ResponseWriter, _ *http.Request) error {
	snap, self := s.group.View(), s.group.Self()
	if snap.View == nil {
		return failure(CodeNotReady, "in no view ("+snap.State+")", "gmsd status tells more")
	}
	rank := snap.View.Rank(self.Host)
	if rank < 0 {
		return failure(CodeNotReady, "not a member of the view ("+snap.State+")", "gmsd status tells more")
	}
	if !snap.View.Members[rank].Bits.Has(views.Started) {
		return failure(CodeNotReady, "in a view, but the started bit is not set",
			`with started = "api" a program sets it: PUT /v1/bits {"started":true}`)
	}
	writeJSON(w, http.StatusOK, map[string]bool{"ready": true})
	return nil
}

func (s *Server) handleHealth(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]bool{"alive": true})
	return nil
}

// ServiceTarget is one entry of the Prometheus http_sd format, GET /v1/sd.
type ServiceTarget struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// AttrAdmin is the attribute under which a host may tell where its own admin
// listener can be reached from elsewhere, host:port or https://host:port; /v1/sd
// prefers it.
const AttrAdmin = "admin"

// Labels of a [ServiceTarget].
const (
	LabelName = "__meta_gmsd_name"
	LabelHost = "__meta_gmsd_host"
	// LabelScheme is https where the target wants a certificate (admin-tls).
	LabelScheme = "__scheme__"
)

// handleServiceDiscovery lists the members of the view as scrape targets: at
// the address of their admin attribute, else at their member address with our
// own admin port.
func (s *Server) handleServiceDiscovery(w http.ResponseWriter, _ *http.Request) error {
	targets := []ServiceTarget{}
	if snap := s.group.View(); snap.View != nil {
		for rank := range snap.View.Members {
			targets = append(targets, s.targetOf(rank, &snap.View.Members[rank]))
		}
	}
	writeJSON(w, http.StatusOK, targets)
	return nil
}

func (s *Server) targetOf(rank int, m *views.Member) ServiceTarget {
	labels := map[string]string{
		"__meta_gmsd_group": s.cfg.Group,
		LabelName:           m.Name,
		LabelHost:           m.Host.String(),
		"__meta_gmsd_rank":  strconv.Itoa(rank),
		"__meta_gmsd_bits":  m.Bits.String(),
	}
	target := m.Addr.Addr().String() + ":" + strconv.Itoa(s.tcpPort())
	for _, a := range m.Attrs {
		labels["__meta_gmsd_attr_"+labelName(a.Key)] = a.Value
		if a.Key == AttrAdmin {
			target = a.Value
			if rest, ok := strings.CutPrefix(target, SchemeTLS); ok {
				target, labels[LabelScheme] = rest, "https"
			}
		}
	}
	return ServiceTarget{Targets: []string{target}, Labels: labels}
}

// labelName replaces what a Prometheus label may not hold.
func labelName(key string) string {
	out := []byte(key)
	for i, c := range out {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum {
			out[i] = '_'
		}
	}
	return string(out)
}
