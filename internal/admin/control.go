package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/views"
)

// jsonBytesMax bounds the JSON body of a command.
const jsonBytesMax = 64 << 10

// readJSON reads one JSON value without unknown keys into v.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, jsonBytesMax))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		_, err = dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("something follows the value")
	}
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return err
	}
	return failure(CodeBadRequest, "the body is not what this route takes: "+err.Error(), "GET /v1/openapi.json describes it")
}

type bitsBody struct {
	Started *bool `json:"started"`
	HasDB   *bool `json:"hasDB"`
	Synced  *bool `json:"synced"`
}

// apply gives the bits that are named, and their values.
func (b bitsBody) apply() (mask, bits views.Bits) {
	for _, x := range []struct {
		word *bool
		bit  views.Bits
	}{{b.Started, views.Started}, {b.HasDB, views.HasDB}, {b.Synced, views.Synced}} {
		if x.word == nil {
			continue
		}
		mask |= x.bit
		if *x.word {
			bits |= x.bit
		}
	}
	return mask, bits
}

func (s *Server) handleBits(w http.ResponseWriter, r *http.Request) error {
	var body bitsBody
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	mask, bits := body.apply()
	annotate(w, "bits %s of %s", bits, mask)
	if mask == 0 {
		return failure(CodeBadRequest, "no bit is named", `for example {"started":true}`)
	}
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	if err := s.group.SetBits(ctx, mask, bits); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, viewAnswer(s.group.Self().Host, s.group.View()))
	return nil
}

func (s *Server) handleAttrs(w http.ResponseWriter, r *http.Request) error {
	var attrs map[string]string
	if err := readJSON(w, r, &attrs); err != nil {
		return err
	}
	if attrs == nil {
		return failure(CodeBadRequest, "null is no set of attributes", "{} takes all away")
	}
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	if err := s.group.SetAttrs(ctx, attrs); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, viewAnswer(s.group.Self().Host, s.group.View()))
	return nil
}

func (s *Server) handleLeave(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	if err := s.group.Leave(ctx); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]bool{"left": true})
	return nil
}

func (s *Server) handleEvict(w http.ResponseWriter, r *http.Request) error {
	member, err := s.findToEvict(r.PathValue("host"))
	if err != nil {
		return err
	}
	if member.Host == s.group.Self().Host {
		return gms.ErrOneself
	}
	keep, err := flagOf(r, "keep-keys")
	if err != nil {
		return err
	}
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	s.evictions.ask(eviction{member.Host, whoAsks(w), time.Now()})
	if err := s.group.Evict(ctx, member.Host, keep); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"evicted": member.Host.String(), "name": member.Name})
	return nil
}

// flagOf reads a yes or no of the query; what is not there is no.
func flagOf(r *http.Request, name string) (bool, error) {
	switch word := r.URL.Query().Get(name); word {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	default:
		return false, failure(CodeBadRequest, name+"="+word+" is neither yes nor no", "use "+name+"=1 or "+name+"=0")
	}
}

// LabBody is the body of POST /v1/lab. Op is cut, delay or heal; Dir is in, out
// or both, the default.
type LabBody struct {
	Op    string           `json:"op"`
	Addrs []netip.AddrPort `json:"addrs,omitempty"`
	Dir   string           `json:"dir,omitempty"`
	// Delay is a Go duration, for delay.
	Delay string `json:"delay,omitempty"`
}

// labDelayMax keeps a slip of the finger from filling memory with frames.
const labDelayMax = 10 * time.Second

func (s *Server) handleLab(w http.ResponseWriter, r *http.Request) error {
	if !s.cfg.LabFaults {
		return failure(CodeDisabled, "faults are not allowed in this process", "start it with --lab-faults")
	}
	var body LabBody
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	annotate(w, "%s %s %v %s", body.Op, body.Dir, body.Addrs, body.Delay)
	if err := s.lab(body); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"done": body.Op})
	return nil
}

func (s *Server) lab(body LabBody) error {
	switch body.Op {
	case "cut":
		switch body.Dir {
		case "":
			body.Dir = "both"
		case "in", "out", "both":
		default:
			return failure(CodeBadRequest, "dir="+body.Dir+" does not exist", "use in, out or both")
		}
		return s.group.LabCut(body.Addrs, body.Dir)
	case "delay":
		d, err := time.ParseDuration(body.Delay)
		if err != nil || d < 0 || d > labDelayMax {
			return failure(CodeBadRequest, fmt.Sprintf("delay %q is no time from 0 to %s", body.Delay, labDelayMax), `for example "50ms"`)
		}
		return s.group.LabDelay(body.Addrs, d)
	case "heal":
		return s.group.LabHeal()
	}
	return failure(CodeBadRequest, fmt.Sprintf("op %q does not exist", body.Op), "use cut, delay or heal")
}
