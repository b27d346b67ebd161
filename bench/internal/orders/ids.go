package orders

// ids: the coordinator orders what was multicast already.
type ids struct {
	line
	// order has the origins of packets to deliver; batch, at the coordinator, of
	// those that are not told yet.
	order, batch []byte
}

func (o *ids) take(h header, b []byte) bool {
	if h.kind == kindIDs {
		o.order = append(o.order, b[headerLen:headerLen+h.count]...)
		return false
	}
	o.holdNew(b)
	return true
}

func (o *ids) holdNew(b []byte) {
	o.hold(b)
	if o.rank == 0 {
		o.batch = append(o.batch, b[1])
	}
}

func (o *ids) settle() {
	for n := o.ready(); n > 0; n = o.ready() {
		b, _ := o.pack(n)
		o.post(toAll, b)
		o.holdNew(b)
	}
	o.order = append(o.order, o.batch...)
	for len(o.batch) > 0 {
		b := o.blank()
		n := copy(b[headerLen:], o.batch)
		header{kind: kindIDs, count: n}.write(b)
		o.give(toAll, b[:headerLen+n])
		o.batch = o.batch[n:]
	}
	for len(o.order) > 0 && len(o.held[o.order[0]]) > 0 {
		o.deliverFirst(int(o.order[0]))
		o.order = o.order[1:]
	}
}
