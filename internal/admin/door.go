package admin

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gmsd/gmsd/internal/adminca"
)

// caller is who a request comes from.
type caller struct {
	// who is for the audit.
	who  string
	role adminca.Role
	// until is when the caller's right ends; zero: not while the connection lasts.
	until time.Time
}

// Words of the audit and of admin_refused_total for what was not let in.
const (
	whyUID         = "uid"         // the socket: another user
	whyReadOnly    = "read-only"   // the plain listener: a change
	whyRole        = "role"        // a role that is too weak
	whyCertificate = "certificate" // a certificate that is not valid, or none
	whyHandshake   = "handshake"   // what came was no TLS, or not to its end
	whyFull        = "full"        // too many connections
)

// reasonsToRefuse is the whole list.
var reasonsToRefuse = []string{whyUID, whyReadOnly, whyRole, whyCertificate, whyHandshake, whyFull}

// door is a listener as the handler sees it: who comes in by it.
type door struct {
	// enter says who asks, or why nothing is answered.
	enter func(*http.Request) (caller, *Error)
	// weak answers a caller whose role does not reach for what.
	weak func(c caller, what string) *Error
	// stranger and meagre name in metrics what enter and weak refuse.
	stranger, meagre string
	// refused bounds what is logged of refusals.
	refused *lines
}

// plainDoor lets anybody look.
func (s *Server) plainDoor() *door {
	return &door{
		enter: func(r *http.Request) (caller, *Error) {
			return caller{who: "anybody at " + r.RemoteAddr, role: adminca.Read}, nil
		},
		weak: func(_ caller, what string) *Error {
			return failure(CodeReadOnly, "this listener is read-only: "+what, s.socketHint())
		},
		meagre: whyReadOnly, refused: newLines(s.now),
	}
}

// socketDoor lets the user of the daemon and root do everything, whatever the mode of
// the file says.
func (s *Server) socketDoor() *door {
	return &door{
		enter: func(r *http.Request) (caller, *Error) {
			peer := peerOf(r.Context())
			if !peer.mayEnter(s.euid) {
				return caller{who: peer.String()}, failure(CodeForbidden, fmt.Sprintf("%s may not use this socket", peer), peer.cure(s.euid))
			}
			return caller{who: peer.String(), role: adminca.Operate}, nil
		},
		stranger: whyUID, refused: newLines(s.now),
	}
}

// tlsDoor lets in who has a certificate, as far as its role reaches. It was verified
// when the connection came; the ring and the time go on.
func (s *Server) tlsDoor() *door {
	return &door{
		enter: s.enterTLS,
		weak: func(c caller, what string) *Error {
			return failure(CodeForbidden, fmt.Sprintf("%s, which needs the role %s; the certificate has %s", what, adminca.Operate, c.role),
				"use a certificate of that role: gmsd keys client --role operate")
		},
		stranger: whyCertificate, meagre: whyRole, refused: newLines(s.now),
	}
}

func (s *Server) enterTLS(r *http.Request) (caller, *Error) {
	c, err := adminca.CallerOf(r.TLS)
	who := caller{who: describeCaller(&c), role: c.Role, until: c.Until}
	if err != nil {
		return who, failure(CodeForbidden, err.Error(), "gmsd keys client makes a certificate")
	}
	trust, err := s.group.AdminTrust()
	switch {
	case err != nil:
		return who, failure(CodeInternal, err.Error(), "")
	case !trust.Lives(c.Key):
		return who, failure(CodeForbidden, fmt.Sprintf("the key %s, under which the certificate was made, was removed", c.Key), "make a new one: gmsd keys client")
	case s.now().After(c.Until):
		return who, failure(CodeForbidden, "the certificate has expired", "make a new one: gmsd keys client")
	}
	return who, nil
}

func describeCaller(c *adminca.Caller) string {
	return fmt.Sprintf("certificate %s (%s, serial %s, key %s)", c.Name, c.Role, c.Serial, c.Key)
}

// changes reports whether a request is more than a look; join= makes the client a member.
func changes(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.Query().Has("join")
}

// describeChange names it for who may not.
func describeChange(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return "join= changes a group"
	}
	return r.Method + " changes something"
}

// guard puts a door before the routes. Refusals and changes are audited, nothing is
// answered to who is refused.
func (s *Server) guard(d *door, routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, refusal := d.enter(r)
		why := d.stranger
		if refusal == nil && changes(r) && who.role < adminca.Operate {
			refusal, why = d.weak(who, describeChange(r)), d.meagre
		}
		switch {
		case refusal != nil:
			s.metrics.refuse(why)
			a := s.audit(w, r, who.who, d.refused)
			writeError(a, refusal)
		case changes(r):
			a := s.audit(w, r, who.who, s.linesFor(r))
			defer a.end()
			serveUntil(who.until, s.now, a, r, routes)
		default:
			serveUntil(who.until, s.now, w, r, routes)
		}
	})
}

// serveUntil ends a request, a stream above all, with the right of its caller.
func serveUntil(until time.Time, now func() time.Time, w http.ResponseWriter, r *http.Request, routes http.Handler) {
	if !until.IsZero() {
		ctx, cancel := context.WithTimeout(r.Context(), until.Sub(now()))
		defer cancel()
		r = r.WithContext(ctx)
	}
	routes.ServeHTTP(w, r)
}
