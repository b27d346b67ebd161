package message

// Identity is the public Ed25519 key of a host; its host id is the hash of it.
type Identity [32]byte

// Signature is what the holder of Key has signed. The zero Signature is none.
type Signature struct {
	Key Identity
	Sig [64]byte
}

// IsZero reports whether nothing is signed.
func (s *Signature) IsZero() bool { return *s == Signature{} }

// Signed carries one message with its sender's signature over wire.AppendSigned.
type Signed struct {
	Signature
	// Inner is the type of the message, Body its body.
	Inner Type
	Body  []byte
}

// SignedByItsSender reports whether messages of a type count only in a Signed,
// where frames are sealed: those that change who is in a view. An Install is signed
// by who made it, and the others are sent too often or change nothing.
func (k Type) SignedByItsSender() bool {
	switch k {
	case TypeAccuse, TypeHello, TypeRoster, TypeRefuse, TypePropose, TypeAnswer, TypeNack, TypeRecover,
		TypeCatchup, TypeAbdicate, TypeLeave, TypeKeys, TypeKeyAsk, TypeKeyGrant:
		return true
	default:
		return false
	}
}

// ForOneMember reports whether messages of a type say something to one member alone
// without naming it: given to another, they would count there.
func (k Type) ForOneMember() bool {
	switch k {
	case TypeResend, TypeAck, TypeRequest, TypeGrant, TypeTransfer, TypeUnheard, TypeSpoken:
		return true
	default:
		return false
	}
}

// KeyIDsMax bounds the keys of a Keys: as many as a merged ring may hold.
const KeyIDsMax = 32

// Keys says how far its sender is with the keys of the group.
type Keys struct {
	// Digest is that of the ring on its disk, Known of the one that it knows.
	Digest, Known uint64
	// Sending names the key that seals its frames; Has those that are on its disk for sure,
	// rising.
	Sending uint32
	Has     []uint32
	// Want: it has no Keys of the receiver's, and asks for them.
	Want bool
}

// KeyAsk asks for the ring of its receiver.
type KeyAsk struct {
	Token uint64
	// Public is an X25519 key that was drawn for this question.
	Public [32]byte
}

// KeyGrant answers a KeyAsk.
type KeyGrant struct {
	Token  uint64
	Public [32]byte
	// Box is the ring, sealed between the two keys (internal/rekey).
	Box []byte
}

func (*Signed) Type() Type   { return TypeSigned }   //nolint:revive // the table in doc.go describes all of these
func (*Keys) Type() Type     { return TypeKeys }     //nolint:revive // as above
func (*KeyAsk) Type() Type   { return TypeKeyAsk }   //nolint:revive // as above
func (*KeyGrant) Type() Type { return TypeKeyGrant } //nolint:revive // as above
