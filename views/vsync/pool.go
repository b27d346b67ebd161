package vsync

import "github.com/gmsd/gmsd/views/message"

// pool holds what one step gives out and the next may use again.
type pool struct {
	datas                  []*message.Data
	batches                []*Messages
	datasUsed, batchesUsed int
}

// Recycle says that everything drained so far has been acted upon: its memory
// may be used again, but for payloads.
func (c *Core) Recycle() {
	p := &c.pool
	for _, b := range p.batches[:p.batchesUsed] {
		clear(b.List)
		b.List = b.List[:0]
	}
	p.datasUsed, p.batchesUsed = 0, 0
	c.out.Events, c.out.Sends, c.out.Deliver = c.out.Events[:0:0], c.out.Sends[:0:0], c.out.Deliver[:0:0]
}

// poolMax is how much is kept for further use.
const poolMax = 256

func (p *pool) data() *message.Data {
	if p.datasUsed < len(p.datas) {
		p.datasUsed++
		return p.datas[p.datasUsed-1]
	}
	d := new(message.Data)
	if len(p.datas) < poolMax {
		p.datas = append(p.datas, d)
		p.datasUsed++
	}
	return d
}

func (p *pool) batch() *Messages {
	if p.batchesUsed < len(p.batches) {
		p.batchesUsed++
		return p.batches[p.batchesUsed-1]
	}
	b := new(Messages)
	if len(p.batches) < poolMax {
		p.batches = append(p.batches, b)
		p.batchesUsed++
	}
	return b
}
