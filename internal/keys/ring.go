package keys

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gmsd/gmsd/views"
)

// Bounds of a ring.
const (
	// KeysMax bounds the live keys.
	KeysMax = 8
	// RemovedMax bounds the names of keys that were. A ring that has had so many
	// takes no further one: make a new ring.
	RemovedMax = 1024
	// BarredMax bounds the expelled hosts.
	BarredMax = views.MembersMax
)

// What can be wrong with a change of a ring.
var (
	// ErrFull: a bound of this package is reached.
	ErrFull = errors.New("the ring is full")
	// ErrUnknown: there is no live key of that name.
	ErrUnknown = errors.New("no such key in the ring")
	// ErrRemoved: the key was removed and does not come back.
	ErrRemoved = errors.New("the key was removed from the ring")
	// ErrInUse: the key seals.
	ErrInUse = errors.New("the key is in use")
)

// Entry is a live key.
type Entry struct {
	Key Key
	// Made is when, in seconds of Unix time by the clock of who made it; for people.
	Made int64
}

// use says which key seals: who was named last. The high half of the turn counts the
// expulsions, so that one of these goes before whatever was done to a ring without it;
// the low half counts the uses since.
type use struct {
	turn uint64
	id   ID
}

const usesMax = math.MaxUint32

func (u use) compare(o use) int {
	return cmp.Or(cmp.Compare(u.turn, o.turn), cmp.Compare(u.id, o.id))
}

// expulsions are how many there were.
func (u use) expulsions() uint64 { return u.turn / (usesMax + 1) }

// next is the turn of another use.
func (u use) next(id ID) (use, error) {
	if u.turn%(usesMax+1) == usesMax {
		return u, fmt.Errorf("%w: keys were named %d times; make a new ring", ErrFull, uint64(usesMax))
	}
	return use{u.turn + 1, id}, nil
}

// nextExpulsion is the turn of a key that an expulsion brings.
func (u use) nextExpulsion(id ID) (use, error) {
	if u.expulsions() == usesMax {
		return u, fmt.Errorf("%w: hosts were expelled %d times; make a new ring", ErrFull, uint64(usesMax))
	}
	return use{(u.expulsions() + 1) * (usesMax + 1), id}, nil
}

// Ring is the keys of a group.
type Ring struct {
	keys    []Entry // rising by name
	use     use
	removed []ID           // rising
	barred  []views.HostID // rising
}

// NewRing is a ring of one key, which is in use.
func NewRing(k Key, made int64) Ring {
	return Ring{keys: []Entry{{k, made}}, use: use{1, k.id}}
}

// IsZero reports whether r holds no key.
func (r Ring) IsZero() bool { return len(r.keys) == 0 }

// Using is the key that seals; the zero Key in the zero Ring.
func (r Ring) Using() Key {
	k, _ := r.Key(r.use.id)
	return k
}

// Keys are the live keys by name. The caller must not change the slice.
func (r Ring) Keys() []Entry { return r.keys }

// Key gives the live key of that name.
func (r Ring) Key(id ID) (Key, bool) {
	i, found := r.find(id)
	if !found {
		return Key{}, false
	}
	return r.keys[i].Key, true
}

// Removed reports whether a key of that name was removed.
func (r Ring) Removed(id ID) bool {
	_, found := slices.BinarySearch(r.removed, id)
	return found && id != r.use.id
}

// Barred reports whether a host was expelled.
func (r Ring) Barred(h views.HostID) bool {
	_, found := slices.BinarySearchFunc(r.barred, h, views.HostID.Compare)
	return found
}

// RemovedIDs are the names of the keys that were. The caller must not change the slice.
func (r Ring) RemovedIDs() []ID { return r.removed }

// BarredHosts are the expelled hosts. The caller must not change the slice.
func (r Ring) BarredHosts() []views.HostID { return r.barred }

// Format prints the names, whatever the verb.
func (r Ring) Format(f fmt.State, _ rune) {
	ids := make([]string, len(r.keys))
	for i, e := range r.keys {
		ids[i] = e.Key.id.String()
		if e.Key.id == r.use.id {
			ids[i] += "*"
		}
	}
	_, _ = fmt.Fprintf(f, "ring%v", ids)
}

// MarshalJSON refuses, as that of a Key does.
func (Ring) MarshalJSON() ([]byte, error) { return Key{}.MarshalJSON() }

func (r Ring) find(id ID) (int, bool) {
	return slices.BinarySearchFunc(r.keys, id, func(e Entry, id ID) int { return cmp.Compare(e.Key.id, id) })
}

// Install adds a key, which is not used yet. One that is there already is no error.
func (r Ring) Install(k Key, made int64) (Ring, error) {
	switch _, found := r.find(k.id); {
	case found:
		return r, nil
	case r.Removed(k.id):
		return r, fmt.Errorf("%v: %w", k, ErrRemoved)
	case len(r.keys) >= KeysMax:
		return r, fmt.Errorf("%w: it holds %d keys; remove one first", ErrFull, KeysMax)
	case len(r.removed)+len(r.keys) >= RemovedMax:
		return r, fmt.Errorf("%w: it has had %d keys; make a new ring", ErrFull, RemovedMax)
	}
	if r.IsZero() {
		return NewRing(k, made), nil
	}
	r.keys = joined(r.keys, []Entry{{k, made}}, compareEntries)
	return r, nil
}

// Use names the key that seals from now on.
func (r Ring) Use(id ID) (Ring, error) {
	if err := r.check(id); err != nil || id == r.use.id {
		return r, err
	}
	next, err := r.use.next(id)
	if err != nil {
		return r, err
	}
	r.use = next
	return r, nil
}

// Remove takes a key out for good. One that is out already is no error.
func (r Ring) Remove(id ID) (Ring, error) {
	if r.Removed(id) {
		return r, nil
	}
	if err := r.check(id); err != nil {
		return r, err
	}
	if id == r.use.id {
		return r, fmt.Errorf("key %v: %w: use another one first", id, ErrInUse)
	}
	r.drop(id)
	return r, nil
}

func (r *Ring) drop(id ID) {
	r.keys = slices.DeleteFunc(slices.Clone(r.keys), func(e Entry) bool { return e.Key.id == id })
	r.removed = joined(r.removed, []ID{id}, cmp.Compare[ID])
}

// Expel makes k, a fresh key, the only one, and bars the hosts. Of a ring that has not
// seen it no key outlives it.
func (r Ring) Expel(k Key, made int64, hosts ...views.HostID) (Ring, error) {
	before := r
	for len(r.keys) >= KeysMax { // those that would go anyway make room
		for _, e := range r.keys {
			if e.Key.id != r.use.id {
				r.drop(e.Key.id)
				break
			}
		}
	}
	next, err := r.Install(k, made)
	if err != nil {
		return before, err
	}
	if next.use, err = r.use.nextExpulsion(k.id); err != nil {
		return before, err
	}
	for _, e := range r.keys {
		if e.Key.id != k.id {
			next.drop(e.Key.id)
		}
	}
	next.barred = lowest(joined(r.barred, hosts, views.HostID.Compare), BarredMax)
	return next, nil
}

func (r Ring) check(id ID) error {
	if r.Removed(id) {
		return fmt.Errorf("key %v: %w", id, ErrRemoved)
	}
	if _, found := r.find(id); !found {
		return fmt.Errorf("key %v: %w", id, ErrUnknown)
	}
	return nil
}

// mergedMax bounds the live keys of rings that were changed apart and merged, the one in use
// among them.
const mergedMax = 4 * KeysMax

// Merge makes one ring of two. It may hold more than KeysMax keys, up to four times
// as many, where the two were changed apart. Where one has seen an expulsion that the
// other has not, what is live in the other alone is removed: who was expelled may know it.
func Merge(a, b Ring) Ring {
	a, b = a.outlived(b), b.outlived(a)
	m := Ring{
		removed: lowest(joined(a.removed, b.removed, cmp.Compare[ID]), RemovedMax),
		barred:  lowest(joined(a.barred, b.barred, views.HostID.Compare), BarredMax),
		use:     a.use,
	}
	if b.use.compare(a.use) > 0 {
		m.use = b.use
	}
	others := 0
	for _, e := range joined(a.keys, b.keys, compareEntries) {
		last := len(m.keys) - 1
		switch {
		case m.Removed(e.Key.id) || last >= 0 && m.keys[last].Key.id == e.Key.id:
			continue
		case e.Key.id != m.use.id:
			if others++; others >= mergedMax {
				continue
			}
		}
		m.keys = append(m.keys, e)
	}
	return m
}

// outlived gives what is left of r beside a ring that may have seen more expulsions.
func (r Ring) outlived(o Ring) Ring {
	if r.use.expulsions() >= o.use.expulsions() {
		return r
	}
	before := r.keys
	for _, e := range before {
		if _, live := o.find(e.Key.id); !live {
			r.drop(e.Key.id)
		}
	}
	return r
}

// compareEntries orders by name, and one name by what else there is, so that the
// result does not depend on where an entry came from.
func compareEntries(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Key.id, b.Key.id), slices.Compare(a.Key.secret[:], b.Key.secret[:]), cmp.Compare(a.Made, b.Made))
}

// joined gives what is in either of two sorted lists, once, sorted.
func joined[T any](a, b []T, compare func(T, T) int) []T {
	all := append(slices.Clone(a), b...)
	slices.SortFunc(all, compare)
	return slices.CompactFunc(all, func(x, y T) bool { return compare(x, y) == 0 })
}

func lowest[T any](list []T, most int) []T { return list[:min(len(list), most)] }

// Digest tells rings apart without giving anything away; 0 of the zero Ring.
func (r Ring) Digest() uint64 {
	if r.IsZero() {
		return 0
	}
	h := sha256.New()
	_, _ = io.WriteString(h, "gmsd ring digest 1\x00")
	h.Write(r.AppendTo(nil))
	return binary.BigEndian.Uint64(h.Sum(nil))
}
