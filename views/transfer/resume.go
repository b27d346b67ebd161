package transfer

// readKept reads what the file holds of the next chunks, as far as there is
// room; so its content, and no record of it, says what need not be sent.
func (r *reception) readKept() {
	room := r.written + r.slots()
	for ; r.keptAsked < min(r.keptEnd, room); r.keptAsked++ {
		r.startDisk()
		r.m.out.KeptReads = append(r.m.out.KeptReads, Read{r.id, r.keptAsked, r.offset(r.keptAsked), r.chunkBytes})
	}
	// What could not be read is told as nothing: the donor waits for a word.
	if r.keptGot == r.keptEnd {
		r.keptGot = max(r.keptGot, min(r.kept, room))
		r.keptEnd, r.keptAsked = r.keptGot, r.keptGot
	}
	r.tellKept()
}

func (r *reception) handleKept(index uint64, data []byte, err error) {
	if r.phase != receiving || index != r.keptGot || index >= r.keptAsked {
		r.m.drop(DropDriver)
		return
	}
	r.disk, r.progress = r.m.now, r.m.now
	if err != nil || len(data) == 0 || len(data) > r.chunkBytes {
		r.pending -= int(r.keptAsked - index) //nolint:gosec // at most the slots
		r.keptEnd, r.keptAsked = index, index
		r.readKept()
		return
	}
	r.pending--
	s := r.at(index)
	s.data, s.state, s.hash = append(r.room(s), data...), keptHere, HashOf(data)
	r.keptGot++
	r.readKept()
}

// tellKept sends hashes when there are enough for a Have, or no more come soon.
func (r *reception) tellKept() {
	all := r.keptGot == r.keptAsked
	for r.keptGot-r.keptTold >= hashesMax || (all && r.keptTold < r.keptGot) {
		to := min(r.keptTold+hashesMax, r.keptGot)
		r.sayHave(r.keptTold, to)
		r.keptTold = to
	}
}

// sayHave sends the hashes of the chunks [from, to), at most 64.
func (r *reception) sayHave(from, to uint64) {
	h := &Have{Tag: r.tag, Next: r.next, From: from, Hashes: make([]Hash, 0, to-from)}
	for i := from; i < to; i++ {
		h.Hashes = append(h.Hashes, r.at(i).hash)
	}
	r.m.send(r.donor, h)
}

// repeatHaves says again what the donor may not have heard: of the next chunks
// that it has not answered, a flight at most.
func (r *reception) repeatHaves() {
	to := min(r.keptTold, r.next+min(r.flight.size, hashesMax))
	for from := r.next; from < to; from++ {
		end := from
		for end < to && r.at(end).undecided() {
			end++
		}
		if end > from {
			r.sayHave(from, end)
			from = end
		}
	}
}

// sayMissing says again what the file holds of chunks that are asked for: the
// donor may wait for that.
func (r *reception) sayMissing(missing []Range) {
	for _, m := range missing {
		end := min(m.From+uint64(m.Count), r.keptTold) //nolint:gosec // positive
		for from := m.From; from < end; from += hashesMax {
			r.sayHave(from, min(from+hashesMax, end))
		}
	}
}
