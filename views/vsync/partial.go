package vsync

import "github.com/gmsd/gmsd/views"

// partials are the long messages of a stream that have begun and not ended, one
// a port.
type partials []partial

type partial struct {
	port  uint32
	total int
	got   []byte
}

// partialsMax bounds them: an honest sender has longsOpen under way.
const partialsMax = 2 * longsOpen

// partialFirst is how much memory is taken before the bytes are there.
const partialFirst = 256 << 10

func (ps partials) find(port uint32) int {
	for i := range ps {
		if ps[i].port == port {
			return i
		}
	}
	return -1
}

// begin starts a message of total bytes. One of this port that had begun is lost.
func (ps *partials) begin(port uint32, total int, data []byte) {
	ps.drop(port)
	if total > views.PayloadMax || len(data) >= total || len(*ps) == partialsMax {
		return
	}
	got := append(make([]byte, 0, max(len(data), min(total, partialFirst))), data...)
	*ps = append(*ps, partial{port, total, got})
}

// add goes on with it.
func (ps *partials) add(port uint32, data []byte) {
	i := ps.find(port)
	if i < 0 {
		return
	}
	p := &(*ps)[i]
	if len(p.got)+len(data) >= p.total {
		ps.drop(port)
		return
	}
	p.append(data)
}

// append grows by doubling, but not beyond what is to come.
func (p *partial) append(data []byte) {
	if len(p.got)+len(data) > cap(p.got) {
		p.got = append(make([]byte, 0, min(p.total, max(2*cap(p.got), len(p.got)+len(data)))), p.got...)
	}
	p.got = append(p.got, data...)
}

// end gives the whole message, nil where it is not whole.
func (ps *partials) end(port uint32, data []byte) []byte {
	i := ps.find(port)
	if i < 0 {
		return nil
	}
	p := &(*ps)[i]
	if len(p.got)+len(data) != p.total {
		ps.drop(port)
		return nil
	}
	p.append(data)
	whole := p.got
	ps.drop(port)
	return whole
}

func (ps *partials) drop(port uint32) {
	if i := ps.find(port); i >= 0 {
		last := len(*ps) - 1
		(*ps)[i] = (*ps)[last]
		(*ps)[last] = partial{}
		*ps = (*ps)[:last]
	}
}
