package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gmsd/gmsd/views"
)

// TextMax bounds a ring as it is written.
const TextMax = 256 << 10

// ErrText: what was read is no ring.
var ErrText = errors.New("not a key ring")

const header = "gmsd-keys 1"

const preface = `# The keys of a gmsd group. Whoever has this file can read and join the group:
# keep it at mode 0600, and change it with "gmsd keys", not by hand.
`

// Text gives r as it stands in a file, secrets included.
func (r Ring) Text() []byte { return r.AppendTo([]byte(preface)) }

// AppendTo appends r, secrets included, to b: equal rings, equal bytes.
func (r Ring) AppendTo(b []byte) []byte {
	b = append(b, header+"\n"...)
	if !r.IsZero() {
		b = fmt.Appendf(b, "use %v %d\n", r.use.id, r.use.turn)
	}
	for _, e := range r.keys {
		b = fmt.Appendf(b, "key %v %d ", e.Key.id, e.Made)
		b = base64.StdEncoding.AppendEncode(b, e.Key.secret[:])
		b = append(b, '\n')
	}
	for _, id := range r.removed {
		b = append(b, "removed "+id.String()+"\n"...)
	}
	for _, h := range r.barred {
		b = append(b, "barred "+h.String()+"\n"...)
	}
	return b
}

// ParseRing reads what Text or AppendTo wrote; blank lines and lines that begin
// with # are passed over. An error wraps [ErrText], names the line and holds
// nothing of a secret.
func ParseRing(text []byte) (Ring, error) {
	if len(text) > TextMax {
		return Ring{}, fmt.Errorf("%w: longer than %d bytes", ErrText, TextMax)
	}
	var p parser
	n := 0
	for line := range bytes.Lines(text) {
		n++
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := p.line(fields); err != nil {
			return Ring{}, fmt.Errorf("%w: line %d: %w", ErrText, n, err)
		}
	}
	return p.ring()
}

type parser struct {
	begun bool
	r     Ring
}

func (p *parser) line(fields []string) error {
	if !p.begun {
		if strings.Join(fields, " ") != header {
			return fmt.Errorf("want %q first", header)
		}
		p.begun = true
		return nil
	}
	switch word, rest := fields[0], fields[1:]; {
	case word == "use" && len(rest) == 2:
		return p.use(rest[0], rest[1])
	case word == "key" && len(rest) == 3:
		return p.key(rest[0], rest[1], rest[2])
	case word == "removed" && len(rest) == 1:
		id, err := ParseID(rest[0])
		p.r.removed = append(p.r.removed, id)
		return err
	case word == "barred" && len(rest) == 1:
		h, err := views.ParseHostID(rest[0])
		p.r.barred = append(p.r.barred, h)
		return err
	}
	return errors.New(`want "use ID TURN", "key ID SECONDS SECRET", "removed ID" or "barred HOST"`)
}

func (p *parser) use(id, turn string) (err error) {
	if p.r.use.turn != 0 {
		return errors.New("a second key is named in use")
	}
	if p.r.use.id, err = ParseID(id); err != nil {
		return err
	}
	if p.r.use.turn, err = strconv.ParseUint(turn, 10, 64); err != nil || p.r.use.turn == 0 {
		return errors.New("the turn is no number from 1")
	}
	return nil
}

func (p *parser) key(id, made, secret string) error {
	want, err := ParseID(id)
	if err != nil {
		return err
	}
	at, err := strconv.ParseInt(made, 10, 64)
	if err != nil {
		return errors.New("the time is no number of seconds")
	}
	b, err := base64.StdEncoding.Strict().DecodeString(secret)
	if err != nil || len(b) != Size {
		return fmt.Errorf("the secret is not %d bytes in base64", Size)
	}
	k := KeyOf([Size]byte(b))
	if k.id != want {
		return fmt.Errorf("the secret is not that of key %v: was the file changed by hand?", want)
	}
	p.r.keys = append(p.r.keys, Entry{k, at})
	return nil
}

// ring holds what was read against the rules of a ring.
func (p *parser) ring() (Ring, error) {
	r := p.r
	switch {
	case !p.begun:
		return Ring{}, fmt.Errorf("%w: it is empty, or cut off before the first key", ErrText)
	case len(r.keys) > mergedMax || len(r.removed) > RemovedMax || len(r.barred) > BarredMax:
		return Ring{}, fmt.Errorf("%w: more than %d keys, %d removed or %d barred", ErrText, mergedMax, RemovedMax, BarredMax)
	}
	slices.SortFunc(r.keys, compareEntries)
	slices.Sort(r.removed)
	slices.SortFunc(r.barred, views.HostID.Compare)
	m := Merge(Ring{use: r.use}, r)
	if m.IsZero() && r.use.turn == 0 {
		return m, nil
	}
	if _, found := m.find(m.use.id); !found {
		return Ring{}, fmt.Errorf("%w: no key is named in use, or the one named is missing", ErrText)
	}
	return m, nil
}
