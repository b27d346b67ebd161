package wire

import (
	"encoding/binary"

	"github.com/gmsd/gmsd/views/message"
)

// AppendMessage appends one message to the frame in dst. It allocates only
// where dst must grow. A message beyond a limit is refused with an [*Error]
// and dst comes back as it was; whether the frame as a whole still fits in a
// datagram is for the caller to see from its length.
func AppendMessage(dst []byte, m message.Message) ([]byte, error) {
	if m == nil {
		return dst, frameError("Message", ErrType)
	}
	start := len(dst)
	w := writer{b: append(dst, byte(m.Type()), 0)}
	writeBody(&w, m)
	body := len(w.b) - start - 2
	if body > BodyMax {
		w.fail("Body", ErrLimit)
	}
	if w.err != nil {
		return dst, &Error{Type: m.Type(), Field: w.field, Err: w.err}
	}
	return putLength(w.b, start+1, body), nil
}

// putLength writes the length of the body that follows the one byte kept for
// it at b[at]. Most bodies are shorter than 128 bytes; a longer one is moved,
// which costs less than computing every length beforehand.
func putLength(b []byte, at, body int) []byte {
	if body < 0x80 {
		b[at] = byte(body)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(body)) //nolint:gosec // a length
	b = append(b, length[:n-1]...)                  // makes room
	copy(b[at+n:], b[at+1:at+1+body])
	copy(b[at:], length[:n])
	return b
}

//nolint:gocyclo // one case a message
func writeBody(w *writer, m message.Message) {
	switch m := m.(type) {
	case *message.Heartbeat:
		writeHeartbeat(w, m)
	case *message.Ping:
		writePing(w, m)
	case *message.Pong:
		writePong(w, m)
	case *message.Accuse:
		writeAccuse(w, m)
	case *message.Hello:
		writeHello(w, m)
	case *message.Introduce:
		writeHello(w, &m.Hello)
	case *message.Ask:
		writeAsk(w, m)
	case *message.Roster:
		writeRoster(w, m)
	case *message.Refuse:
		writeRefuse(w, m)
	case *message.Propose:
		writePropose(w, m)
	case *message.Answer:
		writeAnswer(w, m)
	case *message.Nack:
		writeNack(w, m)
	case *message.Hold:
		w.view(m.Ballot)
	case *message.Recover:
		writeRecover(w, m)
	case *message.Catchup:
		writeCatchup(w, m)
	case *message.Fetch:
		w.view(m.View)
	case *message.Install:
		writeInstall(w, m)
	case *message.Relay:
		writeRelay(w, m)
	case *message.Abdicate:
		w.view(m.Ballot)
	case *message.Leave:
		w.view(m.View)
	case *message.Data:
		writeData(w, m)
	case *message.Resend:
		writeResend(w, m)
	case *message.Ack:
		writeAck(w, m)
	case *message.Stable:
		writeStable(w, m)
	case *message.Request:
		writeRequest(w, m)
	case *message.Grant:
		writeGrant(w, m)
	case *message.Probe:
		writeProbe(w, m)
	case *message.Reached:
		writeReached(w, m)
	case *message.Transfer:
		writeTransfer(w, m)
	case *message.Piece:
		writePiece(w, m)
	default:
		writeKeyWord(w, m)
	}
}

// writeKeyWord writes what has to do with keys.
func writeKeyWord(w *writer, m message.Message) {
	switch m := m.(type) {
	case *message.Signed:
		writeSigned(w, m)
	case *message.Keys:
		writeKeys(w, m)
	case *message.KeyAsk:
		writeKeyAsk(w, m)
	case *message.KeyGrant:
		writeKeyGrant(w, m)
	default:
		writeLinkWord(w, m)
	}
}

// readBody decodes the body of one message. Where r.err is set the message is
// meaningless, possibly a nil pointer. Bytes that are left over are ignored:
// a later version appended them.
//
//nolint:gocyclo // one case a message
func readBody(r *reader, typ message.Type) message.Message {
	switch typ {
	case message.TypeHeartbeat:
		return readHeartbeat(r)
	case message.TypePing:
		return readPing(r)
	case message.TypePong:
		return readPong(r)
	case message.TypeAccuse:
		return readAccuse(r)
	case message.TypeHello:
		m := new(message.Hello)
		readHello(r, m)
		return m
	case message.TypeIntroduce:
		return readIntroduce(r)
	case message.TypeAsk:
		return readAsk(r)
	case message.TypeRoster:
		return readRoster(r)
	case message.TypeRefuse:
		return readRefuse(r)
	case message.TypePropose:
		return readPropose(r)
	case message.TypeAnswer:
		return readAnswer(r)
	case message.TypeNack:
		return readNack(r)
	case message.TypeHold:
		return &message.Hold{Ballot: r.view("Ballot")}
	case message.TypeRecover:
		return readRecover(r)
	case message.TypeCatchup:
		return readCatchup(r)
	case message.TypeFetch:
		return &message.Fetch{View: r.view("View")}
	case message.TypeInstall:
		return readInstall(r)
	case message.TypeRelay:
		return readRelay(r)
	case message.TypeAbdicate:
		return &message.Abdicate{Ballot: r.view("Ballot")}
	case message.TypeLeave:
		return &message.Leave{View: r.view("View")}
	case message.TypeData:
		return readData(r)
	case message.TypeResend:
		return readResend(r)
	case message.TypeAck:
		return readAck(r)
	case message.TypeStable:
		return readStable(r)
	case message.TypeRequest:
		return readRequest(r)
	case message.TypeGrant:
		return readGrant(r)
	case message.TypeProbe:
		return readProbe(r)
	case message.TypeReached:
		return readReached(r)
	case message.TypeTransfer:
		return readTransfer(r)
	case message.TypePiece:
		return readPiece(r)
	default:
		return readKeyWord(r, typ)
	}
}

// readKeyWord reads what has to do with keys.
func readKeyWord(r *reader, typ message.Type) message.Message {
	switch typ {
	case message.TypeSigned:
		return readSigned(r)
	case message.TypeKeys:
		return readKeys(r)
	case message.TypeKeyAsk:
		return readKeyAsk(r)
	case message.TypeKeyGrant:
		return readKeyGrant(r)
	default:
		return readLinkWord(r, typ)
	}
}
