package admin

import (
	"net/http"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/internal/doctor"
	"github.com/gmsd/gmsd/views"
)

// DoctorAnswer is the body of GET /v1/doctor.
type DoctorAnswer struct {
	Verdicts []VerdictAnswer `json:"verdicts"`
	// Reported are the hosts that told what they see, Silent the members that did not.
	Reported    []string     `json:"reported"`
	Silent      []string     `json:"silent"`
	TookSeconds float64      `json:"tookSeconds"`
	Links       []LinkAnswer `json:"links"`
}

// VerdictAnswer is a named cause. From and To are empty where it is not about them.
type VerdictAnswer struct {
	Cause    string   `json:"cause"`
	What     string   `json:"what"`
	From     string   `json:"from"`
	To       string   `json:"to"`
	Evidence []string `json:"evidence"`
	Cure     string   `json:"cure"`
}

// LinkAnswer is what one host says of the way to another and back, of the last ten
// seconds.
type LinkAnswer struct {
	From   string       `json:"from"`
	To     string       `json:"to"`
	ToHost views.HostID `json:"toHost"`
	Addr   string       `json:"addr"`
	Member bool         `json:"member"`
	// RTTMicros is the smoothed round trip, 0: not measured.
	RTTMicros float64 `json:"rttMicros"`
	// Full are questions that fill a frame, of which so many were answered.
	Full         int `json:"full"`
	FullAnswered int `json:"fullAnswered"`
	// MTU is the longest IP packet seen to arrive, 0: none was tested.
	MTU int `json:"mtu"`
	// LossPercent is of short questions, there and back; -1: too few were asked.
	LossPercent float64 `json:"lossPercent"`
	// Multicast and Unicast came, MulticastLost did not; of a row of Row multicasts, where
	// there was one, RowArrived came. TCP is how a connection ends.
	Multicast     int    `json:"multicast"`
	MulticastLost int    `json:"multicastLost"`
	Row           int    `json:"row"`
	RowArrived    int    `json:"rowArrived"`
	Unicast       int    `json:"unicast"`
	TCP           string `json:"tcp"`
	// ClockMillis is by how much the other clock is ahead, null: not known.
	ClockMillis *float64 `json:"clockMillis"`
}

var tcpWords = map[doctor.TCP]string{
	doctor.TCPUntested: "", doctor.TCPGood: "good", doctor.TCPRefused: "refused", doctor.TCPRejected: "rejected",
	doctor.TCPSilent: "silent", doctor.TCPMute: "mute", doctor.TCPRouter: "router",
}

// headersIPv4 are those of IP and UDP, which a frame comes with.
const headersIPv4 = 28

func verdictAnswers(list []gms.Verdict) []VerdictAnswer {
	out := []VerdictAnswer{}
	for _, v := range list {
		a := VerdictAnswer{Cause: v.Cause, From: v.From.Name, To: v.To.Name, Evidence: append([]string{}, v.Evidence...), Cure: v.Cure}
		if c := doctor.CauseNamed(v.Cause); c != nil {
			a.What = c.What
		}
		out = append(out, a)
	}
	return out
}

func linkAnswer(from string, l *doctor.Link) LinkAnswer {
	a := LinkAnswer{
		From: from, To: l.Name, ToHost: l.Peer, Addr: l.Addr.String(), Member: l.Member,
		RTTMicros: float64(l.RTT) / float64(time.Microsecond), LossPercent: -1, Full: int(l.Large.Sent), FullAnswered: int(l.Large.Answered),
		Multicast: int(l.All.Got), MulticastLost: int(l.All.Lost), Row: int(l.Burst.Sent), RowArrived: int(l.Burst.Answered), Unicast: int(l.One.Got), TCP: tcpWords[l.TCP],
	}
	if l.Fits > 0 {
		a.MTU = int(l.Fits) + headersIPv4
	}
	if l.Small.Sent > 0 {
		a.LossPercent = 100 * (1 - min(1, float64(l.Small.Answered)/float64(l.Small.Sent)))
	}
	if l.Error > 0 {
		ms := float64(l.Clock) / float64(time.Millisecond)
		a.ClockMillis = &ms
	}
	return a
}

func (s *Server) handleDoctor(w http.ResponseWriter, r *http.Request) error {
	full, err := flagOf(r, "full")
	if err != nil {
		return err
	}
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	d, err := s.group.Diagnose(ctx, full)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, NewDoctorAnswer(&d))
	return nil
}

// NewDoctorAnswer puts a diagnosis as programs read it.
func NewDoctorAnswer(d *gms.Diagnosis) *DoctorAnswer {
	a := &DoctorAnswer{
		Verdicts: verdictAnswers(d.Verdicts), Silent: append([]string{}, d.Silent...), Reported: []string{},
		TookSeconds: d.Took.Seconds(), Links: []LinkAnswer{},
	}
	for i := range d.Reports {
		report := &d.Reports[i]
		a.Reported = append(a.Reported, report.Name)
		for j := range report.Links {
			a.Links = append(a.Links, linkAnswer(report.Name, &report.Links[j]))
		}
	}
	return a
}
