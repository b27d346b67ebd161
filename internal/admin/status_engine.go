package admin

import (
	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/message"
)

// StatusEngine is the protocol's own account.
type StatusEngine struct {
	Phase string `json:"phase"`
	// Joiner: this life was never in a view of two.
	Joiner                bool              `json:"joiner"`
	DetectionBoundSeconds float64           `json:"detectionBoundSeconds"`
	Members               []StatusMember    `json:"members"`
	Strangers             []StatusStranger  `json:"strangers"`
	Counters              StatusCounters    `json:"counters"`
	FramesIn              map[string]uint64 `json:"framesIn"`
	FramesOut             map[string]uint64 `json:"framesOut"`
	// Dropped is what the protocol threw away, by reason.
	Dropped map[string]uint64 `json:"dropped"`
}

// StatusMember is how this host hears another member.
type StatusMember struct {
	Rank  uint16       `json:"rank"`
	Name  string       `json:"name"`
	Host  views.HostID `json:"host"`
	Role  string       `json:"role"`
	State string       `json:"state"`
	// RTTSeconds is 0 where it was not measured, HeardSecondsAgo -1 where the
	// member was not heard in this view.
	RTTSeconds      float64 `json:"rttSeconds"`
	HeardSecondsAgo float64 `json:"heardSecondsAgo"`
	SilenceSeconds  float64 `json:"silenceSeconds"`
	Accusers        int     `json:"accusers"`
}

// StatusStranger is a foreign view that was heard of late.
type StatusStranger struct {
	View     ViewID       `json:"view"`
	Contact  views.HostID `json:"contact"`
	Size     uint16       `json:"size"`
	Answered bool         `json:"answered"`
	// Lacking are the ways, "ours - theirs" by short host ids, that keep it from
	// being invited: no ping has come back.
	Lacking []string `json:"lacking,omitempty"`
}

// StatusCounters count what the core did.
type StatusCounters struct {
	Retransmits uint64 `json:"retransmits"`
	Naks        uint64 `json:"naks"`
	Ballots     uint64 `json:"ballots"`
	Yields      uint64 `json:"yields"`
	Abandons    uint64 `json:"abandons"`
	LeftOut     uint64 `json:"leftOut"`
}

func statusEngine(e *engine.Status) StatusEngine {
	out := StatusEngine{
		Phase: e.Phase, Joiner: e.Joiner, DetectionBoundSeconds: e.DetectionBound.Seconds(),
		Members: []StatusMember{}, Strangers: []StatusStranger{}, Dropped: map[string]uint64{},
		FramesIn: framesByType(e.Traffic.In[:]), FramesOut: framesByType(e.Traffic.Out[:]),
		Counters: StatusCounters{
			Retransmits: e.Counters.Retransmits, Naks: e.Counters.Naks, Ballots: e.Counters.Ballots,
			Yields: e.Counters.Yields, Abandons: e.Counters.Abandons, LeftOut: e.Counters.LeftOut,
		},
	}
	for i := range e.Subjects {
		s := &e.Subjects[i]
		out.Members = append(out.Members, StatusMember{
			Rank: s.Rank, Name: s.Name, Host: s.Host, Role: s.Role, State: s.State, RTTSeconds: s.RTT.Seconds(),
			HeardSecondsAgo: s.HeardAge.Seconds(), SilenceSeconds: s.Silence.Seconds(), Accusers: len(s.Accusers),
		})
		if s.HeardAge < 0 {
			out.Members[i].HeardSecondsAgo = -1
		}
	}
	for _, s := range e.Strangers {
		stranger := StatusStranger{View: viewID(s.View), Contact: s.Contact.Host, Size: s.Size, Answered: s.Answered}
		for _, w := range s.Lacking {
			stranger.Lacking = append(stranger.Lacking, w.Ours.Host.Short()+" - "+w.Theirs.Host.Short())
		}
		out.Strangers = append(out.Strangers, stranger)
	}
	for _, d := range e.Drops {
		out.Dropped[d.Reason] += d.Count
	}
	return out
}

// framesByType leaves out the types that did not occur.
func framesByType(counts []uint64) map[string]uint64 {
	out := map[string]uint64{}
	for i, n := range counts {
		if n > 0 {
			out[message.Type(i).String()] = n
		}
	}
	return out
}
