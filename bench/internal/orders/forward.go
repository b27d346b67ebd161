package orders

// forward: the coordinator numbers and multicasts what is sent to it.
type forward struct{ line }

func (f *forward) take(_ header, b []byte) bool {
	if f.rank == 0 {
		f.publishNext(b)
	} else {
		f.hold(b)
	}
	return true
}

func (f *forward) settle() {
	if f.rank == 0 {
		f.publishReady()
	}
	for n := f.ready(); n > 0; n = f.ready() {
		b, _ := f.pack(n)
		f.give(0, b)
	}
	f.deliverPlaced()
}
