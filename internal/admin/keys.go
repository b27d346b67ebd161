package admin

import (
	"net/http"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// KeysAnswer is the body of GET /v1/keys. It holds names of keys, never secrets.
type KeysAnswer struct {
	// Sealed: frames are sealed. False: insecure-lab, and all else is empty.
	Sealed bool `json:"sealed"`
	// Using is the key that is to seal, empty where nothing is sealed.
	Using   string         `json:"using"`
	Keys    []KeyAnswer    `json:"keys"`
	Removed []string       `json:"removed"`
	Barred  []views.HostID `json:"barred"`
	Fault   string         `json:"fault"`
	// Rotating: not all members are as far as this host.
	Rotating bool             `json:"rotating"`
	Hosts    []HostKeysAnswer `json:"hosts"`
	// Absent are hosts that are known and not in the view: they do not hear of a change.
	Absent []AbsentAnswer `json:"absent"`
}

// AbsentAnswer is a host that is away. Host and Name are empty where only an address
// is known, Seen where it is not known when it was here last (RFC 3339).
type AbsentAnswer struct {
	Host string `json:"host"`
	Name string `json:"name"`
	Addr string `json:"addr"`
	// Source is cache, or who names the address: peers, peers-file, peers-dns or routers.
	Source string `json:"source"`
	Seen   string `json:"seen"`
}

// KeyAnswer is a key.
type KeyAnswer struct {
	ID    string `json:"id"`
	Made  string `json:"made"` // RFC 3339
	InUse bool   `json:"inUse"`
}

// HostKeysAnswer says how far a member is.
type HostKeysAnswer struct {
	Host views.HostID `json:"host"`
	Name string       `json:"name"`
	// Known: it has answered; what follows is empty where it has not.
	Known   bool     `json:"known"`
	Sending string   `json:"sending"`
	Has     []string `json:"has"`
	Current bool     `json:"current"`
}

func keysAnswer(r *gms.KeyRing) KeysAnswer {
	a := KeysAnswer{
		Sealed: r.Sealed, Rotating: r.Rotating, Fault: r.Fault, Keys: []KeyAnswer{}, Hosts: []HostKeysAnswer{}, Absent: []AbsentAnswer{},
		Removed: append([]string{}, r.Removed...), Barred: append([]views.HostID{}, r.Barred...),
	}
	for _, k := range r.Keys {
		a.Keys = append(a.Keys, KeyAnswer{ID: k.ID, Made: k.Made.Format(time.RFC3339), InUse: k.InUse})
		if k.InUse {
			a.Using = k.ID
		}
	}
	for _, h := range r.Hosts {
		a.Hosts = append(a.Hosts, HostKeysAnswer{h.Host, h.Name, h.Known, h.Sending, append([]string{}, h.Has...), h.Current})
	}
	for i := range r.Absent {
		a.Absent = append(a.Absent, absentAnswer(&r.Absent[i]))
	}
	return a
}

func absentAnswer(h *gms.AbsentHost) AbsentAnswer {
	a := AbsentAnswer{Name: h.Name, Addr: h.Addr.String(), Source: h.Source}
	if !h.Host.IsZero() {
		a.Host = h.Host.String()
	}
	if !h.Seen.IsZero() {
		a.Seen = h.Seen.UTC().Format(time.RFC3339)
	}
	return a
}

func (s *Server) handleKeys(w http.ResponseWriter, r *http.Request) error {
	ring, err := s.group.Keys(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, keysAnswer(&ring))
	return nil
}

// KeysBody is the body of POST /v1/keys. Op is install, use or remove; ID names the
// key, but for install.
type KeysBody struct {
	Op string `json:"op"`
	ID string `json:"id,omitempty"`
}

func (s *Server) handleChangeKeys(w http.ResponseWriter, r *http.Request) error {
	var body KeysBody
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	annotate(w, "%s %s", body.Op, body.ID)
	var err error
	switch id := body.ID; body.Op {
	case "install":
		if id != "" {
			return failure(CodeBadRequest, "install draws a fresh key, and takes no id", `send {"op":"install"}`)
		}
		body.ID, err = s.group.InstallKey(r.Context())
		annotate(w, "install %s", body.ID)
	case "use":
		err = s.group.UseKey(r.Context(), id)
	case "remove":
		err = s.group.RemoveKey(r.Context(), id)
	default:
		return failure(CodeBadRequest, "op "+body.Op+" does not exist", "use install, use or remove")
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"id": body.ID})
	return nil
}
