// Package wire turns the messages of views/message into bytes and back.
//
// It is ring 1: pure functions over byte slices. Bytes come from anyone who
// can reach the port, so the package has two duties: it never panics and never
// takes more memory than the bytes in hand justify, and what it lets through
// is within the limits of package views. It does not know who the sender is,
// whether a rank exists in a view or whether a message makes sense now: that
// is for the receiver of the message. The checksum of a plain frame is against
// accidents, not against attackers; what is sealed is opened by internal/seal.
//
// # Contract
//
//  1. Sending: [AppendHeader], then [AppendMessage] once or more, then [Sum]; or
//     [AppendSealedHeader], messages, and a sealer for what stands behind the header.
//     Nothing is allocated but to grow the caller's buffer. A message beyond a
//     limit is refused here, so that the fault shows where it was made.
//  2. Receiving: [DecodeHeader] reads the group without looking further, so
//     that a foreign frame costs next to nothing; then [Decode], or, of one that
//     was sealed, [DecodeMessages].
//  3. A frame is believed as a whole or not at all: header, checksum and the
//     lengths of all messages. Within a believed frame a bad message is dropped
//     alone, with a reason ([Frame].Broken, [Reason]).
//  4. What Decode gives shares no memory with the frame, but for a Data: its body
//     lies in the frame, and the Data is the Frame's until the next Decode.
//  5. What is longer than a frame is cut into pieces by who sends it and put
//     together by who receives it (internal/engine); the numbers of a Piece agree
//     with each other and with its length, so no two pieces of one cut overlap.
//  6. One value has one encoding in a given version: varints are in their
//     shortest form, an empty list and a nil one are the same and read as nil.
//
// # Values
//
//	name     bytes
//	u8       1
//	u32      4, big endian; for sums
//	u64      8, big endian; for numbers that look random (tokens, digests, nonces)
//	uv       1..10, the varint of encoding/binary: 7 bits a byte, lowest first
//	bool     u8, 0 or 1
//	rank     uv, below views.MembersMax
//	size     uv, up to views.MembersMax
//	host     16
//	process  host, incarnation uv (32 bits)
//	view     seq uv, host of the coordinator, its incarnation uv (32 bits)
//	text, bytes   length uv, so many bytes. Text is not checked for UTF-8: who prints it quotes it
//	addr     u8 length: 0 for none, 6 for IPv4, 18 for IPv6; address; port, 2 bytes big endian
//	list     count uv, so many entries
//	attrs    list of (key text, value text), rising by key, at most views.AttrBytesMax bytes in all
//	member   process, nonce u64, name text (not empty), addr, bits u8, version text, attrs
//	stream   uv, below message.StreamsMax: twice the sender's rank, and 1 more for the class with places
//	pos      stream, seq uv
//	room     uv, one more than the number of bytes; 0: no limit (the greatest number)
//
// # Frame
//
//	at   what         bytes
//	0    magic        2: 'G' 'M'
//	2    version      u8: 1
//	3    flags        u8: 0x10 sealed. A receiver ignores 0x0f and refuses a bit of 0xf0 it does not know
//	4    checksum     4, big endian: CRC-32C of the whole frame with this field zero; where it is
//	                  sealed, the name of the key
//	8    group        u64: hash of the group's name
//	16   host         16: the sender
//	32   incarnation  uv: the sender's
//	     nonce        u64: the sender's
//	     view         uv, only where it is sealed: seq of the sender's view
//	     counter      u64, only where it is sealed
//	     messages     at least one of: type u8, length of the body uv, body; where it is sealed,
//	                  all of them together, and 16 bytes behind them
//
// The whole is at most views.DatagramMax bytes.
//
// # Bodies
//
//	type  message    body
//	 1    Heartbeat  View view, Size size, Sent uv (FIFO), Sent uv (placed)
//	 2    Ping       Token u64, To process
//	 3    Pong       Token u64
//	 4    Accuse     View view, Version uv, Subjects list of (rank, evidence u8), rising by rank
//	 5    Hello      Self member, View view, Size size, Joiner bool, New bool
//	 6    Introduce  as Hello
//	 7    Ask        Token u64, Addr addr, View view, Size size, Joiner bool
//	 8    Roster     Token u64, View view, Promised uv, Joiner bool, Members list of member, not empty
//	 9    Refuse     To process, Nonce u64, Code u8, Hint text
//	10    Propose    Ballot view, Base view, Without list of rank, Leaving list of rank,
//	                 Plus list of process, rising; PlusMark u64 for each of them;
//	                 Ours list of process, rising; Via addr
//	11    Answer     Ballot view, From view, Prev view, Highest view, Digest u64, Have list of pos,
//	                 flags u8 (1 Self follows, 2 Joiner, 4 Leaving, 8 Relayed, 16 Bare, 32 Missed follows),
//	                 [Self member], Stale list of process, [Missed view, Holder addr]
//	12    Nack       Ballot view, Promised view
//	13    Hold       Ballot view
//	14    Recover    Ballot view, From view, Cut list of (pos, holder rank)
//	15    Catchup    Ballot view, View view, Holder addr
//	16    Fetch      View view
//	17    Install    View view, Kind u8, Reason u8, Parent view,
//	                 Layout list of (2*Count + Explicit uv, First rank), Members list of member,
//	                 Groups list of (From view, 2*Count + Bare uv, Digest u64),
//	                 Signed bool, [signature]
//	18    Relay      To addr, Frame bytes (not empty)
//	19    Abdicate   Ballot view
//	20    Leave      View view
//	21    Data       View view, Stream stream, Seq uv (from 1), flags u8 (1 AckNow, 2 AckAll),
//	                 Body bytes (not empty; see views/vsync)
//	22    Resend     View view, Stream stream, Ranges list of (First uv, from 1; Last-First uv)
//	23    Ack        View view, Have list of pos, Room room, Turn uv
//	24    Stable     View view, Have list of pos, Room room, Slowest rank, Turn uv
//	25    Request    View view, Have uv, Want uv
//	26    Grant      View view, First uv, Ranges list of (K uv, from 1; Count uv, 32 bits, not 0)
//	27    Probe      Token u64, Whom list of (process, addr)
//	28    Reached    Token u64, Who list of process
//	29    Transfer   Body bytes (not empty; see views/transfer)
//	30    Piece      ID u64, Total uv (up to views.MessageMax), Count uv (2..message.PiecesMax),
//	                 Index uv (from 0), Bytes bytes: so many as Total, Count and Index say
//	31  Signed     signature (over [AppendSigned]), Inner u8 (a type), Body bytes
//	32  Keys       Digest u64, Known u64, Sending 4, Want bool, Has list of 4, rising
//	33  KeyAsk     Token u64, Public 32
//	34  KeyGrant   Token u64, Public 32, Box bytes
//	35  Unheard    Span uv, 32 bits
//	36  Spoken     Count uv, 32 bits
//	37  Echo       Token u64, Seq uv (32 bits), To host, View view, First rank, Count size, Pad bytes
//	38  EchoReply  Token u64, Seq uv, Size uv, Got uv (32 bits each)
//	39  Report     Kind u8, Token u64, Wall (a zigzag varint), Body bytes (see internal/doctor)
//	40  Missing    ID u64, Total uv, Count uv (as of a Piece), Runs list of (First uv, Count uv),
//	               rising and apart, not empty
//
// A signature is a public key of 32 bytes and 64 bytes. Where frames are sealed the
// types for which message.Type.SignedByItsSender holds count only in a Signed.
//
// # Pieces
//
// A message that is longer than a frame travels as a row of Pieces, each in a frame
// of its own. Cut is its type (u8) and its body, Total bytes in all and ID their
// 64-bit FNV-1a; [AppendWhole] and [DecodeWhole] are for that. All pieces but the
// last hold ceil(Total/Count) bytes, at least message.PieceLeast. Of Relay,
// Piece, Echo, the signs of life and what is said of multicast there are none
// (message.Type.Divisible).
//
// # How it may change
//
//   - A new message takes the next type number. Who does not know it skips it
//     by its length and counts it ([Frame].Unknown).
//   - A new field is appended to a body. Who does not know it ignores what is
//     left over. Who knows it takes a body that ends before it as zero. A field
//     inside a list entry or a member cannot be appended so.
//   - A list of values (evidence, reason, code, kind, bits, flags) grows at its end. Who
//     does not know the value drops the message with a reason, so nothing new is
//     sent before every member's version knows it.
//   - Anything else raises the version byte, which is refused by all who do not
//     speak it ([ErrVersion], with the version seen). The first 32 bytes keep
//     their places in every version, so a foreign group stays silent noise and
//     the host to be told is known. A release that raises the version speaks the
//     old one, too, until every member speaks the new one.
//   - testdata/golden.txt holds one frame of each message. It may gain lines; a
//     line that changes is a change of the format.
package wire
