package transfer

// handleEnd takes the donor's account of the whole.
func (r *reception) handleEnd(e *End) {
	switch {
	case r.phase >= closing:
		r.m.drop(DropSettled)
		r.m.send(r.donor, &Done{Tag: r.tag})
		return
	case r.phase == asking:
		r.m.drop(DropUnasked)
		return
	}
	r.hear(e.Echo, e.Delay)
	if r.end != nil {
		if e.Chunks != r.end.Chunks || e.Bytes != r.end.Bytes || e.Sum != r.end.Sum {
			r.lied(ErrEndWrong)
			return
		}
		r.m.drop(DropDuplicate)
		return
	}
	if !r.knowTotal(e.Chunks) || !r.fits(e) {
		r.lied(ErrEndWrong)
		return
	}
	r.end, r.size = e, e.Bytes
	r.progress = r.m.now
	r.noteGaps(e.Chunks)
	r.high = e.Chunks
	r.restartStall()
	r.moveOn()
}

// fits reports whether so many bytes make so many chunks.
func (r *reception) fits(e *End) bool {
	if e.Chunks == 0 {
		return e.Bytes == 0
	}
	return e.Bytes > r.offset(e.Chunks-1) && e.Bytes <= r.offset(e.Chunks)
}

// maybeClose verifies the whole once it is here. It reports whether the
// receiving is over, well or not.
func (r *reception) maybeClose() bool {
	if r.end == nil || r.next < r.end.Chunks {
		return false
	}
	var sum Sum
	r.sum.Sum(sum[:0])
	switch {
	case r.bytes != r.end.Bytes:
		r.lied(ErrEndWrong)
		return true
	case sum != r.end.Sum:
		r.lied(ErrSumWrong)
		return true
	}
	r.phase = closing
	r.wantAt, r.stallAt = 0, 0
	// The donor is let go before the disk is done: it has nothing more to give.
	r.m.send(r.donor, &Done{Tag: r.tag})
	r.maybeSeal()
	return true
}

// maybeSeal asks for stable storage once all is written.
func (r *reception) maybeSeal() {
	if r.written < r.next {
		return
	}
	r.phase = sealing
	r.disk = r.m.now
	r.m.out.Seals = append(r.m.out.Seals, Seal{r.id, r.end.Bytes})
}

func (r *reception) handleSealed(err error) {
	if err != nil {
		r.fail(DiskFailed, err)
		return
	}
	r.m.emit(Complete{r.id, Joiner, r.end.Chunks, r.end.Bytes, r.end.Sum})
	r.settle(&Done{Tag: r.tag})
}
