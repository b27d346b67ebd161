package transfer

// Message is what donor and joiner send each other: *Ask, *Offer, *Want, *Have,
// *Chunk, *Same, *End, *Done or *Stop.
type Message interface {
	// AppendTo appends the encoded message.
	AppendTo(b []byte) []byte
	// valid reports whether every field is within its limits.
	valid() bool
}

// Ask is a joiner's first word: it wants the state of a cut.
type Ask struct {
	ID     TransferID
	Serial uint64
	// ChunkMax is the largest chunk it takes, Window what it holds at most, in bytes.
	ChunkMax, Window int
	// Kept is how many bytes it has on disk from an earlier donor.
	Kept uint64
}

// Offer answers Ask; it fixes what both count in.
type Offer struct {
	Tag Tag
	// Echo is the last serial the donor heard, Delay how long ago, in microseconds.
	Echo, Delay uint64
	// ChunkBytes is the length of every chunk but the last, Slots how many
	// chunks may be under way.
	ChunkBytes, Slots int
	// Size is what the donor expects the state to be, in bytes; zero means unknown.
	Size uint64
}

// Range are Count chunks from From on.
type Range struct {
	From  uint64
	Count int
}

// Want says what the joiner has and what it lets come.
type Want struct {
	Tag Tag
	// Serial numbers the joiner's messages; an older Want than the last is nothing.
	Serial uint64
	// Next: all chunks before it have arrived. Limit: chunks before it may come.
	Next, Limit uint64
	// Stalled: nothing has arrived for a while; say something.
	Stalled bool
	// Missing are to be sent again, rising and apart; up to 64 ranges.
	Missing []Range
}

// Have tells hashes of chunks the joiner has on disk; the donor answers each
// with Same or Chunk. It sends no chunk of the kept part before that.
type Have struct {
	Tag Tag
	// Next is that of the last Want.
	Next uint64
	// Hashes are those of the chunks from From on, 1 to 64. Zero is no hash:
	// that chunk could not be read.
	From   uint64
	Hashes []Hash
}

// Chunk is one piece of the state.
type Chunk struct {
	Tag         Tag
	Index       uint64
	Echo, Delay uint64
	// CRC is the ChunkSum.
	CRC uint32
	// Data belongs to the datagram or to the donor: who keeps it copies it.
	Data []byte
}

// Same says that the joiner's chunks from From on are the donor's, by their hashes.
type Same struct {
	Tag         Tag
	Echo, Delay uint64
	From        uint64
	Hashes      []Hash
}

// End tells the whole, once all of it was sent.
type End struct {
	Tag           Tag
	Echo, Delay   uint64
	Chunks, Bytes uint64
	Sum           Sum
}

// Done is the joiner's last word: it has and has verified the whole.
type Done struct{ Tag Tag }

// StopReason is why a side gave up, in a Stop.
type StopReason uint8

// Reasons of a Stop.
const (
	// StopCancelled: it was told to.
	StopCancelled StopReason = iota + 1
	// StopDisk: its disk or its application's reader failed.
	StopDisk
	// StopSilent: the other did nothing for too long.
	StopSilent
	// StopLied: the other contradicted itself.
	StopLied
	// StopTooLarge: the state is larger than the joiner takes.
	StopTooLarge
	stopEnd
)

// Stop ends a transfer from either side.
type Stop struct {
	Tag Tag
	// ByDonor: the donor says it, not the joiner.
	ByDonor bool
	Reason  StopReason
}

func (m *Ask) valid() bool {
	return m.ID.valid() && m.Serial <= echoMax && m.ChunkMax >= chunkMin && m.ChunkMax <= chunkMax &&
		m.Window >= WindowMin && m.Window <= WindowMax && m.Kept <= bytesMax
}

func (m *Offer) valid() bool {
	return m.Echo <= echoMax && m.Delay <= echoMax && m.ChunkBytes >= chunkMin && m.ChunkBytes <= chunkMax &&
		m.Slots >= windowParts && m.Slots <= slotsMax && m.Size <= bytesMax
}

func (m *Want) valid() bool {
	if m.Serial > echoMax || m.Next > indexMax || m.Limit > indexMax || len(m.Missing) > rangesMax {
		return false
	}
	from := uint64(0)
	for i, r := range m.Missing {
		if r.From > indexMax || r.Count < 1 || r.Count > slotsMax || r.From < from || (i > 0 && r.From == from) {
			return false
		}
		from = r.From + uint64(r.Count) //nolint:gosec // Count is positive
	}
	return true
}

func (m *Have) valid() bool {
	return m.Next <= indexMax && m.From <= indexMax && validHashes(m.Hashes)
}

func (m *Chunk) valid() bool {
	return m.Index <= indexMax && m.Echo <= echoMax && m.Delay <= echoMax && len(m.Data) >= 1 && len(m.Data) <= chunkMax
}

func (m *Same) valid() bool {
	return m.Echo <= echoMax && m.Delay <= echoMax && m.From <= indexMax && validHashes(m.Hashes)
}

func (m *End) valid() bool {
	return m.Echo <= echoMax && m.Delay <= echoMax && m.Chunks <= indexMax && m.Bytes <= bytesMax
}

func (m *Done) valid() bool { return true }

func (m *Stop) valid() bool { return m.Reason > 0 && m.Reason < stopEnd }

func validHashes(h []Hash) bool { return len(h) >= 1 && len(h) <= hashesMax }
