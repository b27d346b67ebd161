package attack

import (
	"math/rand/v2"
	"slices"
)

// mutation changes one payload; other is a second one.
type mutation struct {
	name string
	make func(random *rand.Rand, one, other []byte) []byte
}

// mutations are drawn from evenly.
var mutations = []mutation{
	{"flip-bits", func(random *rand.Rand, one, _ []byte) []byte {
		return flip(random, one, 1+random.IntN(8), len(one))
	}},
	{"flip-head", func(random *rand.Rand, one, _ []byte) []byte {
		return flip(random, one, 1+random.IntN(4), headBytes)
	}},
	{"cut", func(random *rand.Rand, one, _ []byte) []byte { return one[:random.IntN(len(one))] }},
	{"lengthen", func(random *rand.Rand, one, _ []byte) []byte {
		return append(slices.Clone(one), noise(random, 1+random.IntN(payloadMax))...)
	}},
	{"splice", func(random *rand.Rand, one, other []byte) []byte {
		return append(slices.Clone(one[:random.IntN(len(one)+1)]), other[random.IntN(len(other)):]...)
	}},
	{"noise", func(random *rand.Rand, _, _ []byte) []byte { return noise(random, random.IntN(payloadMax)) }},
	{"noise-behind-head", func(random *rand.Rand, one, _ []byte) []byte {
		return append(slices.Clone(one[:min(len(one), headBytes)]), noise(random, random.IntN(payloadMax-headBytes))...)
	}},
	{"same-byte", func(random *rand.Rand, one, _ []byte) []byte {
		b, from := slices.Clone(one), random.IntN(len(one))
		fill := [...]byte{0, 0xff, 0x80}[random.IntN(3)]
		for i := from; i < min(len(b), from+1+random.IntN(64)); i++ {
			b[i] = fill
		}
		return b
	}},
}

// headBytes is about what stands before a frame's messages.
const headBytes = 48

// mutate gives a payload that nobody has sent, no longer than a datagram of the path.
func (m *material) mutate(random *rand.Rand) (payload []byte, kind int) {
	for {
		one, other := m.payload(random), m.payload(random)
		kind = random.IntN(len(mutations))
		if len(one) == 0 || len(other) == 0 {
			continue
		}
		payload = mutations[kind].make(random, one, other)
		if payload = payload[:min(len(payload), payloadMax)]; !slices.Equal(payload, one) && !slices.Equal(payload, other) {
			return payload, kind
		}
	}
}

func (m *material) payload(random *rand.Rand) []byte { return m.payloads[random.IntN(len(m.payloads))] }

// flip turns some bits of the first bytes over.
func flip(random *rand.Rand, one []byte, bits, first int) []byte {
	b := slices.Clone(one)
	for range bits {
		b[random.IntN(min(len(b), first))] ^= 1 << random.IntN(8)
	}
	return b
}

func noise(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}
