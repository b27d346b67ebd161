package sim

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/gmsd/gmsd/internal/engine"
	"github.com/gmsd/gmsd/internal/keys"
	"github.com/gmsd/gmsd/internal/seal"
	"github.com/gmsd/gmsd/internal/wire"
	"github.com/gmsd/gmsd/views"
)

// Sealed worlds: every machine has a key of its own, of which its host id is the
// hash, and a file with the group's ring. Secrets come from the seed, as all does.

// identity is who a state directory makes a host: its id, and in sealed worlds the
// key that signs.
type identity struct {
	id      views.HostID
	private ed25519.PrivateKey
}

// newSigner draws a key, in ordered worlds again and again until the id fits.
func (w *World) newSigner(number int, r *rand.Rand) (i identity) {
	seed := make([]byte, ed25519.SeedSize)
	for {
		for k := range seed {
			seed[k] = byte(r.Uint32())
		}
		i.private = ed25519.NewKeyFromSeed(seed)
		i.id = views.HostIDOf(i.private.Public().(ed25519.PublicKey))
		if w.opts.Ordered == 0 || i.id[0] == byte(number) {
			return i
		}
	}
}

// secrets is a source that gives each name and number other bytes.
func (w *World) secrets(name string, number int) io.Reader {
	var seed [32]byte
	r := newStream(w.opts.Seed, "secrets."+name, number)
	for i := 0; i < len(seed); i += 8 {
		binary.BigEndian.PutUint64(seed[i:], r.Uint64())
	}
	return rand.NewChaCha8(seed)
}

// makeKeys draws the ring that all machines have at first.
func (w *World) makeKeys() {
	w.operator = newOperator(w)
	w.recorder = newRecorder(w)
	if w.opts.Sealed == 0 {
		return
	}
	k, err := keys.NewKey(w.secrets("ring", 0))
	if err != nil {
		w.fail("driver", err.Error()) // never: the source does not end
	}
	w.firstRing, w.keys = keys.NewRing(k, w.unix()), make(map[keys.ID]keys.Key)
	w.verifier = verifier{known: make(map[[sha256.Size]byte]bool)}
	w.learn(w.firstRing)
}

// learn keeps the keys of a ring, so that frames can be read whatever became of it.
func (w *World) learn(r keys.Ring) {
	for _, e := range r.Keys() {
		if _, known := w.keys[e.Key.ID()]; !known {
			w.keys[e.Key.ID()] = e.Key
			w.made = append(w.made, e.Key.ID())
		}
	}
}

// unix is the time by the clocks of people.
func (w *World) unix() int64 { return 1_800_000_000 + int64(w.Elapsed().Seconds()) }

// arms gives a daemon that starts its keys.
func (h *Host) arms(cfg *engine.Config) {
	if h.w.opts.Sealed != 0 {
		cfg.Ring, cfg.Identity = h.disk.rings.ring, h.disk.private
		cfg.Random, cfg.Verify = h.w.secrets("start", int(h.w.gen)), h.w.verifier.verify
	}
}

// sealing is what the world asks of an engine that seals.
type sealing interface {
	Keys() engine.KeysStatus
	Traffic() engine.Traffic
	Opens(keys.ID) bool
}

// sealer is the engine of a process, nil where nothing is sealed.
func (p *process) sealer() sealing {
	s, _ := p.eng.(sealing)
	return s
}

// ringOf is the ring of a machine: what its daemon knows, or what its file holds, and
// the key that it says things with.
func (h *Host) ringOf() (r keys.Ring, sending keys.ID) {
	if h.proc != nil && h.proc.sealer() != nil {
		s := h.proc.sealer().Keys()
		return s.Ring, s.Sending
	}
	return h.disk.rings.ring, h.disk.rings.ring.Using().ID()
}

// ReadFrame takes a frame apart, a sealed one with whichever key it needs.
func (w *World) ReadFrame(frame []byte, f *wire.Frame) error {
	h, err := wire.DecodeHeader(frame)
	if err != nil || !h.Sealed {
		return wire.Decode(frame, f)
	}
	k, ok := w.keys[keys.ID(h.Key)]
	if !ok {
		return fmt.Errorf("a frame under key %v, which nobody has made", keys.ID(h.Key))
	}
	who := seal.Speaker{Process: h.From, Nonce: h.Nonce}
	for _, reader := range w.hosts[1:] { // one may be for one host alone
		s := seal.New(seal.Speaker{Process: views.Process{Host: reader.disk.id}}, h.Group)
		s.SetKeys(k, []keys.Key{k})
		var body []byte
		if body, err = s.Open(nil, who, k.ID(), frame[:h.Size], frame[h.Size:]); err == nil {
			return wire.DecodeMessages(h.Header, body, f)
		}
	}
	return err
}
