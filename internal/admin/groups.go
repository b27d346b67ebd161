package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/gmsd/gmsd/gms"
	"github.com/gmsd/gmsd/gms/member"
	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/trace"
)

// SendAnswer is the body of POST /v1/groups/NAME/messages: the message was
// delivered here, under its order's promise. K is 0 for fifo.
type SendAnswer struct {
	Msg  string         `json:"msg"`
	View ViewID         `json:"view"`
	K    views.Position `json:"k"`
}

// GroupEvent is one line of GET /v1/groups/NAME/events.
type GroupEvent struct {
	// Ev is "view", "state" (bits or attributes changed), "block", "unblock",
	// "message" or, as the last one, "parted".
	Ev string `json:"ev"`
	// View is set for a view and a state, in the form of GET /v1/view.
	View *View `json:"view,omitempty"`
	// Group is set for a view in place of View where the client is a member of the
	// light group (join=).
	Group *GroupView `json:"group,omitempty"`
	// Why is set for parted: as of members that are out.
	Why string `json:"why,omitempty"`
	*GroupMessage
}

// GroupMessage is a delivered message. Text repeats the payload where it is
// UTF-8, for people and shell scripts.
type GroupMessage struct {
	Msg  string       `json:"msg"`
	From views.HostID `json:"from"`
	// Port is the sender's at its host; 0: sent through the admin interface, or by
	// the host itself.
	Port uint32 `json:"port"`
	// In is the host view; left out for a member of the light group, whose views
	// are those of the group.
	In           *ViewID        `json:"in,omitempty"`
	K            views.Position `json:"k"`
	Order        string         `json:"order"`
	Payload      []byte         `json:"payload"`
	Text         *string        `json:"text,omitempty"`
	Transitional bool           `json:"transitional"`
}

// messageID writes an id as the event log does: host/inc/n.
func messageID(id trace.MsgID) string {
	return fmt.Sprintf("%s/%d/%d", id.From.Host, id.From.Incarnation, id.N)
}

func groupName(r *http.Request) (string, error) {
	name := r.PathValue("name")
	return name, member.CheckGroup(name)
}

func (s *Server) handleSend(w http.ResponseWriter, r *http.Request) error {
	name, err := groupName(r)
	if err != nil {
		return err
	}
	order, err := orderOf(r)
	if err != nil {
		return err
	}
	payload, release, err := s.bodies.read(http.MaxBytesReader(w, r.Body, views.PayloadMax))
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel, err := deadline(w, r)
	if err != nil {
		return err
	}
	defer cancel()
	receipt, err := s.group.Send(ctx, name, order, payload)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return failure(CodeTimeout, "not delivered in time; it may still be delivered", "gmsd status shows what the group waits for; a longer timeout waits longer")
	case err != nil:
		return err
	}
	writeJSON(w, http.StatusOK, SendAnswer{Msg: messageID(receipt.Msg), View: viewID(receipt.View), K: receipt.K})
	return nil
}

// orderOf reads order=, agreed where it is left out.
func orderOf(r *http.Request) (views.Order, error) {
	word := r.URL.Query().Get("order")
	if word == "" {
		return views.Agreed, nil
	}
	order, ok := views.ParseOrder(word)
	if !ok {
		return 0, failure(CodeBadRequest, "order="+word+" does not exist", "use order=fifo, order=agreed or order=safe")
	}
	return order, nil
}

// listenedLine is an event of a listener as a line.
func listenedLine(e *gms.GroupEvent) (line GroupEvent, last bool) {
	line.Ev = e.Kind
	switch e.Kind {
	case gms.KindMessage:
		line.GroupMessage = groupMessage(e)
	case gms.KindView, gms.KindState:
		line.View = viewOf(e.View)
	}
	return line, false
}

func groupMessage(e *gms.GroupEvent) *GroupMessage {
	m, in := &e.Msg, viewID(e.View.View.ID)
	g := &GroupMessage{
		Msg: messageID(m.Msg), From: m.Msg.From.Host, Port: m.Port, In: &in, K: m.K,
		Order: m.Order.String(), Transitional: m.Transitional,
	}
	g.fill(m.Payload)
	return g
}

func (g *GroupMessage) fill(payload []byte) {
	g.Payload = payload
	if payload == nil {
		g.Payload = []byte{} // "" in JSON, not null
	}
	if utf8.Valid(payload) {
		text := string(payload)
		g.Text = &text
	}
}
