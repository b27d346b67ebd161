package clientwire

import (
	"encoding/hex"

	"github.com/gmsd/gmsd/views"
	"github.com/gmsd/gmsd/views/groups"
)

var (
	hostA = views.Process{Host: views.HostID{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf}, Incarnation: 3}
	hostB = views.Process{Host: views.HostID{0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf}, Incarnation: 300}
	view7 = views.ViewID{Seq: 7, Coordinator: hostA.Host, Incarnation: hostA.Incarnation}
)

func sampleView() *groups.GroupView {
	m := []groups.Member{
		{Process: hostA, Port: 1, Join: 4, Name: "shop", Block: true},
		{Process: hostB, Port: 2, Join: 5, Name: "till"},
	}
	return &groups.GroupView{
		ID: groups.GroupViewID{View: view7, K: 130, Side: 2}, Prev: groups.GroupViewID{View: view7, K: 9},
		Members: m, Trans: m[:1], Joined: m[1:],
		Left: []groups.Departure{{Member: groups.Member{Process: hostB, Port: 1, Join: 3, Name: "old"}, Why: groups.Crashed}},
	}
}

// sample is a whole frame. Its body, read and written again, is the same.
type sample struct {
	name  string
	frame []byte
}

func samples() []sample {
	return []sample{
		{"hello", AppendHello(nil, &Hello{Low: 1, High: 1, Features: 0, Credit: 524288, Name: "shop"})},
		{"welcome", AppendWelcome(nil, &Welcome{
			Version: 1, Self: hostA, Port: 9, Credit: 262144, Handles: 4096, Tokens: 1024, Payload: views.PayloadMax, Software: "0.2.0",
		})},
		{"error", AppendError(nil, &Error{Code: CodeSlow, Text: "you did not read", Hint: "read"})},
		{"ping", AppendPing(nil, 300)},
		{"pong", AppendPong(nil, 300)},
		{"credit", AppendCredit(nil, 65536)},
		{"hello-state", AppendHello(nil, &Hello{Low: 1, High: 1, Features: FeatureState, Credit: 524288, Name: "shop"})},
		{"bind", AppendBind(nil, &Bind{Handle: 0, Group: "orders"})},
		{"cancel", AppendCancel(nil, 5)},
		{"bye", AppendBye(nil)},
		{"done", AppendDone(nil, 5)},
		{"failed", AppendFailed(nil, &Failed{Token: 5, Code: CodeMember, Text: "port is a member already"})},
		{"receipt", AppendReceipt(nil, &Receipt{Token: 6, N: 1000, View: view7, K: 77})},
		{"answer", AppendAnswer(nil, &Answer{Token: 7, From: sampleView().Members[1], Tail: []byte("yes")})},
		{"answer-gone", AppendAnswer(nil, &Answer{Token: 7, Gone: true, From: sampleView().Members[0]})},
		{"answer-part", AppendPart(nil, TypeAnswerPart, &Part{Left: 3, Bytes: []byte("abc")})},
		{"part", AppendPart(nil, TypePart, &Part{Left: 70000, Bytes: []byte("abc")})},
		{"post-fifo", AppendSend(nil, &Send{Order: views.FIFO, Handle: 0, Tail: []byte("hello")})},
		{"send-agreed", AppendSend(nil, &Send{Order: views.Agreed, Handle: 1, Token: 6, Tail: []byte("hello")})},
		{"send-safe-parts", AppendSend(nil, &Send{Order: views.Safe, Parts: true, Handle: 200, Token: 6, Tail: []byte("end")})},
		{"join", AppendJoin(nil, &Join{Handle: 0, Token: 1})},
		{"join-block", AppendJoin(nil, &Join{Block: true, Handle: 0, Token: 1, BlockFor: 1500})},
		{"join-state", AppendJoin(nil, &Join{Block: true, State: true, Handle: 0, Token: 1})},
		{"leave", AppendLeave(nil, &Leave{Handle: 0, Token: 2})},
		{"ready", AppendReady(nil, 0)},
		{"request", AppendRequest(nil, &Request{Need: 1, Handle: 0, Token: 7, Tail: []byte("sum?")})},
		{"reply", AppendReply(nil, &Reply{Handle: 0, Token: 8, From: hostB, Port: 2, N: 44, Request: 12, Tail: []byte("42")})},
		{"event-part", AppendPart(nil, TypeEventPart, &Part{Left: 1, Bytes: []byte("abc")})},
		{"message-fifo", AppendMessage(nil, &Message{Order: views.FIFO, Handle: 0, Sender: 1, N: 44, Tail: []byte("hello")})},
		{"message-agreed", AppendMessage(nil, &Message{Order: views.Agreed, Handle: 0, Sender: 1, N: 45, K: 300, Tail: []byte("hello")})},
		{"message-request", AppendMessage(nil, &Message{
			Order: views.Agreed, Transitional: true, Handle: 0, Sender: 1, N: 46, K: 301, Request: 12, Tail: []byte("sum?"),
		})},
		{"message-parts", AppendMessage(nil, &Message{Order: views.Safe, Parts: true, Handle: 0, Sender: 1, N: 47, K: 302, Tail: []byte("d")})},
		{"view", AppendView(nil, &View{Handle: 0, Tail: AppendGroupView(nil, sampleView())})},
		{"block", AppendBlock(nil, 0)},
		{"unblock", AppendUnblock(nil, 0)},
		{"parted", AppendParted(nil, &Parted{Handle: 0, Why: groups.Left})},
		{"parted-cut", AppendParted(nil, &Parted{Handle: 0, Why: groups.Cut, Code: CodeBlocked, Text: "too late"})},
		{"sender", AppendSender(nil, &Sender{Index: 1, From: hostB, Port: 2})},
		{"state", AppendState(nil, &State{Handle: 0, Number: 3, Size: 1 << 30})},
		{"state-none", AppendState(nil, &State{Handle: 0})},
		{"donate", AppendDonate(nil, &Donate{Handle: 0, Number: 4})},
		{"progress", AppendProgress(nil, &Progress{Handle: 0, Bytes: 300, Total: 1 << 30})},
		{"piece", AppendPiece(nil, &Piece{Number: 3, Bytes: []byte("abc")})},
		{"more", AppendMore(nil, &More{Number: 3, Bytes: 262144})},
		{"end", AppendEnd(nil, &End{Number: 3})},
		{"end-fault", AppendEnd(nil, &End{Number: 4, Code: CodeState, Text: "disk full"})},
		{"stop", AppendStop(nil, 3)},
		{"give", AppendGive(nil, &Give{Number: 4, Size: 1000})},
	}
}

// parse reads a body of any type, and gives it as fields for people and other
// languages, and written again.
func parse(t Type, body []byte) (fields map[string]any, again []byte, err error) {
	switch t {
	case TypeHello:
		x, err := ParseHello(body)
		return map[string]any{"low": x.Low, "high": x.High, "features": x.Features, "credit": x.Credit, "name": x.Name}, AppendHello(nil, &x), err
	case TypeWelcome:
		x, err := ParseWelcome(body)
		return map[string]any{
			"version": x.Version, "features": x.Features, "self": processText(x.Self), "port": x.Port, "credit": x.Credit,
			"handles": x.Handles, "tokens": x.Tokens, "payload": x.Payload, "software": x.Software,
		}, AppendWelcome(nil, &x), err
	case TypeError:
		x, err := ParseError(body)
		return map[string]any{"code": x.Code, "text": x.Text, "hint": x.Hint}, AppendError(nil, &x), err
	case TypePing, TypePong, TypeCredit, TypeCancel, TypeDone:
		x, err := ParseNumber(body)
		return map[string]any{"number": x}, appendNumber(nil, t, x), err
	case TypeBye:
		return map[string]any{}, AppendBye(nil), ParseEmpty(body)
	case TypeBind:
		x, err := ParseBind(body)
		return map[string]any{"handle": x.Handle, "group": x.Group}, AppendBind(nil, &x), err
	case TypeReady, TypeBlock, TypeUnblock:
		x, err := ParseHandle(body)
		return map[string]any{"handle": x}, appendHandle(nil, t, x), err
	case TypePart, TypeAnswerPart, TypeEventPart:
		x, err := ParsePart(body)
		return map[string]any{"left": x.Left, "bytes": string(x.Bytes)}, AppendPart(nil, t, &x), err
	default:
		if t.Stream() || t >= TypeState && t <= TypeProgress {
			return parseState(t, body)
		}
		return parseLong(t, body)
	}
}

func parseState(t Type, body []byte) (fields map[string]any, again []byte, err error) {
	switch t { //nolint:exhaustive // parse and parseLong have the others
	case TypeState:
		x, err := ParseState(body)
		return map[string]any{"handle": x.Handle, "number": x.Number, "size": x.Size}, AppendState(nil, &x), err
	case TypeDonate:
		x, err := ParseDonate(body)
		return map[string]any{"handle": x.Handle, "number": x.Number}, AppendDonate(nil, &x), err
	case TypeProgress:
		x, err := ParseProgress(body)
		return map[string]any{"handle": x.Handle, "bytes": x.Bytes, "total": x.Total}, AppendProgress(nil, &x), err
	case TypePiece:
		x, err := ParsePiece(body)
		return map[string]any{"number": x.Number, "bytes": string(x.Bytes)}, AppendPiece(nil, &x), err
	case TypeMore:
		x, err := ParseMore(body)
		return map[string]any{"number": x.Number, "bytes": x.Bytes}, AppendMore(nil, &x), err
	case TypeEnd:
		x, err := ParseEnd(body)
		return map[string]any{"number": x.Number, "code": x.Code, "text": x.Text}, AppendEnd(nil, &x), err
	case TypeStop:
		x, err := ParseStop(body)
		return map[string]any{"number": x}, AppendStop(nil, x), err
	case TypeGive:
		x, err := ParseGive(body)
		return map[string]any{"number": x.Number, "size": x.Size}, AppendGive(nil, &x), err
	}
	return nil, nil, ErrEnum
}

func parseLong(t Type, body []byte) (fields map[string]any, again []byte, err error) {
	switch t { //nolint:exhaustive // parse has the others
	case TypeFailed:
		x, err := ParseFailed(body)
		return map[string]any{"token": x.Token, "code": x.Code, "text": x.Text}, AppendFailed(nil, &x), err
	case TypeReceipt:
		x, err := ParseReceipt(body)
		return map[string]any{"token": x.Token, "n": x.N, "view": viewText(x.View), "k": x.K}, AppendReceipt(nil, &x), err
	case TypeAnswer:
		x, err := ParseAnswer(body)
		return map[string]any{"gone": x.Gone, "parts": x.Parts, "token": x.Token, "from": memberText(&x.From), "tail": string(x.Tail)}, AppendAnswer(nil, &x), err
	case TypeSend:
		x, err := ParseSend(body)
		return map[string]any{"order": x.Order.String(), "parts": x.Parts, "handle": x.Handle, "token": x.Token, "tail": string(x.Tail)}, AppendSend(nil, &x), err
	case TypeJoin:
		x, err := ParseJoin(body)
		return map[string]any{"block": x.Block, "state": x.State, "handle": x.Handle, "token": x.Token, "block_for": x.BlockFor}, AppendJoin(nil, &x), err
	case TypeLeave:
		x, err := ParseLeave(body)
		return map[string]any{"handle": x.Handle, "token": x.Token}, AppendLeave(nil, &x), err
	case TypeRequest:
		x, err := ParseRequest(body)
		return map[string]any{"need": x.Need, "parts": x.Parts, "handle": x.Handle, "token": x.Token, "tail": string(x.Tail)}, AppendRequest(nil, &x), err
	case TypeReply:
		x, err := ParseReply(body)
		return map[string]any{
			"parts": x.Parts, "handle": x.Handle, "token": x.Token, "from": processText(x.From), "port": x.Port, "n": x.N,
			"request": x.Request, "tail": string(x.Tail),
		}, AppendReply(nil, &x), err
	case TypeMessage:
		x, err := ParseMessage(body)
		return map[string]any{
			"order": x.Order.String(), "transitional": x.Transitional, "parts": x.Parts, "handle": x.Handle, "sender": x.Sender,
			"n": x.N, "k": x.K, "request": x.Request, "tail": string(x.Tail),
		}, AppendMessage(nil, &x), err
	case TypeView:
		return parseView(body)
	case TypeParted:
		x, err := ParseParted(body)
		return map[string]any{"handle": x.Handle, "why": x.Why, "code": x.Code, "text": x.Text}, AppendParted(nil, &x), err
	case TypeSender:
		x, err := ParseSender(body)
		return map[string]any{"index": x.Index, "from": processText(x.From), "port": x.Port}, AppendSender(nil, &x), err
	}
	return nil, nil, ErrEnum
}

func parseView(body []byte) (map[string]any, []byte, error) {
	x, err := ParseView(body)
	if err != nil || x.Parts {
		return map[string]any{"parts": x.Parts, "handle": x.Handle}, AppendView(nil, &x), err
	}
	v, err := ParseGroupView(x.Tail)
	if err != nil {
		return nil, nil, err
	}
	left := []any{}
	for i := range v.Left {
		left = append(left, map[string]any{"member": memberText(&v.Left[i].Member), "why": v.Left[i].Why})
	}
	fields := map[string]any{
		"parts": false, "handle": x.Handle, "id": idText(v.ID), "prev": idText(v.Prev), "members": membersText(v.Members),
		"trans": membersText(v.Trans), "joined": membersText(v.Joined), "left": left,
	}
	return fields, AppendView(nil, &View{Handle: x.Handle, Tail: AppendGroupView(nil, &v)}), nil
}

func processText(p views.Process) []any {
	return []any{hex.EncodeToString(p.Host[:]), p.Incarnation}
}

func viewText(v views.ViewID) []any {
	return []any{v.Seq, hex.EncodeToString(v.Coordinator[:]), v.Incarnation}
}
func idText(id groups.GroupViewID) []any { return []any{viewText(id.View), id.K, id.Side} }

func memberText(m *groups.Member) map[string]any {
	return map[string]any{"process": processText(m.Process), "port": m.Port, "join": m.Join, "name": m.Name, "block": m.Block}
}

func membersText(ms []groups.Member) []any {
	out := []any{}
	for i := range ms {
		out = append(out, memberText(&ms[i]))
	}
	return out
}
